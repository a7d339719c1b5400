/* os/poll_epoll.c - readiness by epoll (Linux).
 *
 * EPOLLRDHUP is not asked for: a peer that only finished sending is readable, and a reader that
 * paused must not be woken by it in a loop.  EPOLLERR and EPOLLHUP come unasked and cannot be
 * turned off while a descriptor is registered; who wants silence sets no interest at all. */
#include "os/poll.h"

#include "os/errno_int.h"
#include "os/fd.h"

#include <errno.h>
#include <sys/epoll.h>
#include <unistd.h>

#define BATCH_MAX 256

enum lc_rc lc_poll_open(struct lc_poll *p)
{
    p->fd = epoll_create1(EPOLL_CLOEXEC);
    return p->fd != -1 ? LC_OK : lc_os_rc(errno);
}

void lc_poll_close(struct lc_poll *p)
{
    lc_fd_close(&p->fd);
}

static enum lc_rc control(struct lc_poll *p, int op, struct lc_watch *w, uint32_t events)
{
    struct epoll_event ev = {.data.ptr = w};

    if (events & LC_READ)
        ev.events |= EPOLLIN;
    if (events & LC_WRITE)
        ev.events |= EPOLLOUT;
    if (events & LC_EXCLUSIVE)
        ev.events |= EPOLLEXCLUSIVE;
    if (epoll_ctl(p->fd, op, w->fd, &ev) == 0)
        return LC_OK;
    /* ENOSPC means max_user_watches here, not a disk. */
    return errno == ENOSPC ? LC_ENOMEM : lc_os_rc(errno);
}

/* The kernel refuses to modify an exclusive registration, or to make one exclusive: anew then. */
static enum lc_rc replace(struct lc_poll *p, struct lc_watch *w, uint32_t events)
{
    enum lc_rc rc;

    if (((w->events | events) & LC_EXCLUSIVE) == 0)
        return control(p, EPOLL_CTL_MOD, w, events);
    if ((rc = control(p, EPOLL_CTL_DEL, w, 0)) != LC_OK)
        return rc;
    w->events = 0;
    return control(p, EPOLL_CTL_ADD, w, events);
}

enum lc_rc lc_poll_set(struct lc_poll *p, struct lc_watch *w, uint32_t events)
{
    enum lc_rc rc;

    LC_DEBUG_CHECK((events & ~(uint32_t)(LC_READ | LC_WRITE | LC_EXCLUSIVE)) == 0);
    if (events == w->events)
        return LC_OK;
    if (w->events == 0)
        rc = control(p, EPOLL_CTL_ADD, w, events);
    else if (events == 0)
        rc = control(p, EPOLL_CTL_DEL, w, 0);
    else
        rc = replace(p, w, events);
    if (rc == LC_OK)
        w->events = events;
    return rc;
}

void lc_poll_forget(struct lc_poll *p, struct lc_watch *w)
{
    (void)p;
    w->events = 0;
}

static uint32_t events_of(uint32_t kernel)
{
    return (kernel & EPOLLIN ? LC_READ : 0u) | (kernel & EPOLLOUT ? LC_WRITE : 0u) |
           (kernel & (EPOLLERR | EPOLLHUP) ? LC_HUP : 0u);
}

enum lc_rc lc_poll_wait(struct lc_poll *p, struct lc_ready *out, int max, int timeout_ms, int *n)
{
    struct epoll_event ev[BATCH_MAX];
    int got = epoll_wait(p->fd, ev, LC_MIN(max, BATCH_MAX), timeout_ms);

    *n = 0;
    if (got == -1)
        return lc_os_rc(errno);
    for (int i = 0; i < got; i++)
        out[i] = (struct lc_ready){.w = ev[i].data.ptr, .events = events_of(ev[i].events)};
    *n = got;
    return LC_OK;
}
