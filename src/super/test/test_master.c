/* A house starts, does what signals say, and stops. */
#include "house.h"

#include <string.h>

static void it_starts_its_workers_and_stops_them_gracefully(void **state)
{
    struct house h;

    (void)state;
    house_open(&h, WORK_WAITS, 2, 10000, 0);
    await(&h, "started");
    await_worker(&h, 0);
    look_again(&h); /* they begin in any order */
    await_worker(&h, 1);
    tell_master(&h, SIGTERM);
    await(&h, "Handling signal: term");
    await(&h, "signal 15 ");
    await(&h, "signal 15 ");
    await(&h, "say 20 Shutting down: Master"); /* when all have gone */
    assert_int_equal(house_end(&h), 0);
}

static void int_and_quit_stop_quickly(void **state)
{
    static const int signals[] = {SIGINT, SIGQUIT};

    (void)state;
    for (size_t i = 0; i < LC_ARRAY_LEN(signals); i++) {
        struct house h;

        house_open(&h, WORK_WAITS, 1, 10000, 0);
        await_worker(&h, 0);
        tell_master(&h, signals[i]);
        await(&h, "signal 3 ");
        assert_int_equal(house_end(&h), 0);
    }
}

static void a_worker_without_handlers_yet_leaves_without_a_word(void **state)
{
    static const int signals[] = {SIGTERM, SIGINT, SIGQUIT};

    (void)state;
    for (size_t i = 0; i < LC_ARRAY_LEN(signals); i++) {
        struct house h;

        house_open(&h, WORK_IS_EARLY, 1, 10000, 0);
        assert_int_equal(kill(await_worker(&h, 0), signals[i]), 0);
        await_worker(&h, 0);
        tell_master(&h, signals[i]);
        assert_int_equal(house_end(&h), 0);
        assert_null(strstr(h.text, "was sent"));
        assert_null(strstr(h.text, "exited with code"));
    }
}

static void who_does_not_stop_in_time_is_killed(void **state)
{
    struct house h;

    (void)state;
    house_open(&h, WORK_IS_STUBBORN, 2, 200, 0);
    await_worker(&h, 0);
    look_again(&h);
    await_worker(&h, 1);
    tell_master(&h, SIGTERM);
    await(&h, "was sent SIGKILL!");
    await(&h, "was sent SIGKILL!");
    assert_int_equal(house_end(&h), 0);
}

static void a_second_quick_signal_does_not_wait_for_the_graceful_time(void **state)
{
    struct house h;

    (void)state;
    house_open(&h, WORK_IS_STUBBORN, 1, 600000, 0);
    await_worker(&h, 0);
    tell_master(&h, SIGTERM);
    await(&h, "Handling signal: term");
    tell_master(&h, SIGINT);
    await(&h, "was sent SIGKILL!");
    assert_int_equal(house_end(&h), 0);
}

static void usr1_reopens_everywhere(void **state)
{
    struct house h;

    (void)state;
    house_open(&h, WORK_WAITS, 1, 10000, 0);
    await_worker(&h, 0);
    tell_master(&h, SIGUSR1);
    await(&h, "reopen");
    await(&h, "signal 10 ");
    tell_master(&h, SIGTERM);
    assert_int_equal(house_end(&h), 0);
}

#define EACH(name) cmocka_unit_test(name)

int main(void)
{
    const struct CMUnitTest tests[] = {
        EACH(it_starts_its_workers_and_stops_them_gracefully),
        EACH(int_and_quit_stop_quickly),
        EACH(a_worker_without_handlers_yet_leaves_without_a_word),
        EACH(who_does_not_stop_in_time_is_killed),
        EACH(a_second_quick_signal_does_not_wait_for_the_graceful_time),
        EACH(usr1_reopens_everywhere),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
