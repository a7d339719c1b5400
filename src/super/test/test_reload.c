/* HUP: a new configuration is tried, and kept or given up. */
#include "house.h"

#include <stdio.h>
#include <string.h>

static const struct lc_master_conf two = {.workers = 2, .graceful_ms = 10000};

static void open_two(struct house *h, const struct house_reload *reloads)
{
    house_open_reloading(h, WORK_WAITS, &two, reloads);
    await(h, "worker ");
    await(h, "worker ");
}

static void close_house(struct house *h)
{
    tell_master(h, SIGTERM);
    assert_int_equal(house_end(h), 0);
}

static int count(const struct house *h, const char *words)
{
    int n = 0;

    for (const char *at = h->text; (at = strstr(at, words)) != NULL; at++)
        n++;
    return n;
}

static void each_worker_is_followed_by_one_of_the_new_configuration(void **state)
{
    static const struct house_reload reloads[] = {{WORK_WAITS, 2}};
    struct house h;

    (void)state;
    open_two(&h, reloads);
    tell_master(&h, SIGHUP);
    await(&h, "Handling signal: hup");
    await(&h, "Hang up: Master");
    await(&h, "worker 2 "); /* beside the others, so by the next index */
    await(&h, "settled");
    close_house(&h);
    assert_int_equal(count(&h, "worker "), 4);
    assert_int_equal(count(&h, "signal 15 "), 4);
    assert_int_equal(count(&h, "proven"), 1);
}

static void what_cannot_be_read_changes_nothing(void **state)
{
    static const struct house_reload reloads[] = {{WORK_WAITS, 0}};
    struct house h;

    (void)state;
    open_two(&h, reloads);
    tell_master(&h, SIGHUP);
    await(&h, "reload 0 ");
    tell_master(&h, SIGUSR1);
    await(&h, "signal 10 ");
    close_house(&h);
    assert_int_equal(count(&h, "worker "), 2);
}

static void what_cannot_boot_is_given_up_and_the_next_hup_is_heard(void **state)
{
    static const struct house_reload reloads[] = {
        {WORK_CANNOT_BOOT, 3}, {WORK_FAULTS, 3}, {WORK_WAITS, 3}};
    struct house h;

    (void)state;
    open_two(&h, reloads);
    tell_master(&h, SIGHUP);
    await(&h, "failed to boot");
    await(&h, "failed");
    await(&h, "say 40 Reload failed");
    await(&h, "settled");
    tell_master(&h, SIGHUP);
    await(&h, "last words");
    await(&h, "settled");
    assert_int_equal(count(&h, "signal 15 "), 0); /* nobody was told to leave */
    assert_int_equal(count(&h, "hook resized 3 "), 0);
    tell_master(&h, SIGHUP);
    await(&h, "proven");
    await(&h, "hook resized 3 2");
    await(&h, "settled");
    close_house(&h);
}

static void fewer_workers_are_told_to_leave(void **state)
{
    static const struct house_reload reloads[] = {{WORK_WAITS, 1}};
    struct house h;

    (void)state;
    open_two(&h, reloads);
    tell_master(&h, SIGHUP);
    await(&h, "hook resized 1 2");
    await(&h, "settled");
    close_house(&h);
    assert_int_equal(count(&h, "signal 15 "), 3);
    assert_int_equal(count(&h, "worker "), 3);
}

static void hups_in_a_row_end_with_the_last(void **state)
{
    static const struct house_reload reloads[] = {{WORK_WAITS, 2},       {WORK_CANNOT_BOOT, 2},
                                                  {WORK_WAITS, 2},       {WORK_IS_EARLY, 2},
                                                  {WORK_CANNOT_BOOT, 2}, {WORK_WAITS, 4}};
    struct house h;

    (void)state;
    open_two(&h, reloads);
    for (size_t i = 0; i < LC_ARRAY_LEN(reloads); i++) {
        char words[32];

        tell_master(&h, SIGHUP);
        snprintf(words, sizeof words, "reload %d ", reloads[i].workers);
        await(&h, words);
    }
    await(&h, "hook resized 4 2");
    await(&h, "settled");
    close_house(&h);
}

static void a_stop_during_a_reload_takes_the_heir_along(void **state)
{
    static const struct house_reload reloads[] = {{WORK_IS_EARLY, 2}};
    struct house h;

    (void)state;
    open_two(&h, reloads);
    tell_master(&h, SIGHUP);
    await(&h, "worker 2 ");
    look_again(&h);
    tell_master(&h, SIGQUIT);
    await(&h, "signal 3 ");
    assert_int_equal(house_end(&h), 0);
    assert_int_equal(count(&h, "proven"), 0);
}

static void a_configuration_on_trial_serves_when_nobody_else_does(void **state)
{
    static const struct house_reload reloads[] = {{WORK_IS_EARLY, 1}, {WORK_WAITS, 1}};
    const struct lc_master_conf one = {.workers = 1, .graceful_ms = 10000};
    struct house h;
    pid_t old;

    (void)state;
    house_open_reloading(&h, WORK_WAITS, &one, reloads);
    old = await_worker(&h, 0);
    tell_master(&h, SIGHUP);
    await(&h, "worker 1 ");
    assert_int_equal(kill(old, SIGKILL), 0);
    await(&h, "was sent SIGKILL!");
    tell_master(&h, SIGHUP); /* its heir has the place, and is renewed while it boots */
    await(&h, "proven");
    await(&h, "settled");
    close_house(&h);
}

#define EACH(name) cmocka_unit_test(name)

int main(void)
{
    const struct CMUnitTest tests[] = {
        EACH(each_worker_is_followed_by_one_of_the_new_configuration),
        EACH(what_cannot_be_read_changes_nothing),
        EACH(what_cannot_boot_is_given_up_and_the_next_hup_is_heard),
        EACH(fewer_workers_are_told_to_leave),
        EACH(hups_in_a_row_end_with_the_last),
        EACH(a_stop_during_a_reload_takes_the_heir_along),
        EACH(a_configuration_on_trial_serves_when_nobody_else_does),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
