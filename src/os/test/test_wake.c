/* A wake-up is a level: raised once or many times, drained once. */
#include "base/test/support.h"

#include "os/poll.h"
#include "os/thread.h"

static struct lc_poll poll;
static struct lc_wake wake;
static struct lc_watch watch;

static int open_all(void **state)
{
    (void)state;
    if (lc_poll_open(&poll) != LC_OK || lc_wake_open(&wake) != LC_OK)
        return -1;
    watch = (struct lc_watch){.fd = wake.fd};
    return lc_poll_set(&poll, &watch, LC_READ) == LC_OK ? 0 : -1;
}

static int close_all(void **state)
{
    (void)state;
    lc_poll_forget(&poll, &watch);
    lc_wake_close(&wake);
    lc_wake_close(&wake);
    lc_poll_close(&poll);
    return 0;
}

static int count_ready(int timeout_ms)
{
    struct lc_ready ready[4];
    int n;

    assert_int_equal(lc_poll_wait(&poll, ready, 4, timeout_ms, &n), LC_OK);
    return n;
}

static void stays_raised_until_drained(void **state)
{
    (void)state;
    assert_int_equal(count_ready(0), 0);
    lc_wake_raise(&wake);
    lc_wake_raise(&wake);
    assert_int_equal(count_ready(0), 1);
    assert_int_equal(count_ready(0), 1);
    lc_wake_drain(&wake);
    assert_int_equal(count_ready(0), 0);
    lc_wake_drain(&wake); /* nothing there: returns all the same */
    lc_wake_raise(&wake);
    assert_int_equal(count_ready(0), 1);
}

static void raising_never_blocks(void **state)
{
    (void)state;
    for (int i = 0; i < 200000; i++)
        lc_wake_raise(&wake);
    assert_int_equal(count_ready(0), 1);
    lc_wake_drain(&wake);
    assert_int_equal(count_ready(0), 0);
}

static void raise_it(void *arg)
{
    lc_wake_raise(arg);
}

static void another_thread_ends_the_wait(void **state)
{
    struct lc_thread thread;

    (void)state;
    assert_int_equal(lc_thread_start(&thread, raise_it, &wake), LC_OK);
    assert_int_equal(count_ready(-1), 1);
    lc_thread_join(&thread);
}

#define EACH(test) cmocka_unit_test_setup_teardown(test, open_all, close_all)

int main(void)
{
    const struct CMUnitTest tests[] = {
        EACH(stays_raised_until_drained),
        EACH(raising_never_blocks),
        EACH(another_thread_ends_the_wait),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
