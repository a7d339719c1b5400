/* How many workers there should be, and which of them goes. */
#include "house.h"

#include <stdio.h>
#include <string.h>

static void ttin_adds_a_worker_and_ttou_takes_the_oldest(void **state)
{
    struct house h;
    pid_t oldest;
    char words[32];

    (void)state;
    house_open(&h, WORK_WAITS, 1, 10000, 0);
    oldest = await_worker(&h, 0);
    tell_master(&h, SIGTTIN);
    await(&h, "Handling signal: ttin");
    await_worker(&h, 1);
    tell_master(&h, SIGTTOU);
    await(&h, "Handling signal: ttou");
    snprintf(words, sizeof words, "signal 15 %ld", (long)oldest);
    await(&h, words);
    tell_master(&h, SIGTTOU); /* the last one stays */
    await(&h, "Handling signal: ttou");
    tell_master(&h, SIGTTIN);
    await(&h, "worker ");
    tell_master(&h, SIGTERM);
    await(&h, "signal 15 ");
    await(&h, "signal 15 ");
    assert_int_equal(house_end(&h), 0);
}

static void a_hole_that_ttou_left_is_filled_by_ttin(void **state)
{
    struct house h;

    (void)state;
    house_open(&h, WORK_WAITS, 1, 10000, 0);
    await_worker(&h, 0);
    tell_master(&h, SIGTTIN);
    await_worker(&h, 1);
    tell_master(&h, SIGTTIN);
    await_worker(&h, 2);
    tell_master(&h, SIGTTOU);
    await(&h, "signal 15 "); /* the oldest, of slot 0 */
    usleep(100000);          /* until it has gone; were it still there, the next would be slot 3 */
    tell_master(&h, SIGTTIN);
    await_worker(&h, 0);
    tell_master(&h, SIGTERM);
    assert_int_equal(house_end(&h), 0);
}

static void the_host_hears_of_every_change(void **state)
{
    struct house h;

    (void)state;
    house_open(&h, WORK_WAITS, 1, 10000, 0);
    await_worker(&h, 0);
    tell_master(&h, SIGTTIN);
    await(&h, "hook resized 2 1");
    tell_master(&h, SIGTTOU);
    await(&h, "hook resized 1 2");
    tell_master(&h, SIGTTOU); /* never below one */
    tell_master(&h, SIGTTIN);
    await(&h, "hook resized 2 1");
    tell_master(&h, SIGTERM);
    assert_int_equal(house_end(&h), 0);
}

static void winch_is_a_terminals_unless_there_is_none(void **state)
{
    struct house h;

    (void)state;
    house_open(&h, WORK_WAITS, 1, 10000, 0);
    await_worker(&h, 0);
    tell_master(&h, SIGWINCH);
    await(&h, "say 10 SIGWINCH ignored. Not daemonized");
    tell_master(&h, SIGTERM);
    assert_int_equal(house_end(&h), 0);
    assert_null(strstr(h.text, "hook resized "));
}

static void winch_retires_the_workers_of_a_daemon_and_ttin_brings_one_back(void **state)
{
    const struct lc_master_conf conf = {.workers = 2, .graceful_ms = 10000, .is_daemon = true};
    struct house h;

    (void)state;
    house_open_with(&h, WORK_WAITS, &conf, 0);
    await(&h, "worker ");
    await(&h, "worker ");
    tell_master(&h, SIGWINCH);
    await(&h, "say 20 graceful stop of workers");
    await(&h, "hook resized 0 2");
    await(&h, "signal 15 ");
    await(&h, "signal 15 ");
    tell_master(&h, SIGTTIN);
    await(&h, "hook resized 1 0");
    await(&h, "worker ");
    tell_master(&h, SIGTERM);
    assert_int_equal(house_end(&h), 0);
}

#define EACH(name) cmocka_unit_test(name)

int main(void)
{
    const struct CMUnitTest tests[] = {
        EACH(ttin_adds_a_worker_and_ttou_takes_the_oldest),
        EACH(a_hole_that_ttou_left_is_filled_by_ttin),
        EACH(the_host_hears_of_every_change),
        EACH(winch_is_a_terminals_unless_there_is_none),
        EACH(winch_retires_the_workers_of_a_daemon_and_ttin_brings_one_back),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
