/* Workers that are followed while they serve, and those that do not leave. */
#include "house.h"

#include <string.h>

static void a_spent_worker_serves_until_its_heir_is_ready(void **state)
{
    const struct lc_master_conf conf = {.workers = 1, .graceful_ms = 10000};
    struct house h;
    const char *heir, *told;

    (void)state;
    house_open_with(&h, WORK_IS_SPENT, &conf, 0);
    await_worker(&h, 0);
    await(&h, "signal 15 ");
    heir = strstr(h.text, "boot 1");
    told = strstr(h.text, "signal 15 ");
    assert_non_null(heir);
    assert_true(heir < told);
    tell_master(&h, SIGTERM);
    assert_int_equal(house_end(&h), 0);
}

static void spent_workers_are_followed_one_at_a_time(void **state)
{
    const struct lc_master_conf conf = {.workers = 3, .graceful_ms = 10000};
    struct house h;

    (void)state;
    house_open_with(&h, WORK_IS_SPENT, &conf, 0);
    for (int i = 0; i < 6; i++)
        await(&h, "worker ");
    look_again(&h);
    for (int i = 0; i < 3; i++)
        await(&h, "signal 15 ");
    tell_master(&h, SIGTERM);
    assert_int_equal(house_end(&h), 0);
    assert_null(strstr(h.text, "worker 6 ")); /* no heir for a heir */
}

static int count(const char *text, const char *what)
{
    int n = 0;

    while ((text = strstr(text, what)) != NULL) {
        text += strlen(what);
        n++;
    }
    return n;
}

static void heirs_find_the_place_of_those_before_them_in_the_board(void **state)
{
    const struct lc_master_conf conf = {.workers = 3, .graceful_ms = 10000};
    struct house h;

    (void)state;
    house_open_with(&h, WORK_IS_SPENT, &conf, 0);
    for (int i = 0; i < 6; i++)
        await(&h, "worker ");
    tell_master(&h, SIGTERM);
    assert_int_equal(house_end(&h), 0);
    assert_int_equal(count(h.text, "place 0 "), 2);
    assert_int_equal(count(h.text, "place 1 "), 2);
    assert_int_equal(count(h.text, "place 2 "), 2);
}

static void who_does_not_leave_is_hurried_and_killed(void **state)
{
    static const struct house_reload reloads[] = {{WORK_WAITS, 1}};
    const struct lc_master_conf conf = {.workers = 1, .graceful_ms = 100};
    struct house h;

    (void)state;
    house_open_reloading(&h, WORK_WILL_NOT_LEAVE, &conf, reloads);
    await_worker(&h, 0);
    tell_master(&h, SIGHUP);
    await(&h, "say 30 Worker graceful timeout (pid:");
    await(&h, "was sent SIGKILL!");
    assert_null(strstr(h.text, "Perhaps out of memory?"));
    await(&h, "settled");
    tell_master(&h, SIGTERM);
    assert_int_equal(house_end(&h), 0);
}

#define EACH(name) cmocka_unit_test(name)

int main(void)
{
    const struct CMUnitTest tests[] = {
        EACH(a_spent_worker_serves_until_its_heir_is_ready),
        EACH(spent_workers_are_followed_one_at_a_time),
        EACH(heirs_find_the_place_of_those_before_them_in_the_board),
        EACH(who_does_not_leave_is_hurried_and_killed),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
