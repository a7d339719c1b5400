/* Which slots get a process, and when. */
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

static void a_fork_that_fails_is_tried_again(void **state)
{
    struct house h;

    (void)state;
    house_open(&h, WORK_WAITS, 1, 10000, 2);
    await(&h, "could not be forked");
    await(&h, "could not be forked");
    await_worker(&h, 0);
    tell_master(&h, SIGTERM);
    assert_int_equal(house_end(&h), 0);
}

static void a_boot_that_succeeds_makes_the_others_due(void **state)
{
    struct house h;

    (void)state;
    house_open(&h, WORK_SECOND_BOOTS, 3, 10000, 0);
    await_worker(&h, 0);
    await(&h, "boot ");
    await(&h, "boot ");
    await(&h, "worker ");
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
        EACH(a_fork_that_fails_is_tried_again),
        EACH(a_boot_that_succeeds_makes_the_others_due),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
