/* What the guest is told of, in which order, and that it can end the house. */
#include "house.h"

#include <stdio.h>
#include <string.h>

static void tells_of_each_step_in_order(void **state)
{
    struct house h;
    pid_t first;
    char words[64];

    (void)state;
    house_open(&h, WORK_WAITS, 1, 10000, 0);
    await(&h, "hook ready");
    await(&h, "hook fork 0 1");
    first = await_worker(&h, 0); /* before or after it the master says that it has forked */
    tell_master(&h, SIGTTIN);
    await(&h, "hook resized 2 1");
    await(&h, "hook fork 1 2");
    await_worker(&h, 1);
    kill(first, SIGTERM);
    snprintf(words, sizeof words, "hook reaped %ld 0", (long)first);
    await(&h, words);
    await(&h, "hook fork 0 3");
    await_worker(&h, 0);
    tell_master(&h, SIGTERM);
    await(&h, "hook reaped ");
    await(&h, "hook reaped ");
    assert_int_equal(house_end(&h), 0);
    assert_non_null(strstr(h.text, "hook forked "));
}

static void a_worker_that_halts_the_house_is_told_as_such(void **state)
{
    struct house h;

    (void)state;
    house_open(&h, WORK_CANNOT_BOOT, 1, 10000, 0);
    await(&h, "hook halting ");
    assert_int_equal(house_end(&h), LC_EXIT_BOOT);
}

static void a_worker_that_was_stuck_is_told_as_such(void **state)
{
    struct lc_master_conf conf = {.workers = 1, .graceful_ms = 100, .timeout_ms = 200};
    struct house h;

    (void)state;
    house_open_with(&h, WORK_IS_STUCK, &conf, 0);
    await(&h, "hook stuck ");
    tell_master(&h, SIGTERM);
    assert_int_equal(house_end(&h), 0);
}

/* --- hooks that fail ------------------------------------------------------------------------------------------ */

static void a_refusal_before_the_first_fork_forks_nobody(void **state)
{
    struct house h;

    (void)state;
    house_open_refusing(&h, "ready", 2);
    assert_int_equal(house_end(&h), 7);
    assert_null(strstr(h.text, "worker "));
    house_open_refusing(&h, "fork", 2);
    assert_int_equal(house_end(&h), 7);
    assert_null(strstr(h.text, "worker "));
}

static void a_refusal_ends_those_that_run_at_once(void **state)
{
    struct house h;

    (void)state;
    house_open_refusing(&h, "resized", 1);
    await_worker(&h, 0);
    tell_master(&h, SIGTTIN);
    await(&h, "signal 3 "); /* SIGQUIT */
    assert_int_equal(house_end(&h), 7);
    assert_null(strstr(h.text, "hook fork 1"));
}

static void a_refusal_while_the_house_ends_lets_it_end(void **state)
{
    struct house h;

    (void)state;
    house_open_refusing(&h, "reaped", 2);
    await(&h, "worker ");
    await(&h, "worker ");
    tell_master(&h, SIGTERM);
    await(&h, "hook reaped ");
    await(&h, "hook reaped ");
    assert_int_equal(house_end(&h), 1);
}

#define EACH(name) cmocka_unit_test(name)

int main(void)
{
    const struct CMUnitTest tests[] = {
        EACH(tells_of_each_step_in_order),
        EACH(a_worker_that_halts_the_house_is_told_as_such),
        EACH(a_worker_that_was_stuck_is_told_as_such),
        EACH(a_refusal_before_the_first_fork_forks_nobody),
        EACH(a_refusal_ends_those_that_run_at_once),
        EACH(a_refusal_while_the_house_ends_lets_it_end),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
