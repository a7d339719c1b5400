/* loop/test/explore_check.c - what must be true in every state of the miniature worker, at rest, and after the end. */
#include "explore_house.h"

static const struct lc_owner *const o = &house.owner;

static bool is_asleep(const struct lc_seat *s)
{
    const struct room *r = LC_CONTAINER_OF(s, const struct room, seat);

    return r->thread != NOBODY && sim_is_asleep(r->thread);
}

static void check_counts(void)
{
    uint32_t nbusy = 0, ninvited = 0, nidle = 0;

    for (int i = 0; i < SEATS; i++) {
        const struct room *r = &house.rooms[i];

        nbusy += r->seat.is_called;
        ninvited += r->seat.is_invited;
        if (r->seat.is_invited)
            house_check(!is_asleep(&r->seat) && lc_list_is_empty(&r->seat.idle),
                        "an invited seat sleeps, or counts as idle");
    }
    for (struct lc_list *e = o->idle.next; e != &o->idle; e = e->next) {
        nidle++;
        house_check(nidle <= SEATS, "the idle list is torn");
    }
    house_check(o->nbusy == nbusy, "nbusy is wrong");
    house_check(o->ninvited == ninvited, "ninvited is wrong");
    house_check(o->nready == (uint32_t)house.nready, "nready is wrong");
    house_check(house.npolls == 0 || o->nwaiting > 0,
                "somebody waits for events, and nobody knows");
}

/* I3: one is due to step, and whoever it is is awake, or will be told. */
static void check_turn(void)
{
    bool is_watcher_asleep = sim_is_asleep(house.watcher_thread);

    switch (o->state) {
    case LC_OWNER_PASSED:
        house_check(!is_asleep(o->seat) && lc_list_is_empty(&o->seat->idle),
                    "the engine was passed to a seat that sleeps on, or counts as idle");
        break;
    case LC_OWNER_STEPPED:
        house_check(!is_asleep(o->seat), "the stepper sleeps");
        house_check(!o->seat->is_called, "the stepper is inside a call");
        break;
    case LC_OWNER_CALLING:
        house_check(o->seat->is_called && lc_list_is_empty(&o->seat->waiting),
                    "a seat has the engine for a call that it does not make, or that waits");
        house_check(!o->is_parked || !is_watcher_asleep, "the watcher has parked during a call");
        break;
    case LC_OWNER_WATCHED:
        house_check(!is_watcher_asleep, "the watcher should step, and sleeps");
        break;
    default:
        break;
    }
}

/* What one thread put off for the turn's end while the engine was its own is done when the engine goes to another. */
static void check_theft(void)
{
    bool is_own = o->state == LC_OWNER_STEPPED || o->state == LC_OWNER_CALLING;

    if (o->state == LC_OWNER_ENDED)
        return;
    house_check(is_own || (!house.is_inline_turn && !house.is_corked),
                "the engine was taken, and an answer waits for the end of a turn");
    house_check(house.caller == NULL ||
                    (o->state == LC_OWNER_CALLING && &house.caller->seat == o->seat),
                "the engine was taken from a call whose exchange was not told to rest");
}

/* I4, and the same for signals, tasks and timers: somebody will look at them, and is not asleep. */
static void check_work(void)
{
    bool is_deaf = o->is_waiting && !o->is_woken;
    bool is_due = o->state == LC_OWNER_STEPPED || o->state == LC_OWNER_WATCHED;

    if (o->state == LC_OWNER_WATCHED && !lc_list_is_empty(&o->idle))
        house_check(o->nready <= o->ninvited,
                    "a request is ready, a seat idle, and nobody was invited");
    if (o->state == LC_OWNER_STEPPED && is_deaf)
        house_check(o->nready <= o->ninvited,
                    "a request is ready, and the stepper waits for events");
    if (is_due && is_deaf) {
        house_check(lc_list_is_empty(&house_loop.deferred) || o->wait_until_ms == 0,
                    "a task was put off, and the stepper waits for events");
        house_check(!house.has_timer || o->wait_until_ms != UINT64_MAX,
                    "a timer was set, and the stepper waits for ever");
    }
    if (house.main_seat && house.main_seat->is_nudged && o->state != LC_OWNER_ENDED)
        house_check(!is_asleep(house.main_seat) || !lc_list_is_empty(&house.main_seat->waiting),
                    "the main thread was nudged, and sleeps");
}

void house_look(void)
{
    if (house.is_child)
        return;
    check_counts();
    check_turn();
    check_theft();
    check_work();
}

/* --- at rest -------------------------------------------------------------------------------------------------- */

static void check_told(void)
{
    house_check(house_nevents() == 0, "there are events that nobody serves");
    house_check(house.nready == 0, "there are requests that nobody calls");
    house_check(house.npolls > 0 && o->is_waiting, "nobody waits for events");
    house_check(o->nbusy == 0, "a call has not come back");
    house_check(lc_list_is_empty(&o->waiting), "a wait inside a call has not ended");
    house_check(lc_list_is_empty(&house_loop.deferred), "a task was put off and not run");
    house_check(!house.has_timer, "a timer has not fired");
    house_check(house.nsignals == 0, "a signal was not handled");
    house_check(!house.is_turn, "a turn has not ended");
    for (int i = 0; i < REQUESTS; i++) {
        const struct request *q = &house.requests[i];

        if (house_story->calls[i])
            house_check(q->ncalls + q->is_gone == 1 && q->nended == q->ncalls,
                        "a request was not called once");
    }
}

static void check_left(void)
{
    house_check(sim_have_all_ended(), "after the end a thread has not left");
    house_check(house.is_child || o->nseats == 0, "nseats is wrong");
    for (int i = 0; i < REQUESTS; i++)
        house_check(house.requests[i].ncalls <= 1, "a request was called twice");
}

bool house_rest(void)
{
    if (house.is_child || house.has_rested) {
        check_left();
        return false;
    }
    if (!house.was_stopped)
        check_told();
    house.has_rested = true;
    return true;
}
