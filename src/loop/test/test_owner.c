/* The hand-over between a call that waits and the keeper. */
#include "base/test/support.h"

#include "loop/owner.h"
#include "os/fd.h"

#include <pthread.h>
#include <stdatomic.h>
#include <string.h>
#include <unistd.h>

struct room {
    struct lc_loop loop;
    struct lc_host guest;
    struct lc_owner owner;
    struct lc_watch watch;
    int fds[2];
    pthread_t caller, keeper;
    int nready;    /* bytes that the loop has read */
    int want;      /* what ready() waits for */
    bool was_kept; /* is_kept, as seen while the keeper stepped */
    int nguest;    /* touches of the guest */
};

static void on_readable(struct lc_watch *w, uint32_t events LC_UNUSED)
{
    struct room *r = LC_CONTAINER_OF(w, struct room, watch);
    char c;

    while (read(w->fd, &c, 1) == 1)
        r->nready++;
    r->keeper = pthread_self();
    r->was_kept = lc_owner_is_kept(&r->owner);
}

static bool is_enough(void *arg)
{
    struct room *r = arg;

    return r->nready >= r->want;
}

static void touch_guest(void *ctx)
{
    ((struct room *)ctx)->nguest++;
}

static void room_open(struct room *r)
{
    memset(r, 0, sizeof *r);
    r->guest = (struct lc_host){
        .ctx = r, .leave = touch_guest, .enter = touch_guest, .wakeup = touch_guest};
    r->caller = pthread_self();
    assert_int_equal(lc_fd_pipe(r->fds), LC_OK);
    assert_int_equal(lc_loop_open(&r->loop, &r->guest), LC_OK);
    lc_owner_init(&r->owner, &r->loop);
    r->watch = (struct lc_watch){.fd = r->fds[0], .fn = on_readable};
    assert_int_equal(lc_loop_watch(&r->loop, &r->watch, LC_READ), LC_OK);
}

static void room_close(struct room *r)
{
    lc_owner_fini(&r->owner);
    lc_loop_forget(&r->loop, &r->watch);
    lc_loop_close(&r->loop);
    lc_fd_close(&r->fds[0]);
    lc_fd_close(&r->fds[1]);
}

static void nobody_waits_nobody_keeps(void **state)
{
    struct room r;

    (void)state;
    room_open(&r);
    assert_int_equal(lc_owner_enter(&r.owner), LC_OK);
    lc_owner_leave(&r.owner);
    assert_false(r.owner.has_keeper);
    assert_false(lc_owner_is_kept(&r.owner));
    room_close(&r);
}

static void the_keeper_steps_until_the_condition_is_true(void **state)
{
    struct room r;

    (void)state;
    room_open(&r);
    r.want = 1;
    assert_int_equal(write(r.fds[1], "x", 1), 1);
    assert_int_equal(lc_owner_wait(&r.owner, is_enough, &r), LC_OK);
    assert_int_equal(r.nready, 1);
    assert_true(r.was_kept);
    assert_false(pthread_equal(r.keeper, r.caller));
    assert_false(lc_owner_is_kept(&r.owner));
    room_close(&r);
}

/* The keeper has no guest: it must never touch it. */
static void the_guest_is_left_alone_while_kept(void **state)
{
    struct room r;

    (void)state;
    room_open(&r);
    r.want = 1;
    assert_int_equal(write(r.fds[1], "x", 1), 1);
    assert_int_equal(lc_owner_wait(&r.owner, is_enough, &r), LC_OK);
    assert_int_equal(r.nguest, 0);
    assert_ptr_equal(r.loop.host, &r.guest);
    lc_loop_step(&r.loop, 0);
    assert_int_equal(r.nguest, 3);
    room_close(&r);
}

static void a_condition_that_is_true_already_returns(void **state)
{
    struct room r;

    (void)state;
    room_open(&r);
    for (int i = 0; i < 100; i++)
        assert_int_equal(lc_owner_wait(&r.owner, is_enough, &r), LC_OK);
    room_close(&r);
}

static void feed_later(void *arg)
{
    struct room *r = arg;

    for (int i = 0; i < 50; i++) {
        if (write(r->fds[1], "x", 1) != 1)
            return;
    }
}

static void one_keeper_serves_many_waits(void **state)
{
    struct room r;
    struct lc_thread feeder;

    (void)state;
    room_open(&r);
    assert_int_equal(lc_thread_start(&feeder, feed_later, &r), LC_OK);
    for (r.want = 1; r.want <= 50; r.want++)
        assert_int_equal(lc_owner_wait(&r.owner, is_enough, &r), LC_OK);
    lc_thread_join(&feeder);
    assert_int_equal(r.nready, 50);
    room_close(&r);
}

static atomic_bool has_signal;

static bool is_signalled(void *arg LC_UNUSED)
{
    return atomic_load(&has_signal);
}

static void signal_it(void *arg)
{
    atomic_store(&has_signal, true);
    lc_loop_wake(&((struct room *)arg)->loop);
}

static void a_wake_makes_the_keeper_look_again(void **state)
{
    struct room r;
    struct lc_thread t;

    (void)state;
    room_open(&r);
    assert_int_equal(lc_thread_start(&t, signal_it, &r), LC_OK);
    assert_int_equal(lc_owner_wait(&r.owner, is_signalled, NULL), LC_OK);
    lc_thread_join(&t);
    room_close(&r);
}

static void a_forked_child_is_no_owner(void **state)
{
    struct room r;

    (void)state;
    room_open(&r);
    r.owner.is_forked = true;
    assert_int_equal(lc_owner_enter(&r.owner), LC_CLOSED);
    room_close(&r);
}

#define EACH(name) cmocka_unit_test(name)

int main(void)
{
    const struct CMUnitTest tests[] = {
        EACH(nobody_waits_nobody_keeps),
        EACH(the_keeper_steps_until_the_condition_is_true),
        EACH(the_guest_is_left_alone_while_kept),
        EACH(a_condition_that_is_true_already_returns),
        EACH(one_keeper_serves_many_waits),
        EACH(a_wake_makes_the_keeper_look_again),
        EACH(a_forked_child_is_no_owner),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
