/* os/memfile.c - a nameless file in memory; where the system has none, a temporary file. */
#include "os/memfile.h"

#include "os/errno_int.h"
#include "os/fs.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

enum lc_rc lc_memfile_open(int *fd)
{
#ifdef MFD_CLOEXEC
    *fd = memfd_create("licorne", MFD_CLOEXEC);
    if (*fd == -1)
        return lc_os_rc(errno);
#else
    enum lc_rc rc = lc_tmpfile_open("/tmp", fd);

    if (rc != LC_OK)
        return rc;
#endif
    if (fcntl(*fd, F_SETFL, O_APPEND) == 0)
        return LC_OK;
    lc_fd_close(fd);
    return LC_EIO;
}

void lc_memfile_clear(int fd)
{
    if (ftruncate(fd, 0) == -1) {
        /* the old text stays: better than none */
    }
}

size_t lc_memfile_size(int fd)
{
    struct stat st;

    return fstat(fd, &st) == 0 && st.st_size > 0 ? (size_t)st.st_size : 0;
}

size_t lc_memfile_tail(int fd, char *out, size_t cap)
{
    size_t size = lc_memfile_size(fd), n = 0;
    off_t off = size > cap ? (off_t)(size - cap) : 0;

    while (n < cap) {
        size_t got;

        if (lc_pread_some(fd, out + n, cap - n, off, &got) != LC_OK)
            break;
        n += got;
        off += (off_t)got;
    }
    return n;
}
