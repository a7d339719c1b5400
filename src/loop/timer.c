/* loop/timer.c - deadlines in a hierarchical timer wheel.
 *
 * Why not a heap: a keep-alive connection moves its deadline on each request, and a heap pays
 * O(log n) cache misses for what is two list operations here.  Why levels: one wheel of 16 ms slots
 * would need a turn of minutes to keep keep-alive timers from being looked at again and again.
 *
 *   I1  a timer in level k sits in slot (due tick >> 6k) mod 64, 1 to 63 slots ahead of the level's
 *       hand (w->tick >> 6k) mod 64: between steps the slot under a hand is empty.
 *   I2  a slot with timers has its bit in w->occupied; a bit may outlive its timers.
 *
 *     level 0   16 ms a slot   1.0 s a turn      hand steps each tick, its slot fires
 *     level 1   1.0 s          66 s              hand steps when level 0 has made a turn: the
 *     level 2   66 s           70 min            slot's timers are set anew, nearer by a level
 *     level 3   70 min         75 h              or more; beyond, they wait at the rim */
#include "loop/timer.h"

#include <limits.h>

#define SLOT_BITS 6u
#define SLOT_MASK ((uint64_t)(LC_TIMER_SLOTS - 1))
#define NO_TICK   UINT64_MAX

_Static_assert(LC_TIMER_SLOTS == 1 << SLOT_BITS, "one bit of `occupied` a slot");
_Static_assert(sizeof(struct lc_timer) <= 40, "several per connection");

static unsigned level_shift(int level)
{
    return SLOT_BITS * (unsigned)level;
}

void lc_timers_init(struct lc_timers *w, uint64_t now_ms)
{
    w->tick = now_ms / LC_TIMER_TICK_MS;
    for (int level = 0; level < LC_TIMER_LEVELS; level++) {
        w->occupied[level] = 0;
        for (int i = 0; i < LC_TIMER_SLOTS; i++)
            lc_list_init(&w->slots[level][i]);
    }
}

/* Rounded up, so that the tick has come only when the time has; no sum, for due_ms may be "never". */
static uint64_t tick_of(uint64_t due_ms)
{
    return due_ms / LC_TIMER_TICK_MS + (due_ms % LC_TIMER_TICK_MS != 0);
}

/* tick > w->tick, or equal in the midst of a step. */
static void place(struct lc_timers *w, struct lc_timer *t, uint64_t tick)
{
    int level = 0;
    uint64_t slot;

    while ((tick >> level_shift(level)) - (w->tick >> level_shift(level)) > SLOT_MASK) {
        if (level == LC_TIMER_LEVELS - 1) { /* the rim: looked at again when its slot comes */
            tick = ((w->tick >> level_shift(level)) + SLOT_MASK) << level_shift(level);
            break;
        }
        level++;
    }
    slot = (tick >> level_shift(level)) & SLOT_MASK;
    w->occupied[level] |= (uint64_t)1 << slot;
    lc_list_append(&w->slots[level][slot], &t->link);
}

void lc_timer_set(struct lc_timers *w, struct lc_timer *t, uint64_t due_ms)
{
    LC_CHECK(t->fn != NULL);
    lc_timer_cancel(t);
    t->due_ms = due_ms;
    place(w, t, LC_MAX(tick_of(due_ms), w->tick + 1));
}

void lc_timer_cancel(struct lc_timer *t)
{
    if (lc_timer_is_set(t))
        lc_list_remove(&t->link);
}

/* The first tick at which this level's hand meets a slot with timers in it. */
static uint64_t level_next(struct lc_timers *w, int level)
{
    uint64_t at = w->tick >> level_shift(level);

    while (w->occupied[level] != 0) {
        unsigned hand = (unsigned)(at & SLOT_MASK);
        uint64_t bits = w->occupied[level];
        uint64_t turned = hand != 0 ? bits >> hand | bits << (LC_TIMER_SLOTS - hand) : bits;
        uint64_t next = at + (uint64_t)__builtin_ctzll(turned);
        if (!lc_list_is_empty(&w->slots[level][next & SLOT_MASK]))
            return next << level_shift(level);
        w->occupied[level] &= ~((uint64_t)1 << (next & SLOT_MASK)); /* all of them were cancelled */
    }
    return NO_TICK;
}

static uint64_t next_tick(struct lc_timers *w)
{
    uint64_t next = NO_TICK;

    for (int level = 0; level < LC_TIMER_LEVELS; level++) {
        uint64_t candidate = level_next(w, level);
        next = LC_MIN(next, candidate);
    }
    return next;
}

/* What the slot under a level's hand holds is due now (level 0), or moves to a nearer slot: perhaps
 * the one under the hand of level 0, which step empties last. */
static void empty_slot(struct lc_timers *w, int level, struct lc_list *due)
{
    uint64_t slot = (w->tick >> level_shift(level)) & SLOT_MASK;
    struct lc_list *head = &w->slots[level][slot];
    struct lc_timer *t;

    w->occupied[level] &= ~((uint64_t)1 << slot);
    while ((t = LC_LIST_FIRST(head, struct lc_timer, link)) != NULL) {
        lc_list_remove(&t->link);
        if (level == 0)
            lc_list_append(due, &t->link);
        else
            place(w, t, tick_of(t->due_ms));
    }
}

/* Moves all hands to the next tick that matters. */
static void step(struct lc_timers *w, uint64_t tick, struct lc_list *due)
{
    w->tick = tick;
    for (int level = LC_TIMER_LEVELS - 1; level >= 0; level--) {
        bool is_turn = (tick & (((uint64_t)1 << level_shift(level)) - 1)) == 0;
        if (is_turn)
            empty_slot(w, level, due);
    }
}

void lc_timers_run(struct lc_timers *w, uint64_t now_ms)
{
    uint64_t target = now_ms / LC_TIMER_TICK_MS;
    uint64_t tick;
    struct lc_list due;
    struct lc_timer *t;

    lc_list_init(&due);
    while (w->tick < target) {
        tick = next_tick(w);
        if (tick > target) {
            w->tick = target;
            break;
        }
        step(w, tick, &due);
    }
    /* All are collected before the first fires: a callback then meets a wheel whose hands stand
     * still, and what it sets lands behind them.  Taking one at a time lets it cancel the others. */
    while ((t = LC_LIST_FIRST(&due, struct lc_timer, link)) != NULL) {
        lc_list_remove(&t->link);
        t->fn(t, now_ms);
    }
}

int lc_timers_next_ms(struct lc_timers *w, uint64_t now_ms)
{
    uint64_t tick = next_tick(w);
    uint64_t at_ms = tick * LC_TIMER_TICK_MS;

    if (tick == NO_TICK)
        return -1;
    if (at_ms <= now_ms)
        return 0;
    return (int)LC_MIN(at_ms - now_ms, (uint64_t)INT_MAX);
}
