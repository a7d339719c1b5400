/* loop/test/explore_calls.c - what happens inside calls, after engine/serve.c and pybind/wsgi. */
#include "explore_house.h"

#include <string.h>

#define LONG_NS 100000000u /* one such call makes the average long */

static struct lc_owner *const o = &house.owner;

/* --- what a call waits for ------------------------------------------------------------------------------------ */

static int is_all_served(void *arg LC_UNUSED)
{
    return house_nevents() == 0 || o->state == LC_OWNER_ENDED;
}

/* The other requests have been called, or their clients left. */
static int is_other_called(void *arg)
{
    for (int i = 0; i < REQUESTS; i++) {
        struct request *q = &house.requests[i];

        if (q != arg && house_story->calls[i] && q->ncalls == 0 && !q->is_gone)
            return o->state == LC_OWNER_ENDED;
    }
    return true;
}

/* A wait inside a call; the main thread's ends for a signal, too. */
struct wait {
    struct request *q;
    bool for_task, is_main;
};

static bool is_over(void *arg)
{
    const struct wait *w = arg;

    if (w->is_main && house.has_signal)
        return true;
    return w->for_task ? w->q->was_task_run : w->q->has_body;
}

static int one_way(void *arg LC_UNUSED)
{
    return 1;
}

/* --- steps ---------------------------------------------------------------------------------------------------- */

/* False, and without the lock, in a forked child. */
static bool enter(void)
{
    enum lc_rc rc = lc_owner_enter(o);

    house_check((rc == LC_CLOSED) == house.is_child,
                "a forked child must not enter, all others must");
    return rc == LC_OK;
}

void house_stop(void)
{
    house_leave_guest(NULL);
    if (!enter())
        return;
    house_end();
    lc_loop_wake(&house_loop);
    lc_owner_leave(o);
}

static void put_off(struct request *q)
{
    q->was_task_run = false;
    if (lc_list_is_empty(&q->task.link))
        lc_list_append(&house_loop.deferred, &q->task.link);
}

/* The guest's handlers.  One that is caught between the two steps is handled at once, and looked for again. */
static void handle_signals(void)
{
    (void)sim_aside("handles signals", one_way, NULL);
    house.has_signal = false;
    house_enter_guest();
    (void)sim_aside("handles signals", one_way, NULL);
    house.nsignals = 0;
}

static void wait_inside(struct room *r, struct request *q, bool for_task)
{
    struct wait wait = {.q = q, .for_task = for_task, .is_main = r->is_main};
    enum lc_rc rc;

    do {
        house_leave_guest(NULL);
        if (!enter())
            return;
        if (for_task && !q->was_task_run)
            put_off(q);
        rc = lc_owner_wait(o, &r->seat, is_over, &wait);
        house_check(rc == LC_CLOSED ? o->state == LC_OWNER_ENDED : is_over(&wait),
                    "a wait ended too early");
        lc_owner_leave(o);
        if (wait.is_main && house.has_signal)
            handle_signals();
    } while (rc == LC_OK && !(for_task ? q->was_task_run : q->has_body));
}

static void touch(struct request *q, char op)
{
    if (!enter())
        return;
    if (op == 'd')
        put_off(q);
    else if (op == 'T')
        house.has_timer = true;
    else if (op >= '1' && op <= '4')
        house_add_ready(op - '1');
    else if (op == 'k')
        house_signal();
    else
        house_check(op == 't', "a letter that means nothing");
    lc_owner_leave(o);
}

static int two_ways(void *arg LC_UNUSED)
{
    return 2;
}

static void fork_off(void)
{
    if (house.is_child || sim_aside("forks", two_ways, NULL) == 0)
        return;
    house.is_child = true;
    o->is_forked = true;
    sim_be_alone();
}

/* One letter of a call's script; explore_story.h says what they mean. */
static void do_op(struct room *r, struct request *q, char op)
{
    switch (op) {
    case 'w':
    case 'x':
        q->was_task_run = false;
        wait_inside(r, q, op == 'x');
        break;
    case 'e':
        house_leave_guest(NULL);
        sim_until("until all is served", is_all_served, NULL);
        break;
    case 'E':
        sim_until("until all is served, with the guest", is_all_served, NULL);
        break;
    case 'o':
        house_leave_guest(NULL);
        sim_until("until the others were called", is_other_called, q);
        break;
    case 's':
        house_stop();
        break;
    case 'f':
        fork_off();
        break;
    default:
        touch(q, op);
    }
    house_enter_guest();
}

void house_run_script(struct room *r, struct request *q, const char *script)
{
    house_enter_guest();
    for (const char *c = script; *c; c++) {
        if (*c != 'l' && *c != 'D')
            do_op(r, q, *c);
    }
    if (house.is_child)
        sim_end();
}

/* --- calls ---------------------------------------------------------------------------------------------------- */

void house_call_one(struct room *r)
{
    int i = house.ready[0];
    struct request *q = &house.requests[i];
    bool is_stepping = lc_owner_steps(o, &r->seat);

    house_check(house.nready > 0, "calls, and nothing is ready");
    house_remove_ready(0);
    q->ncalls++;
    if (is_stepping) {
        house_check(house.caller == NULL, "two calls have the engine");
        house.caller = r;
    }
    lc_owner_begin_call(o, &r->seat);
    lc_owner_leave(o);
    house_run_script(r, q, house_story->calls[i]);
    (void)enter();
    q->nended++;
    if (house.is_inline_turn)
        house.is_corked = true; /* its answer */
    if (house.caller == r)
        house.caller = NULL;
    if (strchr(house_story->calls[i], 'D'))
        put_off(q);
    lc_owner_end_call(o, &r->seat, strchr(house_story->calls[i], 'l') ? LONG_NS : 1000);
}

void house_run_handlers(struct room *r)
{
    bool is_stepping = lc_owner_steps(o, &r->seat);

    if (is_stepping)
        lc_owner_begin_call(o, &r->seat);
    lc_owner_leave(o);
    handle_signals();
    if (house_story->handlers)
        sim_until("until all is served, in a handler", is_all_served, NULL);
    lc_mutex_lock(&o->lock);
    if (is_stepping)
        lc_owner_end_call(o, &r->seat, o->call_ns);
}
