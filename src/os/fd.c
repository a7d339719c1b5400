/* os/fd.c - what holds for any descriptor.
 *
 * A close is never repeated on EINTR: Linux has freed the number by then, and another thread may
 * already own it again. */
#include "os/fd.h"

#include "os/errno_int.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

void lc_fd_close(int *fd)
{
    if (*fd != -1)
        (void)close(*fd);
    *fd = -1;
}

enum lc_rc lc_fd_set_nonblock(int fd, bool is_nonblocking)
{
    int flags = fcntl(fd, F_GETFL);
    int wanted = is_nonblocking ? flags | O_NONBLOCK : flags & ~O_NONBLOCK;

    if (flags == -1)
        return lc_os_rc(errno);
    if (wanted != flags && fcntl(fd, F_SETFL, wanted) == -1)
        return lc_os_rc(errno);
    return LC_OK;
}

#ifdef __APPLE__
static int make_pipe(int fds[2])
{
    if (pipe(fds) == -1)
        return -1;
    for (int i = 0; i < 2; i++) {
        (void)fcntl(fds[i], F_SETFD, FD_CLOEXEC);
        (void)fcntl(fds[i], F_SETFL, O_NONBLOCK);
    }
    return 0;
}
#else
static int make_pipe(int fds[2])
{
    return pipe2(fds, O_CLOEXEC | O_NONBLOCK);
}
#endif

enum lc_rc lc_fd_pipe(int fds[2])
{
    if (make_pipe(fds) == 0)
        return LC_OK;
    fds[0] = fds[1] = -1;
    return lc_os_rc(errno);
}
