/* loop/owner.h - who owns the engine: one lock, and one thread at a time that is due to step.
 *
 * The thread that steps calls the application itself.  During the call nobody steps, but only shortly: the watcher
 * (loop/watch.h) looks every millisecond, and takes a call's engine away when it finds the same call twice.
 *
 *      FREE ------> STEPPED(t) <---------- PASSED(t)
 *                    |   ^  \                 ^
 *           a call   |   |   \  t waits,      |  an idle thread
 *           begins   v   |    \ or calls are  |  is there
 *                  CALLING(t)  \ long: given -+
 *                        \      \ away        |  none is
 *                         \ stolen \--------> WATCHED --- a thread becomes idle ---> STEPPED
 *                          \------------------^             any --> ENDED
 *
 *   I1  the engine's state, and everything here, is touched under the lock alone.  Who holds the lock owns the engine.
 *   I2  the lock is held for the length of one event or one operation.  Nobody who holds it waits for anything, neither
 *       for a descriptor nor for the guest (no GIL): so a thread of the guest may wait for the lock.
 *   I3  one thread at most is due to step, and it alone waits for events, without the lock.
 *   I4  a request that is ready has somebody who will take it: the stepper between two events, a thread that ends its
 *       call, or an idle one that was woken for it; if none of them comes within two milliseconds, the watcher grows
 *       the pool or the request waits for a thread, never for the engine.
 *
 * docs/OWNERSHIP.md tells the whole story. */
#ifndef LC_LOOP_OWNER_H
#define LC_LOOP_OWNER_H

#include "base/base.h"
#include "base/list.h"
#include "loop/host.h"
#include "loop/loop.h"
#include "os/thread.h"

#include <stdatomic.h>

#define LC_OWNER_LONG_NS \
    1000000u /* calls that take this long on average are made without the engine */

enum lc_owner_state {
    LC_OWNER_FREE,    /* nobody yet */
    LC_OWNER_STEPPED, /* seat steps */
    LC_OWNER_CALLING, /* seat would, but is inside a call */
    LC_OWNER_PASSED,  /* seat was idle and has been woken to step */
    LC_OWNER_WATCHED, /* the watcher steps */
    LC_OWNER_ENDED,
};

enum lc_turn {
    LC_TURN_CALL, /* one ready request is yours */
    LC_TURN_STEP, /* you step */
    LC_TURN_LOOK, /* you were nudged */
    LC_TURN_IDLE, /* nothing came until due_ms */
    LC_TURN_END,
};

struct lc_owner;

/* A thread of the application, or of the guest that waits inside a call. */
struct lc_seat {
    struct lc_owner *owner;
    const struct lc_host *guest; /* leave() is safe to say twice */
    struct lc_cond wake;
    struct lc_list idle;    /* in owner->idle */
    struct lc_list waiting; /* in owner->waiting */
    bool (*ready)(void *arg);
    void *arg;
    bool is_called;  /* inside an application call */
    bool is_nudged;  /* should look at what the guest wants of it */
    bool is_invited; /* woken for a ready request */
};

struct lc_owner_face {
    void *ctx;
    /* The engine leaves a thread in the middle of its turn: what it put off is done now.  Under the lock. */
    void (*on_theft)(void *ctx);
    /* The watcher's turn: waits for events without the lock, serves them.  Called and returns under the lock. */
    void (*on_turn)(void *ctx);
};

struct lc_owner {
    uint32_t magic;
    struct lc_mutex lock;
    struct lc_loop *loop;
    struct lc_owner_face face;
    bool is_inline; /* false: the watcher always steps */
    bool is_forked; /* a child that the application forked: the engine is not its own */
    enum lc_owner_state state;
    struct lc_seat *seat;     /* of STEPPED, CALLING, PASSED */
    _Atomic uint64_t call_no; /* of the stepper's calls: the watcher tells two apart by it */
    _Atomic uint64_t
        calling;       /* the same while CALLING, else 0; the watcher reads both without the lock */
    uint64_t call_ns;  /* what recent calls took, on average */
    uint32_t nready;   /* requests that wait for a thread */
    uint32_t ninvited; /* idle threads that were woken for one and have not come yet */
    uint32_t nbusy;    /* seats inside a call */
    uint32_t nseats;   /* threads that serve */
    struct lc_list idle; /* seats without work, longest first */
    struct lc_list waiting;
    struct lc_cond left;        /* said when a seat leaves */
    struct lc_mutex watch_lock; /* after `lock`, if both: of the next two */
    struct lc_cond watch;
    bool is_called_for;        /* the watcher should look at the state */
    bool is_parked;            /* the watcher sleeps until a call begins */
    bool is_waiting, is_woken; /* the stepper waits for events; it was told to come back */
    uint32_t nwaiting;         /* it, and a watcher that was called back and has not come yet */
    uint64_t wait_no, wait_until_ms;
    atomic_uint nwant; /* threads that wait for the lock */
};

void lc_owner_init(struct lc_owner *o, struct lc_loop *loop, const struct lc_owner_face *face);
void lc_owner_fini(struct lc_owner *o); /* nobody else is left */
void lc_seat_init(struct lc_seat *s, struct lc_owner *o, const struct lc_host *guest);
void lc_seat_fini(struct lc_seat *s);

/* The lock, around every touch of the engine.  LC_CLOSED, without it, in a forked child. */
LC_MUST_USE enum lc_rc lc_owner_enter(struct lc_owner *o);
void lc_owner_leave(struct lc_owner *o);
/* Between two events of a turn: lets in who waits for the lock. */
void lc_owner_yield(struct lc_owner *o);

/* --- all that follows: under the lock --- */

/* A thread begins and ends to serve. */
void lc_owner_join(struct lc_owner *o, struct lc_seat *s);
void lc_owner_quit(struct lc_owner *o, struct lc_seat *s);

/* What the thread does next; sleeps without guest and lock until there is something, or until due_ms (0: for ever). */
enum lc_turn lc_owner_next(struct lc_owner *o, struct lc_seat *s, uint64_t due_ms);
/* The same for a thread that takes neither requests nor turns. */
enum lc_turn lc_owner_attend(struct lc_owner *o, struct lc_seat *s);

/* A request became ready. */
void lc_owner_add_ready(struct lc_owner *o);
/* One was taken back unserved (its client left). */
void lc_owner_drop_ready(struct lc_owner *o);

void lc_owner_begin_call(struct lc_owner *o, struct lc_seat *s);
void lc_owner_end_call(struct lc_owner *o, struct lc_seat *s, uint64_t took_ns);

/* Sleeps inside a call until ready(arg), which runs under the lock in whoever steps.  The guest must have been left.
 * LC_CLOSED: the engine has ended. */
LC_MUST_USE enum lc_rc lc_owner_wait(struct lc_owner *o, struct lc_seat *s,
                                     bool (*ready)(void *arg), void *arg);

/* After a turn: wakes the waits that are over. */
void lc_owner_look_at_waits(struct lc_owner *o);
/* Around the stepper's wait for events: the lock is free between them. */
uint64_t lc_owner_begin_wait(struct lc_owner *o, int timeout_ms);
/* wait_no: what begin_wait returned.  False: another has waited and stepped since, so what this wait brought may name what
 * is gone, and is dropped. */
LC_MUST_USE bool lc_owner_end_wait(struct lc_owner *o, uint64_t wait_no);
static inline bool lc_owner_steps(const struct lc_owner *o, const struct lc_seat *s)
{
    return o->state == LC_OWNER_STEPPED && o->seat == s;
}

/* The watcher: takes the engine from a call, and gives it to an idle thread or keeps it. */
void lc_owner_steal(struct lc_owner *o);
void lc_owner_nudge(struct lc_owner *o, struct lc_seat *s);
void lc_owner_end(struct lc_owner *o);

#endif
