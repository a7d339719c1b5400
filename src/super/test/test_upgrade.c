/* USR2: another program beside this one. */
#include "house.h"

#include <stdlib.h>
#include <string.h>

static pid_t upgraded(struct house *h)
{
    tell_master(h, SIGUSR2);
    await(h, "upgrade ");
    return (pid_t)strtol(strstr(h->text, "upgrade ") + 8, NULL, 10);
}

static void both_serve_until_the_old_one_is_told_to_stop(void **state)
{
    struct house h;
    pid_t new;

    (void)state;
    house_open(&h, WORK_WAITS, 1, 10000, 0);
    await_worker(&h, 0);
    new = upgraded(&h);
    tell_master(&h, SIGUSR2);
    await(&h, "say 30 USR2 signal ignored. Child exists.");
    tell_master(&h, SIGTERM);
    await(&h, "Shutting down: Master");
    kill(new, SIGKILL); /* it holds the pipe */
    assert_int_equal(house_end(&h), 0);
}

static void a_new_one_that_ends_leaves_the_old_one_serving(void **state)
{
    struct house h;

    (void)state;
    house_open(&h, WORK_WAITS, 1, 10000, 0);
    await_worker(&h, 0);
    assert_int_equal(kill(upgraded(&h), SIGKILL), 0);
    await(&h, "has ended (SIGKILL); this one serves on");
    await(&h, "alone");
    tell_master(&h, SIGUSR1);
    await(&h, "signal 10 ");
    tell_master(&h, SIGTERM);
    assert_int_equal(house_end(&h), 0);
}

static void who_has_a_parent_is_the_second_master(void **state)
{
    const struct lc_master_conf conf = {.workers = 1, .graceful_ms = 10000, .parent = getpid()};
    struct house h;

    (void)state;
    house_open_with(&h, WORK_WAITS, &conf, 0);
    await_worker(&h, 0);
    tell_master(&h, SIGUSR2);
    await(&h, "say 30 USR2 signal ignored. Parent exists.");
    tell_master(&h, SIGTERM);
    await(&h, "Shutting down: Master.2");
    assert_int_equal(house_end(&h), 0);
}

static void who_has_lost_its_parent_is_promoted(void **state)
{
    const struct lc_master_conf conf = {.workers = 1, .graceful_ms = 10000, .parent = 1};
    struct house h;

    (void)state;
    assert_int_not_equal(getpid(), 1);
    house_open_with(&h, WORK_WAITS, &conf, 0);
    await(&h, "Master has been promoted.");
    await(&h, "promoted");
    await_worker(&h, 0);
    tell_master(&h, SIGTERM);
    await(&h, "say 20 Shutting down: Master\n");
    assert_int_equal(house_end(&h), 0);
}

#define EACH(name) cmocka_unit_test(name)

int main(void)
{
    const struct CMUnitTest tests[] = {
        EACH(both_serve_until_the_old_one_is_told_to_stop),
        EACH(a_new_one_that_ends_leaves_the_old_one_serving),
        EACH(who_has_a_parent_is_the_second_master),
        EACH(who_has_lost_its_parent_is_promoted),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
