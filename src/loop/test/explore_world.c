/* loop/test/explore_world.c - events, and the turns in which they are served, after engine/serve.c. */
#include "explore_house.h"

#include <string.h>

enum { SHORT_MS = 5, GROW_MS = 1 };

void house_check(bool is_true, const char *what)
{
    if (!is_true)
        sim_fail("%s", what);
}

/* --- what owner.c needs of the loop --------------------------------------------------------------------------- */

void lc_loop_wake(struct lc_loop *l LC_UNUSED)
{
    house.is_wake = true;
}

int lc_timers_next_ms(struct lc_timers *w LC_UNUSED, uint64_t now_ms LC_UNUSED)
{
    return house.has_timer ? SHORT_MS : -1;
}

/* --- the guest ------------------------------------------------------------------------------------------------ */

static int is_guest_free(void *arg LC_UNUSED)
{
    return house.guest == NOBODY;
}

void house_enter_guest(void)
{
    if (house.guest == sim_self())
        return;
    (void)sim_aside("guest", is_guest_free, NULL);
    house.guest = sim_self();
}

void house_leave_guest(void *ctx LC_UNUSED)
{
    if (house.guest == sim_self())
        house.guest = NOBODY;
}

/* --- what events bring ---------------------------------------------------------------------------------------- */

int house_nevents(void)
{
    return (int)strlen(house_story->events) - house.nserved;
}

void house_add_ready(int request)
{
    house.ready[house.nready++] = request;
    lc_owner_add_ready(&house.owner);
}

void house_remove_ready(int at)
{
    house.nready--;
    for (int i = at; i < house.nready; i++)
        house.ready[i] = house.ready[i + 1];
}

static void lose_client(int request)
{
    for (int i = 0; i < house.nready; i++) {
        if (house.ready[i] != request)
            continue;
        house_remove_ready(i);
        lc_owner_drop_ready(&house.owner);
        house.requests[request].is_gone = true;
        return;
    }
}

/* As on_guest_signal of engine/worker.c. */
void house_signal(void)
{
    house.nsignals++;
    house.has_signal = true;
    if (house.main_seat)
        lc_owner_nudge(&house.owner, house.main_seat);
}

void house_end(void)
{
    house.was_stopped = true;
    lc_owner_end(&house.owner);
    if (house.main_seat)
        lc_owner_nudge(&house.owner, house.main_seat);
}

static void serve_event(char c)
{
    if (c >= 'a' && c <= 'd')
        house_add_ready(c - 'a');
    else if (c >= 'A' && c <= 'D')
        house.requests[c - 'A'].has_body = true;
    else if (c >= '0' && c <= '3')
        lose_client(c - '0');
    else if (c == 'Z')
        house.requests[REQUESTS].has_body = true;
    else if (c == '?')
        house_signal();
    else if (c == '!')
        house.is_stop_due = true;
    else
        house_check(false, "an event that is none");
}

/* --- waits ---------------------------------------------------------------------------------------------------- */

/* A wait for events, and what it brought. */
struct batch {
    int timeout, n, nserved; /* how many events, after which ones */
    bool has_wake, is_over;
};

static bool may_grow(void)
{
    return house_story->attends && house.nserving < house_story->nseats;
}

static bool would_grow(void)
{
    int nstarting = house.nserving - (int)house.owner.nseats;

    return may_grow() && house.nready > nstarting && house.main_seat && !house.wants_thread &&
           lc_list_is_empty(&house.owner.idle);
}

static int turn_timeout(void)
{
    if (!lc_list_is_empty(&house_loop.deferred))
        return 0;
    if (house.owner.nready > house.owner.ninvited && may_grow())
        return GROW_MS;
    return house.has_timer ? SHORT_MS : -1;
}

/* Time that would change nothing passes only as often as the story says. */
static bool may_be_over(const struct batch *b)
{
    if (b->timeout == 0 || b->timeout == SHORT_MS || house.late > 0)
        return true;
    return b->timeout == GROW_MS && would_grow();
}

/* How many events have come, or none: the wake-up, or the wait's time is up. */
static int ways_of_poll(void *arg)
{
    return house_nevents() + (house.is_wake || may_be_over(arg) ? 1 : 0);
}

/* As with epoll, whatever is not served is told again, to all who wait. */
static void poll(struct batch *b, const struct room *r)
{
    int way;

    house_check(house.guest != sim_self(), "waits for events with the guest");
    house_check(!(house.is_turn && house.turn_room == r),
                "waits for events in the memory of those that are being served");
    house.npolls++;
    way = sim_aside("events", ways_of_poll, b);
    house.npolls--;
    b->nserved = house.nserved;
    b->has_wake = house.is_wake;
    if (way < house_nevents()) {
        b->n = way + 1;
        return;
    }
    b->is_over = !house.is_wake;
    if (b->is_over && b->timeout != 0 && b->timeout != SHORT_MS &&
        !(b->timeout == GROW_MS && would_grow()))
        house.late--;
}

/* --- turns ---------------------------------------------------------------------------------------------------- */

static void check_stepper(const char *what)
{
    const struct lc_owner *o = &house.owner;
    bool is_watcher = sim_self() == house.watcher_thread && o->state == LC_OWNER_WATCHED;

    house_check(sim_has_lock(sim_self()), "touches the engine without the lock");
    house_check(is_watcher || (o->state == LC_OWNER_STEPPED &&
                               LC_CONTAINER_OF(o->seat, struct room, seat)->thread == sim_self()),
                what);
}

static void begin_turn(const struct batch *b, const struct room *r)
{
    check_stepper("begins a turn, and does not step");
    house_check(!house.is_turn, "begins a turn in another");
    house_check(house.nserved == b->nserved, "begins a turn of events that were served");
    house.is_turn = true;
    house.is_inline_turn = r != NULL;
    house.turn_room = r;
    house.nleft = b->n;
    house.has_wake = b->has_wake;
}

static bool serve(void)
{
    check_stepper("serves, and does not step");
    if (house.has_wake) {
        house.has_wake = house.is_wake = false;
        return true;
    }
    if (house.nleft == 0)
        return false;
    house.nleft--;
    serve_event(house_story->events[house.nserved++]);
    return true;
}

/* What was put off for the turn's end while the engine was one thread's. */
void house_rest_and_uncork(void)
{
    house.caller = NULL;
    house.is_inline_turn = house.is_corked = false;
}

static void end_turn(void)
{
    check_stepper("ends a turn, and does not step");
    house_check(house.nleft == 0 && !house.has_wake, "ends a turn with events left");
    while (!lc_list_is_empty(&house_loop.deferred)) {
        struct lc_task *t = LC_CONTAINER_OF(house_loop.deferred.next, struct lc_task, link);

        lc_list_remove(&t->link);
        t->fn(t);
    }
    house_check(house.caller == NULL, "ends a turn inside a call");
    house.has_timer = false;
    house_rest_and_uncork();
    house.is_turn = false;
    if (house.is_stop_due)
        house_end();
    lc_owner_look_at_waits(&house.owner);
}

void house_step(struct room *r)
{
    struct lc_owner *o = &house.owner;
    struct batch b = {0};
    uint64_t wait_no;

    if (house.is_turn) {
        if (!serve()) {
            end_turn();
            return;
        }
        sim_gate();
        lc_owner_yield(o);
        return;
    }
    b.timeout = turn_timeout();
    house_leave_guest(NULL);
    wait_no = lc_owner_begin_wait(o, b.timeout);
    poll(&b, r);
    if (lc_owner_end_wait(o, wait_no) && lc_owner_steps(o, &r->seat))
        begin_turn(&b, r);
}

void house_on_turn(void *ctx LC_UNUSED)
{
    struct lc_owner *o = &house.owner;
    struct batch b = {0};
    uint64_t wait_no;

    if (!house.is_turn) {
        b.timeout = turn_timeout();
        wait_no = lc_owner_begin_wait(o, b.timeout);
        poll(&b, NULL);
        if (!lc_owner_end_wait(o, wait_no) || o->state != LC_OWNER_WATCHED)
            return;
        begin_turn(&b, NULL);
    }
    while (o->state == LC_OWNER_WATCHED && serve()) {
        sim_gate();
        lc_owner_yield(o);
    }
    if (o->state != LC_OWNER_WATCHED)
        return;
    end_turn();
    if (b.is_over && would_grow()) {
        house.wants_thread = true;
        lc_owner_nudge(o, house.main_seat);
    }
}

/* Events of a turn that others have taken over lie in this thread's memory: they are dropped, and told again. */
void house_leave_turn(const struct room *r)
{
    if (!house.is_turn || house.turn_room != r)
        return;
    house.turn_room = NULL;
    house.nleft = 0;
    house.has_wake = false;
}
