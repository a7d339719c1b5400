/* Who steps: the lock, the turn, and the watcher that takes it away.  Threads here are real; what they wait for is said by
 * condition variables, and alarm() ends a test that hangs. */
#include "loop/owner.h"
#include "loop/watch.h"

#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/test/support.h"

#define EACH(name) cmocka_unit_test(name)

struct house {
    struct lc_loop loop;
    struct lc_owner o;
    struct lc_watcher watcher;
    struct lc_cond changed; /* under the lock: something below did */
    int nthefts, nturns;
    bool is_ready;
    enum lc_turn other; /* what the other thread was told */
    bool has_other;
    struct lc_seat seat, second;
};

static void on_theft(void *ctx)
{
    ((struct house *)ctx)->nthefts++;
}

static void on_turn(void *ctx)
{
    struct house *h = ctx;
    struct timespec ms = {.tv_nsec = 1000000};

    h->nturns++;
    lc_cond_broadcast(&h->changed);
    lc_mutex_unlock(&h->o.lock);
    nanosleep(&ms, NULL); /* an event wait */
    lc_mutex_lock(&h->o.lock);
    lc_owner_look_at_waits(&h->o);
}

static void house_open(struct house *h, bool has_watcher)
{
    struct lc_owner_face face = {.ctx = h, .on_theft = on_theft, .on_turn = on_turn};

    alarm(30);
    memset(h, 0, sizeof *h);
    assert_int_equal(lc_loop_open(&h->loop, NULL), LC_OK);
    lc_owner_init(&h->o, &h->loop, &face);
    lc_cond_init(&h->changed);
    lc_seat_init(&h->seat, &h->o, NULL);
    lc_seat_init(&h->second, &h->o, NULL);
    if (has_watcher)
        assert_int_equal(lc_watcher_start(&h->watcher, &h->o), LC_OK);
    assert_int_equal(lc_owner_enter(&h->o), LC_OK);
    lc_owner_join(&h->o, &h->seat);
    assert_int_equal(lc_owner_next(&h->o, &h->seat, 0), LC_TURN_STEP);
}

static void house_close(struct house *h)
{
    lc_owner_end(&h->o);
    assert_int_equal(lc_owner_next(&h->o, &h->seat, 0), LC_TURN_END);
    lc_owner_quit(&h->o, &h->seat);
    lc_owner_leave(&h->o);
    if (h->watcher.magic)
        lc_watcher_join(&h->watcher);
    lc_seat_fini(&h->seat);
    lc_seat_fini(&h->second);
    lc_owner_fini(&h->o);
    lc_cond_fini(&h->changed);
    lc_loop_close(&h->loop);
    alarm(0);
}

static void a_call_gives_the_turn_back(void **state)
{
    struct house h;

    (void)state;
    house_open(&h, false);
    for (int i = 0; i < 3; i++) {
        lc_owner_add_ready(&h.o);
        assert_int_equal(lc_owner_next(&h.o, &h.seat, 0), LC_TURN_CALL);
        lc_owner_begin_call(&h.o, &h.seat);
        assert_int_equal(h.o.state, LC_OWNER_CALLING);
        lc_owner_end_call(&h.o, &h.seat, 1000);
        assert_true(lc_owner_steps(&h.o, &h.seat));
        assert_int_equal(lc_owner_next(&h.o, &h.seat, 0), LC_TURN_STEP);
    }
    assert_int_equal(h.nthefts, 0);
    house_close(&h);
}

static void a_forked_child_does_not_enter(void **state)
{
    struct house h;

    (void)state;
    house_open(&h, false);
    h.o.is_forked = true;
    assert_int_equal(lc_owner_enter(&h.o), LC_CLOSED);
    h.o.is_forked = false;
    house_close(&h);
}

static void a_long_call_loses_the_turn_to_the_watcher_and_takes_it_back(void **state)
{
    struct house h;

    (void)state;
    house_open(&h, true);
    lc_owner_begin_call(&h.o, &h.seat);
    while (h.nturns < 3)
        lc_cond_wait(&h.changed, &h.o.lock);
    assert_int_equal(h.nthefts, 1);
    lc_owner_end_call(&h.o, &h.seat, 1000);
    assert_int_equal(h.o.state, LC_OWNER_WATCHED);
    assert_int_equal(lc_owner_next(&h.o, &h.seat, 0), LC_TURN_STEP);
    assert_true(lc_owner_steps(&h.o, &h.seat));
    house_close(&h);
}

static void calls_that_are_long_on_average_begin_without_the_turn(void **state)
{
    struct house h;

    (void)state;
    house_open(&h, false);
    h.o.call_ns = 2 * LC_OWNER_LONG_NS;
    lc_owner_begin_call(&h.o, &h.seat);
    assert_int_equal(h.o.state, LC_OWNER_WATCHED);
    assert_int_equal(h.nthefts, 1);
    lc_owner_end_call(&h.o, &h.seat, 2 * LC_OWNER_LONG_NS);
    lc_owner_add_ready(&h.o);
    assert_int_equal(lc_owner_next(&h.o, &h.seat, 0),
                     LC_TURN_CALL); /* the watcher goes on stepping */
    assert_int_equal(h.o.state, LC_OWNER_WATCHED);
    house_close(&h);
}

/* Another thread that asks what to do next, once. */
static void second_thread(void *arg)
{
    struct house *h = arg;

    lc_mutex_lock(&h->o.lock);
    lc_owner_join(&h->o, &h->second);
    h->other = lc_owner_next(&h->o, &h->second, 0);
    h->has_other = true;
    lc_cond_broadcast(&h->changed);
    lc_owner_quit(&h->o, &h->second);
    lc_mutex_unlock(&h->o.lock);
}

static void wait_for_idle(struct house *h)
{
    while (lc_list_is_empty(&h->o.idle)) {
        lc_mutex_unlock(&h->o.lock);
        lc_mutex_lock(&h->o.lock);
    }
}

static enum lc_turn told(struct house *h, struct lc_thread *t)
{
    while (!h->has_other)
        lc_cond_wait(&h->changed, &h->o.lock);
    lc_mutex_unlock(&h->o.lock);
    lc_thread_join(t);
    lc_mutex_lock(&h->o.lock);
    return h->other;
}

static void an_idle_thread_gets_the_turn_of_a_long_call(void **state)
{
    struct house h;
    struct lc_thread t;

    (void)state;
    house_open(&h, true);
    assert_int_equal(lc_thread_start(&t, second_thread, &h), LC_OK);
    wait_for_idle(&h);
    lc_owner_begin_call(&h.o, &h.seat);
    assert_int_equal(told(&h, &t), LC_TURN_STEP);
    lc_owner_end_call(&h.o, &h.seat, 1000);
    house_close(&h);
}

static void an_idle_thread_is_woken_for_a_request_while_the_watcher_steps(void **state)
{
    struct house h;
    struct lc_thread t;

    (void)state;
    house_open(&h, true);
    assert_int_equal(lc_thread_start(&t, second_thread, &h), LC_OK);
    wait_for_idle(&h);
    h.o.is_inline = false; /* nobody takes the turn from the watcher */
    lc_owner_begin_call(&h.o, &h.seat);
    while (h.nturns == 0)
        lc_cond_wait(&h.changed, &h.o.lock);
    lc_owner_add_ready(&h.o);
    assert_int_equal(told(&h, &t), LC_TURN_CALL);
    lc_owner_end_call(&h.o, &h.seat, 1000);
    house_close(&h);
}

/* As when a call that goes on has answered, and its client had sent more. */
static void a_request_calls_back_a_thread_that_waits_for_events(void **state)
{
    struct house h;
    uint64_t wait_no;

    (void)state;
    house_open(&h, false);
    wait_no = lc_owner_begin_wait(&h.o, -1);
    assert_int_equal(lc_owner_enter(&h.o), LC_OK);
    lc_owner_add_ready(&h.o);
    assert_true(h.o.is_woken);
    lc_owner_leave(&h.o);
    assert_true(lc_owner_end_wait(&h.o, wait_no));
    assert_int_equal(lc_owner_next(&h.o, &h.seat, 0), LC_TURN_CALL);
    house_close(&h);
}

static void an_idle_thread_goes_at_the_end(void **state)
{
    struct house h;
    struct lc_thread t;

    (void)state;
    house_open(&h, false);
    assert_int_equal(lc_thread_start(&t, second_thread, &h), LC_OK);
    wait_for_idle(&h);
    lc_owner_end(&h.o);
    assert_int_equal(told(&h, &t), LC_TURN_END);
    house_close(&h);
}

static bool is_ready(void *arg)
{
    struct house *h = arg;

    return h->is_ready || h->nturns >= 3;
}

static void a_wait_inside_a_call_lets_others_step(void **state)
{
    struct house h;

    (void)state;
    house_open(&h, true);
    lc_owner_begin_call(&h.o, &h.seat);
    assert_int_equal(lc_owner_wait(&h.o, &h.seat, is_ready, &h), LC_OK);
    assert_true(h.nturns >= 3);
    assert_int_equal(h.nthefts, 1);
    lc_owner_end_call(&h.o, &h.seat, 1000);
    house_close(&h);
}

static void a_wait_that_is_over_does_not_sleep(void **state)
{
    struct house h;

    (void)state;
    house_open(&h, false);
    h.is_ready = true;
    lc_owner_begin_call(&h.o, &h.seat);
    assert_int_equal(lc_owner_wait(&h.o, &h.seat, is_ready, &h), LC_OK);
    lc_owner_end_call(&h.o, &h.seat, 1000);
    house_close(&h);
}

static void a_thread_without_work_is_told_when_its_time_is_up(void **state)
{
    struct house h;

    (void)state;
    house_open(&h, false);
    assert_int_equal(lc_owner_next(&h.o, &h.second, 1), LC_TURN_IDLE); /* long ago */
    lc_owner_nudge(&h.o, &h.second);
    assert_int_equal(lc_owner_next(&h.o, &h.second, 0), LC_TURN_LOOK);
    house_close(&h);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        EACH(a_call_gives_the_turn_back),
        EACH(a_forked_child_does_not_enter),
        EACH(a_long_call_loses_the_turn_to_the_watcher_and_takes_it_back),
        EACH(calls_that_are_long_on_average_begin_without_the_turn),
        EACH(an_idle_thread_gets_the_turn_of_a_long_call),
        EACH(an_idle_thread_is_woken_for_a_request_while_the_watcher_steps),
        EACH(a_request_calls_back_a_thread_that_waits_for_events),
        EACH(an_idle_thread_goes_at_the_end),
        EACH(a_wait_inside_a_call_lets_others_step),
        EACH(a_wait_that_is_over_does_not_sleep),
        EACH(a_thread_without_work_is_told_when_its_time_is_up),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
