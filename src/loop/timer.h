/* loop/timer.h - deadlines in a timer wheel: set and cancel in O(1), however many there are.
 *
 * Coarse: nearly all of them are time limits of connections, which are moved far more often than
 * they are met, and nobody minds 16 ms.
 *
 *   I1  a timer never fires before due_ms; it fires in the first lc_timers_run at or after due_ms
 *       rounded up to a tick (a due time already past when set counts as the next tick).
 *   I2  a timer set by a callback fires in a later lc_timers_run, never in the one that runs.
 *   I3  a timer that fires is out of the wheel before its callback runs; the callback may set,
 *       cancel or free any timer, its own included. */
#ifndef LC_LOOP_TIMER_H
#define LC_LOOP_TIMER_H

#include "base/base.h"
#include "base/list.h"

#define LC_TIMER_TICK_MS 16

enum { LC_TIMER_SLOTS = 64, LC_TIMER_LEVELS = 4 };

/* All zero but for fn is a timer that is not set; so is what lc_timer_init leaves. */
struct lc_timer {
    struct lc_list link;
    uint64_t due_ms;
    void (*fn)(struct lc_timer *t, uint64_t now_ms);
};

struct lc_timers {
    uint64_t tick; /* all up to this one were run */
    uint64_t
        occupied[LC_TIMER_LEVELS]; /* a bit per slot; a cancelled timer may leave its bit set */
    struct lc_list slots[LC_TIMER_LEVELS][LC_TIMER_SLOTS];
};

void lc_timers_init(struct lc_timers *w, uint64_t now_ms);

static inline void lc_timer_init(struct lc_timer *t, void (*fn)(struct lc_timer *, uint64_t))
{
    lc_list_init(&t->link);
    t->due_ms = 0;
    t->fn = fn;
}

static inline bool lc_timer_is_set(const struct lc_timer *t)
{
    return t->link.next != NULL && !lc_list_is_empty(&t->link);
}

/* Sets or moves t.  t->fn must be there already. */
void lc_timer_set(struct lc_timers *w, struct lc_timer *t, uint64_t due_ms);
/* Harmless when t is not set. */
void lc_timer_cancel(struct lc_timer *t);

/* Fires what is due, earlier ticks first. */
void lc_timers_run(struct lc_timers *w, uint64_t now_ms);
/* For how long nothing can happen, or -1 when nothing is set.  May be too short (a far timer comes
 * nearer in steps, a cancelled one may have left a trace), never too long. */
LC_MUST_USE int lc_timers_next_ms(struct lc_timers *w, uint64_t now_ms);

#endif
