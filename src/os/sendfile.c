/* os/sendfile.c - a file's bytes to a socket, by the kernel where it can.
 *
 * The BSDs' calls of that name differ from Linux's and from each other; there, and for files that
 * sendfile refuses (pipes, some file systems), a copy through the stack does the same. */
#include "os/sock.h"

#include "os/errno_int.h"
#include "os/fs.h"

#include <errno.h>

#ifdef __linux__
#    include <sys/sendfile.h>
#endif

#define COPY_MAX ((size_t)16384)
#define SEND_MAX ((size_t)0x7ffff000) /* what Linux takes in one call */

static enum lc_rc copy(int fd, int file_fd, off_t *off, size_t n, size_t *sent)
{
    char bytes[COPY_MAX];
    size_t got;
    enum lc_rc rc;

    if ((rc = lc_pread_some(file_fd, bytes, LC_MIN(n, COPY_MAX), *off, &got)) != LC_OK)
        return rc == LC_CLOSED ? LC_EIO : rc; /* CLOSED would speak of the peer */
    rc = lc_sock_send(fd, bytes, got, sent);
    *off += (off_t)*sent;
    return rc;
}

#ifdef __linux__
/* -1 with errno, as sendfile. */
static ssize_t kernel_send(int fd, int file_fd, off_t *off, size_t n)
{
    ssize_t r;

    do {
        r = sendfile(fd, file_fd, off, LC_MIN(n, SEND_MAX));
    } while (r == -1 && errno == EINTR);
    return r;
}

enum lc_rc lc_sock_sendfile(int fd, int file_fd, off_t *off, size_t n, size_t *sent)
{
    ssize_t r;

    *sent = 0;
    if (n == 0)
        return LC_OK;
    r = kernel_send(fd, file_fd, off, n);
    if (r > 0) {
        *sent = (size_t)r;
        return LC_OK;
    }
    if (r == 0)
        return LC_EIO; /* the file is shorter than promised */
    if (errno == EINVAL || errno == ENOSYS || errno == EOPNOTSUPP)
        return copy(fd, file_fd, off, n, sent);
    return lc_os_send_rc(errno);
}
#else
enum lc_rc lc_sock_sendfile(int fd, int file_fd, off_t *off, size_t n, size_t *sent)
{
    *sent = 0;
    return n != 0 ? copy(fd, file_fd, off, n, sent) : LC_OK;
}
#endif
