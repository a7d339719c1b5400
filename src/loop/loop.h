/* loop/loop.h - one turn of the engine: wait, read the clock once, serve what is ready, expire
 * timers, run deferred tasks.
 *
 *      host.leave -> poll wait -> host.enter -> clock -> ready watches -> deferred -> timers ->
 *      host.wakeup
 *
 * Runs in: worker, the thread that owns the engine.  Nothing here is safe to call from another
 * thread but lc_loop_wake.  Memory that a pending event may still name is freed by a deferred task,
 * never in a callback. */
#ifndef LC_LOOP_LOOP_H
#define LC_LOOP_LOOP_H

#include "base/base.h"
#include "base/list.h"
#include "loop/host.h"
#include "loop/timer.h"
#include "os/poll.h"

#include <time.h>

#define LC_LOOP_BATCH 256

/* Something to do at the end of this turn.  Embedded in its owner; queueing it twice is harmless. */
struct lc_task {
    struct lc_list link;
    void (*fn)(struct lc_task *t);
};

struct lc_loop {
    uint32_t magic;
    struct lc_poll poll;
    struct lc_timers timers;
    struct lc_wake wake;
    struct lc_watch wake_watch;
    const struct lc_host *host;
    uint64_t now_ms;    /* monotonic, as of this turn or the last lc_loop_refresh */
    time_t wall_s;      /* the wall clock's second, as of this turn */
    bool is_clock_told; /* tests and fuzz targets tell the time: refreshing leaves it alone */
    struct lc_list deferred;
    uint64_t turn_ms;                   /* the clock as this turn began */
    struct lc_ready *ready;             /* of this turn, in the memory of who waited for them */
    int nready, iready;                 /* those before iready were served */
    bool was_full;                      /* the batch was: more may have happened before turn_ms */
    struct lc_ready own[LC_LOOP_BATCH]; /* lc_loop_step's */
};

LC_MUST_USE enum lc_rc lc_loop_open(struct lc_loop *l, const struct lc_host *host);
void lc_loop_close(struct lc_loop *l);

LC_MUST_USE enum lc_rc lc_loop_watch(struct lc_loop *l, struct lc_watch *w, uint32_t events);
/* Before w->fd is closed: bookkeeping, and events of this turn that name w are dropped. */
void lc_loop_forget(struct lc_loop *l, struct lc_watch *w);

void lc_task_init(struct lc_task *t, void (*fn)(struct lc_task *t));
void lc_loop_defer(struct lc_loop *l, struct lc_task *t);
void lc_task_cancel(struct lc_task *t);

/* One turn; waits at most max_ms (-1: until something happens). */
void lc_loop_step(struct lc_loop *l, int max_ms);

/* The same turn in pieces, for who lets others at the engine while it waits, or does more between two events:
 *
 *      lc_loop_timeout -> (engine free) lc_loop_wait -> lc_loop_begin -> lc_loop_serve, while true -> lc_loop_end
 *
 * Only lc_loop_wait may run while another thread touches the engine.  Whoever then defers a task, or sets a timer for
 * earlier than the wait ends, wakes it.  Begun events that are not served yet may be served by another thread. */
int lc_loop_timeout(struct lc_loop *l, int max_ms);
/* Returns how many of at most LC_LOOP_BATCH are ready. */
int lc_loop_wait(struct lc_loop *l, struct lc_ready *ready, int timeout_ms);
void lc_loop_begin(struct lc_loop *l, struct lc_ready *ready, int n);
/* Serves one event.  False: there is none left. */
bool lc_loop_serve(struct lc_loop *l);
/* Deferred tasks, then timers. */
void lc_loop_end(struct lc_loop *l);
/* Are there events of this turn that were not served yet? */
static inline bool lc_loop_has_more(const struct lc_loop *l)
{
    return l->iready < l->nready;
}

/* Reads the clocks again: an application call may have taken long. */
void lc_loop_refresh(struct lc_loop *l);

/* The monotonic clock now, not as of this turn. */
uint64_t lc_loop_ns(void);

/* Ends the current or next wait; any thread, any time. */
void lc_loop_wake(struct lc_loop *l);

#endif
