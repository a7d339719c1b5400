/* os/fd.c - what holds for any descriptor.
 *
 * A close is never repeated on EINTR: Linux has freed the number by then, and another thread may
 * already own it again. */
#include "os/fd.h"

#include "os/errno_int.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <sys/stat.h>
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

void lc_fd_make_own(int fd)
{
    (void)fcntl(fd, F_SETFD, FD_CLOEXEC);
    (void)fcntl(fd, F_SETFL, O_NONBLOCK);
}

#ifdef __APPLE__
static int make_pipe(int fds[2])
{
    if (pipe(fds) == -1)
        return -1;
    lc_fd_make_own(fds[0]);
    lc_fd_make_own(fds[1]);
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

enum lc_rc lc_fd_kind(int fd, enum lc_fd_kind *kind)
{
    struct stat st;

    if (fstat(fd, &st) == -1)
        return LC_EIO;
    *kind = S_ISREG(st.st_mode)    ? LC_FD_FILE
            : S_ISFIFO(st.st_mode) ? LC_FD_PIPE
            : S_ISSOCK(st.st_mode) ? LC_FD_SOCKET
                                   : LC_FD_OTHER;
    return LC_OK;
}

#ifdef __linux__
enum lc_rc lc_fd_reopen(int fd, int *fresh)
{
    char path[40];

    snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
    *fresh = open(path, O_WRONLY | O_NONBLOCK | O_CLOEXEC | O_NOCTTY);
    return *fresh == -1 ? LC_EUNSUP : LC_OK;
}
#else
/* /dev/fd opens a duplicate there, whose mode is the original's. */
enum lc_rc lc_fd_reopen(int fd LC_UNUSED, int *fresh)
{
    *fresh = -1;
    return LC_EUNSUP;
}
#endif

enum lc_rc lc_fd_write(int fd, const void *p, size_t n, size_t *done)
{
    ssize_t got;

    *done = 0;
    do
        got = write(fd, p, n);
    while (got == -1 && errno == EINTR);
    if (got > 0) {
        *done = (size_t)got;
        return LC_OK;
    }
    return got == 0 ? LC_EIO : lc_os_send_rc(errno);
}

void lc_fd_await_room(int fd, int max_ms)
{
    struct pollfd p = {.fd = fd, .events = POLLOUT};

    if (poll(&p, 1, max_ms) == -1) {
        /* the write will tell */
    }
}
