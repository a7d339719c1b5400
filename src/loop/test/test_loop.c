/* One turn of the engine: order, stale events, deferred tasks, the guest's part. */
#include "base/test/support.h"

#include "loop/loop.h"
#include "os/clock.h"
#include "os/fd.h"
#include "os/thread.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

struct watcher {
    struct lc_watch watch;
    int write_fd;
    struct room *room;
    int nfired;
    void (*then)(struct watcher *w);
};

struct room {
    struct lc_loop loop;
    struct lc_host guest;
    struct watcher w[3];
    struct lc_task task[3];
    struct lc_timer timer;
    char trace[256];
};

static void note(struct room *r, const char *word)
{
    size_t n = strlen(r->trace);

    snprintf(r->trace + n, sizeof r->trace - n, "%s ", word);
}

static void on_ready(struct lc_watch *watch, uint32_t events)
{
    struct watcher *w = LC_CONTAINER_OF(watch, struct watcher, watch);

    assert_true(events & (LC_READ | LC_HUP));
    w->nfired++;
    note(w->room, "ready");
    if (w->then)
        w->then(w);
}

static void guest_leave(void *ctx)
{
    note(ctx, "leave");
}

static void guest_enter(void *ctx)
{
    note(ctx, "enter");
}

static void guest_wakeup(void *ctx)
{
    note(ctx, "wakeup");
}

static void room_open(struct room *r, bool has_guest)
{
    memset(r, 0, sizeof *r);
    r->guest = (struct lc_host){
        .ctx = r, .leave = guest_leave, .enter = guest_enter, .wakeup = guest_wakeup};
    assert_int_equal(lc_loop_open(&r->loop, has_guest ? &r->guest : NULL), LC_OK);
    for (size_t i = 0; i < LC_ARRAY_LEN(r->w); i++) {
        int fds[2];

        assert_int_equal(lc_fd_pipe(fds), LC_OK);
        r->w[i] = (struct watcher){
            .watch = {.fd = fds[0], .fn = on_ready}, .write_fd = fds[1], .room = r};
        assert_int_equal(lc_loop_watch(&r->loop, &r->w[i].watch, LC_READ), LC_OK);
    }
}

static void room_close(struct room *r)
{
    for (size_t i = 0; i < LC_ARRAY_LEN(r->w); i++) {
        if (r->w[i].watch.fd >= 0) {
            lc_loop_forget(&r->loop, &r->w[i].watch);
            lc_fd_close(&r->w[i].watch.fd);
        }
        lc_fd_close(&r->w[i].write_fd);
    }
    lc_loop_close(&r->loop);
}

static void make_ready(struct room *r, int i)
{
    assert_int_equal(write(r->w[i].write_fd, "x", 1), 1);
}

static void note_timer(struct lc_timer *t, uint64_t now_ms LC_UNUSED)
{
    note(LC_CONTAINER_OF(t, struct room, timer), "timer");
}

static void note_task(struct lc_task *t)
{
    note(LC_CONTAINER_OF(t, struct room, task[0]), "task");
}

static void a_turn_goes_in_its_order(void **state)
{
    struct room r;

    (void)state;
    room_open(&r, true);
    lc_timer_init(&r.timer, note_timer);
    lc_timer_set(&r.loop.timers, &r.timer, 0);
    lc_task_init(&r.task[0], note_task);
    while (lc_timer_is_set(&r.timer)) { /* a tick may have to pass */
        r.trace[0] = '\0';
        if (r.w[0].nfired == 0)
            make_ready(&r, 0);
        lc_loop_defer(&r.loop, &r.task[0]);
        lc_loop_step(&r.loop, 100);
    }
    assert_string_equal(r.trace, "leave enter ready task timer wakeup ");
    room_close(&r);
}

static void the_clock_is_read_once_a_turn(void **state)
{
    struct room r;
    uint64_t before = lc_clock_mono_ms();

    (void)state;
    room_open(&r, false);
    lc_loop_step(&r.loop, 0);
    assert_true(r.loop.now_ms >= before && r.loop.now_ms <= lc_clock_mono_ms());
    assert_true(r.loop.wall_s > 1000000000);
    room_close(&r);
}

static void forget_others(struct watcher *w)
{
    for (size_t i = 0; i < LC_ARRAY_LEN(w->room->w); i++) {
        struct watcher *other = &w->room->w[i];

        if (other == w || other->watch.fd < 0)
            continue;
        lc_loop_forget(&w->room->loop, &other->watch);
        lc_fd_close(&other->watch.fd);
    }
}

/* The kernel named it in the same batch, but its owner is gone: it must not be called. */
static void what_was_forgotten_gets_no_event_of_this_turn(void **state)
{
    struct room r;

    (void)state;
    room_open(&r, false);
    for (int i = 0; i < 3; i++) {
        r.w[i].then = forget_others;
        make_ready(&r, i);
    }
    lc_loop_step(&r.loop, 100);
    assert_int_equal(r.w[0].nfired + r.w[1].nfired + r.w[2].nfired, 1);
    room_close(&r);
}

static void unwatch_others(struct watcher *w)
{
    for (size_t i = 0; i < LC_ARRAY_LEN(w->room->w); i++) {
        if (&w->room->w[i] != w)
            assert_int_equal(lc_loop_watch(&w->room->loop, &w->room->w[i].watch, 0), LC_OK);
    }
}

static void what_lost_its_interest_gets_no_further_event(void **state)
{
    struct room r;
    int fired;

    (void)state;
    room_open(&r, false);
    make_ready(&r, 0);
    r.w[0].then = unwatch_others;
    lc_loop_step(&r.loop, 100);
    make_ready(&r, 1);
    fired = r.w[1].nfired;
    lc_loop_step(&r.loop, 0);
    assert_int_equal(r.w[1].nfired, fired);
    room_close(&r);
}

static void deferring_twice_runs_once(void **state)
{
    struct room r;

    (void)state;
    room_open(&r, false);
    lc_task_init(&r.task[0], note_task);
    lc_loop_defer(&r.loop, &r.task[0]);
    lc_loop_defer(&r.loop, &r.task[0]);
    lc_loop_step(&r.loop, -1); /* and the turn does not wait with a task in hand */
    assert_string_equal(r.trace, "task ");
    lc_loop_step(&r.loop, 0);
    assert_string_equal(r.trace, "task ");
    room_close(&r);
}

static void a_cancelled_task_does_not_run(void **state)
{
    struct room r;

    (void)state;
    room_open(&r, false);
    lc_task_init(&r.task[0], note_task);
    lc_task_cancel(&r.task[0]);
    lc_loop_defer(&r.loop, &r.task[0]);
    lc_task_cancel(&r.task[0]);
    lc_loop_step(&r.loop, 0);
    assert_string_equal(r.trace, "");
    room_close(&r);
}

static void defer_again(struct lc_task *t)
{
    struct room *r = LC_CONTAINER_OF(t, struct room, task[0]);

    note(r, "again");
    lc_loop_defer(&r->loop, t);
}

/* Or one busy connection would keep the turn for itself. */
static void a_task_that_defers_itself_waits_for_the_next_turn(void **state)
{
    struct room r;

    (void)state;
    room_open(&r, false);
    lc_task_init(&r.task[0], defer_again);
    lc_loop_defer(&r.loop, &r.task[0]);
    lc_loop_step(&r.loop, -1);
    assert_string_equal(r.trace, "again ");
    lc_loop_step(&r.loop, -1);
    assert_string_equal(r.trace, "again again ");
    lc_task_cancel(&r.task[0]);
    room_close(&r);
}

static void cancel_the_next(struct lc_task *t)
{
    struct room *r = LC_CONTAINER_OF(t, struct room, task[1]);

    note(r, "first");
    lc_task_cancel(&r->task[0]);
}

static void a_task_may_cancel_one_of_the_same_turn(void **state)
{
    struct room r;

    (void)state;
    room_open(&r, false);
    lc_task_init(&r.task[1], cancel_the_next);
    lc_task_init(&r.task[0], note_task);
    lc_loop_defer(&r.loop, &r.task[1]);
    lc_loop_defer(&r.loop, &r.task[0]);
    lc_loop_step(&r.loop, 0);
    assert_string_equal(r.trace, "first ");
    room_close(&r);
}

static void step_inside(struct watcher *w)
{
    w->then = NULL;
    while (w->room->w[2].nfired == 0) /* what a waiting call has the keeper do */
        lc_loop_step(&w->room->loop, 0);
}

/* Events of the outer turn that the inner one has served, or that it overwrote, are reported again. */
static void a_turn_inside_a_turn_loses_nothing(void **state)
{
    struct room r;

    (void)state;
    room_open(&r, false);
    for (int i = 0; i < 3; i++)
        make_ready(&r, i);
    r.w[0].then = step_inside;
    lc_loop_step(&r.loop, 100);
    lc_loop_step(&r.loop, 100);
    for (int i = 0; i < 3; i++)
        assert_true(r.w[i].nfired > 0);
    room_close(&r);
}

static void wake_it(void *arg)
{
    lc_loop_wake(arg);
}

static void a_wake_from_another_thread_ends_the_wait(void **state)
{
    struct room r;
    struct lc_thread t;

    (void)state;
    room_open(&r, false);
    assert_int_equal(lc_thread_start(&t, wake_it, &r.loop), LC_OK);
    lc_loop_step(&r.loop, -1); /* for ever, but for the wake */
    lc_thread_join(&t);
    lc_loop_wake(&r.loop);
    lc_loop_wake(&r.loop);
    lc_loop_step(&r.loop, -1);
    room_close(&r);
}

static void a_timer_bounds_the_wait(void **state)
{
    struct room r;

    (void)state;
    room_open(&r, false);
    lc_timer_init(&r.timer, note_timer);
    lc_timer_set(&r.loop.timers, &r.timer, r.loop.now_ms + 100);
    while (r.trace[0] == '\0')
        lc_loop_step(&r.loop, -1);
    assert_string_equal(r.trace, "timer ");
    room_close(&r);
}

#define EACH(name) cmocka_unit_test(name)

int main(void)
{
    const struct CMUnitTest tests[] = {
        EACH(a_turn_goes_in_its_order),
        EACH(the_clock_is_read_once_a_turn),
        EACH(what_was_forgotten_gets_no_event_of_this_turn),
        EACH(what_lost_its_interest_gets_no_further_event),
        EACH(deferring_twice_runs_once),
        EACH(a_cancelled_task_does_not_run),
        EACH(a_task_that_defers_itself_waits_for_the_next_turn),
        EACH(a_task_may_cancel_one_of_the_same_turn),
        EACH(a_turn_inside_a_turn_loses_nothing),
        EACH(a_wake_from_another_thread_ends_the_wait),
        EACH(a_timer_bounds_the_wait),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
