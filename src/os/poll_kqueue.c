/* os/poll_kqueue.c - readiness by kqueue (macOS, FreeBSD, OpenBSD, NetBSD).
 *
 * UNTESTED: written from the manual pages, never run by the project.  It keeps the promises of
 * poll.h in the same words as poll_epoll.c, so that porting starts from something that reads alike.
 *
 * A filter is one direction, so a watch may be reported twice in a batch (once readable, once
 * writable).  LC_EXCLUSIVE has no counterpart; every waiting process wakes and all but one find the
 * listener empty. */
#include "os/poll.h"

#include "os/errno_int.h"
#include "os/fd.h"

#include <sys/types.h>

#include <errno.h>
#include <sys/event.h>
#include <sys/time.h>
#include <unistd.h>

#define BATCH_MAX 256

enum lc_rc lc_poll_open(struct lc_poll *p)
{
    p->fd = kqueue(); /* never inherited over fork, and of no use over exec */
    return p->fd != -1 ? LC_OK : lc_os_rc(errno);
}

void lc_poll_close(struct lc_poll *p)
{
    lc_fd_close(&p->fd);
}

static enum lc_rc control(struct lc_poll *p, struct lc_watch *w, short filter, unsigned short op)
{
    struct kevent ev;

    EV_SET(&ev, w->fd, filter, op, 0, 0, (void *)w);
    return kevent(p->fd, &ev, 1, NULL, 0, NULL) == 0 ? LC_OK : lc_os_rc(errno);
}

static enum lc_rc set_one(struct lc_poll *p, struct lc_watch *w, uint32_t events, uint32_t bit)
{
    short filter = bit == LC_READ ? EVFILT_READ : EVFILT_WRITE;
    enum lc_rc rc;

    if ((events & bit) == (w->events & bit))
        return LC_OK;
    rc = control(p, w, filter, events & bit ? EV_ADD : EV_DELETE);
    if (rc == LC_OK)
        w->events ^= bit;
    return rc;
}

enum lc_rc lc_poll_set(struct lc_poll *p, struct lc_watch *w, uint32_t events)
{
    enum lc_rc rc;

    if (events == w->events)
        return LC_OK;
    if ((rc = set_one(p, w, events, LC_READ)) != LC_OK)
        return rc;
    if ((rc = set_one(p, w, events, LC_WRITE)) != LC_OK)
        return rc;
    w->events = events;
    return LC_OK;
}

void lc_poll_forget(struct lc_poll *p, struct lc_watch *w)
{
    (void)p;
    w->events = 0;
}

/* EV_EOF on the reading side is only the end of what the peer sends: that is LC_READ, as in epoll.
 * */
static uint32_t events_of(const struct kevent *ev)
{
    uint32_t events = ev->filter == EVFILT_READ ? LC_READ : LC_WRITE;
    bool is_gone = (ev->flags & EV_EOF) && (ev->filter == EVFILT_WRITE || ev->fflags != 0);

    return is_gone || (ev->flags & EV_ERROR) ? events | LC_HUP : events;
}

enum lc_rc lc_poll_wait(struct lc_poll *p, struct lc_ready *out, int max, int timeout_ms, int *n)
{
    struct kevent ev[BATCH_MAX];
    struct timespec ts = {.tv_sec = timeout_ms / 1000, .tv_nsec = timeout_ms % 1000 * 1000000L};
    int got = kevent(p->fd, NULL, 0, ev, LC_MIN(max, BATCH_MAX), timeout_ms < 0 ? NULL : &ts);

    *n = 0;
    if (got == -1)
        return lc_os_rc(errno);
    for (int i = 0; i < got; i++)
        out[i] =
            (struct lc_ready){.w = (struct lc_watch *)ev[i].udata, .events = events_of(&ev[i])};
    *n = got;
    return LC_OK;
}
