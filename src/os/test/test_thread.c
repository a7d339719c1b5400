/* Threads, and what they wait with. */
#include "base/test/support.h"

#include "os/clock.h"
#include "os/thread.h"

#include <signal.h>

static struct lc_mutex lock;
static struct lc_cond changed;
static int turn, count;

static int init_all(void **state)
{
    (void)state;
    lc_mutex_init(&lock);
    lc_cond_init(&changed);
    turn = count = 0;
    return 0;
}

static int fini_all(void **state)
{
    (void)state;
    lc_cond_fini(&changed);
    lc_mutex_fini(&lock);
    return 0;
}

static void count_up(void *arg)
{
    for (int i = 0; i < *(int *)arg; i++) {
        lc_mutex_lock(&lock);
        count++;
        lc_mutex_unlock(&lock);
    }
}

static void the_mutex_keeps_others_out(void **state)
{
    struct lc_thread threads[3];
    int rounds = 20000;

    (void)state;
    for (size_t i = 0; i < LC_ARRAY_LEN(threads); i++)
        assert_int_equal(lc_thread_start(&threads[i], count_up, &rounds), LC_OK);
    for (size_t i = 0; i < LC_ARRAY_LEN(threads); i++)
        lc_thread_join(&threads[i]);
    assert_int_equal(count, 3 * rounds);
}

static void try_once(void *arg)
{
    bool *has_it = arg;

    if ((*has_it = lc_mutex_try_lock(&lock)))
        lc_mutex_unlock(&lock);
}

static void trying_says_whether_it_is_free(void **state)
{
    struct lc_thread thread;
    bool has_it = true;

    (void)state;
    lc_mutex_lock(&lock);
    assert_int_equal(lc_thread_start(&thread, try_once, &has_it), LC_OK);
    lc_thread_join(&thread);
    assert_false(has_it);
    lc_mutex_unlock(&lock);
    assert_int_equal(lc_thread_start(&thread, try_once, &has_it), LC_OK);
    lc_thread_join(&thread);
    assert_true(has_it);
}

static void play(void *arg)
{
    int mine = *(int *)arg;

    lc_mutex_lock(&lock);
    for (int i = 0; i < 500; i++) {
        while (turn != mine)
            lc_cond_wait(&changed, &lock);
        turn = 1 - mine;
        count++;
        if (i % 2 == 0)
            lc_cond_signal(&changed);
        else
            lc_cond_broadcast(&changed);
    }
    lc_mutex_unlock(&lock);
}

static void two_threads_take_turns(void **state)
{
    struct lc_thread threads[2];
    int ids[2] = {0, 1};

    (void)state;
    for (int i = 0; i < 2; i++)
        assert_int_equal(lc_thread_start(&threads[i], play, &ids[i]), LC_OK);
    for (int i = 0; i < 2; i++)
        lc_thread_join(&threads[i]);
    assert_int_equal(count, 1000);
}

static void a_wait_ends_when_its_time_is_up_and_not_before(void **state)
{
    static const uint64_t waits_ms[] = {0, 1, 20};

    (void)state;
    lc_mutex_lock(&lock);
    for (size_t i = 0; i < LC_ARRAY_LEN(waits_ms); i++) {
        uint64_t due_ms = lc_clock_mono_ms() + waits_ms[i];
        while (lc_cond_wait_until(&changed, &lock, due_ms) == LC_OK)
            continue; /* for no reason: allowed */
        assert_true(lc_clock_mono_ms() >= due_ms);
    }
    lc_mutex_unlock(&lock);
}

static void look_at_mask(void *arg)
{
    LC_CHECK(pthread_sigmask(SIG_SETMASK, NULL, arg) == 0);
}

static void signals_are_blocked_in_it_and_as_before_outside(void **state)
{
    struct lc_thread thread;
    sigset_t inside, outside;

    (void)state;
    assert_int_equal(lc_thread_start(&thread, look_at_mask, &inside), LC_OK);
    lc_thread_join(&thread);
    assert_int_equal(pthread_sigmask(SIG_SETMASK, NULL, &outside), 0);
    assert_true(sigismember(&inside, SIGTERM) && sigismember(&inside, SIGCHLD));
    assert_false(sigismember(&outside, SIGTERM) || sigismember(&outside, SIGCHLD));
}

#define EACH(test) cmocka_unit_test_setup_teardown(test, init_all, fini_all)

int main(void)
{
    const struct CMUnitTest tests[] = {
        EACH(the_mutex_keeps_others_out),
        EACH(trying_says_whether_it_is_free),
        EACH(two_threads_take_turns),
        EACH(a_wait_ends_when_its_time_is_up_and_not_before),
        EACH(signals_are_blocked_in_it_and_as_before_outside),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
