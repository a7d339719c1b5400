/* os/wake_eventfd.c - the wake-up of a waiting poll, by eventfd (Linux): one descriptor, a counter.
 * */
#include "os/poll.h"

#include "os/errno_int.h"
#include "os/fd.h"

#include <errno.h>
#include <sys/eventfd.h>
#include <unistd.h>

enum lc_rc lc_wake_open(struct lc_wake *k)
{
    k->fd = k->write_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    return k->fd != -1 ? LC_OK : lc_os_rc(errno);
}

/* The only failure left is a counter at its maximum, and then it is raised indeed. */
void lc_wake_raise(struct lc_wake *k)
{
    uint64_t one = 1;
    int saved = errno; /* may run in a signal handler */

    while (write(k->write_fd, &one, sizeof(one)) == -1 && errno == EINTR)
        continue;
    errno = saved;
}

void lc_wake_drain(struct lc_wake *k)
{
    uint64_t count;

    while (read(k->fd, &count, sizeof(count)) == -1 && errno == EINTR)
        continue;
}

void lc_wake_close(struct lc_wake *k)
{
    lc_fd_close(&k->fd);
    k->write_fd = -1;
}
