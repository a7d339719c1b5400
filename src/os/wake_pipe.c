/* os/wake_pipe.c - the wake-up of a waiting poll, by a pipe, where there is no eventfd.
 *
 * A full pipe refuses the byte, which is fine: it is readable already. */
#include "os/poll.h"

#include "os/fd.h"

#include <errno.h>
#include <unistd.h>

enum lc_rc lc_wake_open(struct lc_wake *k)
{
    int fds[2];
    enum lc_rc rc = lc_fd_pipe(fds);

    k->fd = fds[0];
    k->write_fd = fds[1];
    return rc;
}

void lc_wake_raise(struct lc_wake *k)
{
    int saved = errno; /* may run in a signal handler */

    while (write(k->write_fd, "", 1) == -1 && errno == EINTR)
        continue;
    errno = saved;
}

void lc_wake_drain(struct lc_wake *k)
{
    char bytes[256];
    ssize_t n;

    do {
        n = read(k->fd, bytes, sizeof(bytes));
    } while (n > 0 || (n == -1 && errno == EINTR));
}

void lc_wake_close(struct lc_wake *k)
{
    lc_fd_close(&k->fd);
    lc_fd_close(&k->write_fd);
}
