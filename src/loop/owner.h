/* loop/owner.h - who owns the engine, and how an application call waits inside it.
 *
 * The thread that steps the engine calls the application itself, so during a call that thread is
 * still the owner. Everything the application does to its exchange happens between lc_owner_enter
 * and lc_owner_leave.  A call that must wait (for request bytes, for a slow reader) never steps the
 * engine from inside: it gives the engine to the keeper, a C thread without a guest, and sleeps
 * until the keeper finds its condition true and gives the engine back.
 *
 *        OWNED ---- lc_owner_wait ----> KEPT (keeper steps, nothing is dispatched) ---- ready()
 *        true ----> OWNED
 *
 *   I1  the engine is touched by its owner alone; the mutex orders the two hand-overs.
 *   I2  while KEPT, is_kept is true: complete requests queue, no application is called.
 *   I3  the keeper starts at the first wait; a worker that never waits has no such thread. */
#ifndef LC_LOOP_OWNER_H
#define LC_LOOP_OWNER_H

#include "base/base.h"
#include "loop/loop.h"
#include "os/thread.h"

enum lc_owner_state { LC_OWNED, LC_KEPT, LC_OWNER_ENDED };

struct lc_owner {
    uint32_t magic;
    struct lc_loop *loop;
    struct lc_mutex lock;
    struct lc_cond changed;
    struct lc_thread keeper;
    bool has_keeper;
    bool is_forked;    /* set in a child that the application forked: the engine is not its own */
    _Atomic int state; /* enum lc_owner_state; written under the lock */
    bool (*ready)(void *arg); /* what the sleeping call waits for; read by the keeper only */
    void *arg;
};

void lc_owner_init(struct lc_owner *o, struct lc_loop *loop);
void lc_owner_fini(struct lc_owner *o); /* ends the keeper; the caller owns the engine */

/* Around every touch of the engine from an application call.  LC_CLOSED in a forked child.  LC_AGAIN: another thread of
 * the application waits inside the call, so the keeper has the engine: lc_owner_await, then try again. */
LC_MUST_USE enum lc_rc lc_owner_enter(struct lc_owner *o);
void lc_owner_leave(struct lc_owner *o);

/* Sleeps until the keeper has given the engine back.  The guest must have been left. */
void lc_owner_await(struct lc_owner *o);

/* Sleeps until ready(arg), which runs on the keeper, is true.  The guest must have been left (no
 * GIL).  LC_OK: the caller owns the engine again.  LC_ENOMEM: no thread could be started, nothing
 * was waited for. */
LC_MUST_USE enum lc_rc lc_owner_wait(struct lc_owner *o, bool (*ready)(void *arg), void *arg);

static inline bool lc_owner_is_kept(const struct lc_owner *o)
{
    return o->state == LC_KEPT;
}

#endif
