/* os/poll.h - which descriptors are ready: epoll on Linux, kqueue on macOS and the BSDs.
 *
 * Level-triggered: what was not consumed is reported again, so a reader may stop anywhere.
 *
 *   I1  w->events is what the kernel was told; lc_poll_set compares with it and stays silent when
 *       nothing changes.  A new watch has {.fd, .fn, .events = 0}.
 *   I2  a batch from lc_poll_wait may name a watch that an earlier callback of the same batch
 *       removed: its memory must outlive the batch, and who dispatches skips w->events == 0. */
#ifndef LC_OS_POLL_H
#define LC_OS_POLL_H

#include "base/base.h"

enum {
    LC_READ = 1,
    LC_WRITE = 2,
    LC_HUP = 4,       /* reported only, asked or not: an error or a hang-up of both directions */
    LC_EXCLUSIVE = 8, /* with LC_READ on a listener: wake one of the processes that wait, not all */
};

struct lc_watch {
    int fd;
    uint32_t events; /* interest now; only lc_poll_set and lc_poll_forget write it */
    void (*fn)(struct lc_watch *w, uint32_t events);
};

struct lc_ready {
    struct lc_watch *w;
    uint32_t events; /* of LC_READ, LC_WRITE, LC_HUP */
};

struct lc_poll {
    int fd; /* itself readable when something is ready: a foreign event loop may watch it */
};

/* LC_ENOFD, LC_ENOMEM, LC_EIO.  Not shared over fork: the child closes it and opens its own. */
LC_MUST_USE enum lc_rc lc_poll_open(struct lc_poll *p);
void lc_poll_close(struct lc_poll *p);

/* Adds, changes or removes (events == 0) the interest.  LC_ENOMEM (the kernel's memory or its limit
 * of watches), LC_EIO; w->events is then what the kernel still knows. */
LC_MUST_USE enum lc_rc lc_poll_set(struct lc_poll *p, struct lc_watch *w, uint32_t events);
/* w->fd is about to be closed, and no duplicate of it lives on (here or in a child): the kernel
 * forgets by itself.  For a descriptor that is handed on, lc_poll_set(p, w, 0) is the way. */
void lc_poll_forget(struct lc_poll *p, struct lc_watch *w);

/* Waits up to timeout_ms (-1: for ever, 0: not at all).  LC_OK with *n ready watches, 0 of them
 * when the time is up; LC_EINTR; LC_EIO.  At most 256 are reported at once. */
LC_MUST_USE enum lc_rc lc_poll_wait(struct lc_poll *p, struct lc_ready *out, int max,
                                    int timeout_ms, int *n);

/* Makes a waiting poll return, from any thread or signal handler: watch .fd for LC_READ. */
struct lc_wake {
    int fd;       /* readable while raised */
    int write_fd; /* the same descriptor where the system has eventfd */
};

LC_MUST_USE enum lc_rc lc_wake_open(struct lc_wake *k);
void lc_wake_raise(struct lc_wake *k); /* raising what is raised changes nothing */
void lc_wake_drain(struct lc_wake *k);
void lc_wake_close(struct lc_wake *k);

#endif
