/* What becomes of workers that end, and of a house whose boots fail. */
#include "house.h"

#include <string.h>
#include <time.h>

static uint64_t now_ms(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000 + (uint64_t)t.tv_nsec / 1000000;
}

static void a_worker_that_dies_is_replaced(void **state)
{
    struct house h;
    pid_t first, second;

    (void)state;
    house_open(&h, WORK_WAITS, 1, 10000, 0);
    first = await_worker(&h, 0);
    assert_int_equal(kill(first, SIGKILL), 0);
    await(&h, "was sent SIGKILL!");
    second = await_worker(&h, 0);
    assert_int_not_equal(first, second);
    tell_master(&h, SIGTERM);
    assert_int_equal(house_end(&h), 0);
}

static void a_worker_that_cannot_boot_halts_the_house(void **state)
{
    struct house h;

    (void)state;
    house_open(&h, WORK_CANNOT_BOOT, 2, 10000, 0);
    await(&h, "exited with code 3.");
    await(&h, "say 40 Shutting down: Master");
    await(&h, "say 40 Reason: Worker failed to boot.");
    assert_int_equal(house_end(&h), LC_EXIT_BOOT);
}

static void an_application_that_cannot_be_loaded_halts_the_house(void **state)
{
    struct house h;

    (void)state;
    house_open(&h, WORK_HAS_NO_APP, 1, 10000, 0);
    await(&h, "say 40 Reason: App failed to load.");
    assert_int_equal(house_end(&h), LC_EXIT_APP);
}

static void a_crash_loop_is_slowed(void **state)
{
    uint64_t from = now_ms();
    struct house h;

    (void)state;
    house_open(&h, WORK_ENDS, 1, 10000, 0);
    for (int i = 0; i < LC_BACKOFF_FREE + 3; i++)
        await_worker(&h, 0);
    assert_true(now_ms() - from >= 1500); /* 0.5 s, then 1 s */
    tell_master(&h, SIGTERM);
    assert_int_equal(house_end(&h), 0);
}

static void a_ready_worker_that_ends_with_status_3_halts_nobody(void **state)
{
    struct house h;

    (void)state;
    house_open(&h, WORK_ENDS, 1, 10000, 0);
    for (int i = 0; i < 3; i++) {
        await_worker(&h, 0);
        await(&h, "exited with code 3.");
    }
    await_worker(&h, 0);
    tell_master(&h, SIGTERM);
    assert_int_equal(house_end(&h), 0);
    assert_null(strstr(h.text, "Reason:"));
    assert_null(strstr(h.text, "failed to boot"));
}

static void a_fault_in_the_first_boot_halts_the_house_and_is_reported(void **state)
{
    struct house h;

    (void)state;
    house_open(&h, WORK_FAULTS, 1, 10000, 0);
    await(&h, "was sent SIGSEGV!");
    await(&h, "failed to boot, at the import of the application: SIGSEGV. Its last words:");
    await(&h, "last words");
    await(&h, "Reason: Worker failed to boot.");
    assert_int_equal(house_end(&h), LC_EXIT_BOOT);
}

static void a_first_boot_that_others_killed_is_tried_again(void **state)
{
    struct house h;

    (void)state;
    house_open(&h, WORK_IS_EARLY, 1, 10000, 0);
    assert_int_equal(kill(await_worker(&h, 0), SIGKILL), 0);
    await(&h, "was sent SIGKILL! Perhaps out of memory?");
    await(&h, "next try in 0.");
    await_worker(&h, 0);
    tell_master(&h, SIGTERM);
    assert_int_equal(house_end(&h), 0);
}

static void once_a_worker_was_ready_failing_boots_back_off_and_the_rest_serves_on(void **state)
{
    uint64_t from;
    struct house h;

    (void)state;
    house_open(&h, WORK_FIRST_BOOTS, 2, 10000, 0);
    await_worker(&h, 0);
    await(&h, "exited with code 3.");
    from = now_ms();
    await(&h, "next try in 0.");
    await(&h, "why it failed");
    await(&h, "boot 1 ");
    await(&h, "next try in 1.0 s");
    await(&h, "boot 1 ");
    await(&h, "next try in 2.0 s");
    assert_true(now_ms() - from >= 1500);
    tell_master(&h, SIGTTIN); /* more slots do not make more forks */
    tell_master(&h, SIGTTIN);
    await(&h, "boot ");
    await(&h, "boot ");
    assert_true(now_ms() - from >= 1500 + LC_BACKOFF_GAP_MS);
    tell_master(&h, SIGTERM);
    assert_int_equal(house_end(&h), 0);
    assert_null(strstr(h.text, "Reason:"));
}

#define EACH(name) cmocka_unit_test(name)

int main(void)
{
    const struct CMUnitTest tests[] = {
        EACH(a_worker_that_dies_is_replaced),
        EACH(a_worker_that_cannot_boot_halts_the_house),
        EACH(an_application_that_cannot_be_loaded_halts_the_house),
        EACH(a_crash_loop_is_slowed),
        EACH(a_ready_worker_that_ends_with_status_3_halts_nobody),
        EACH(a_fault_in_the_first_boot_halts_the_house_and_is_reported),
        EACH(a_first_boot_that_others_killed_is_tried_again),
        EACH(once_a_worker_was_ready_failing_boots_back_off_and_the_rest_serves_on),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
