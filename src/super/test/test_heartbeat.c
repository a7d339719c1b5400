/* Who is late, by the board's words alone, and what is done about it. */
#include "house.h"

#include "super/heartbeat.h"

#include <string.h>

static const struct lc_late_rule sync_rule = {.timeout_ms = 1000, .is_call_bounded = true};
static const struct lc_late_rule pool_rule = {.timeout_ms = 1000};
static const struct lc_late_rule no_rule = {.is_call_bounded = true};

static void put(struct lc_board_slot *s, enum lc_board_life life, uint64_t beat, uint64_t call)
{
    memset(s, 0, sizeof *s);
    atomic_store(&s->life, life);
    lc_count_set(&s->beat_ms, beat);
    lc_count_set(&s->call_since_ms, call);
}

static enum lc_late judge(const struct lc_board_slot *s, const struct lc_late_rule *rule,
                          uint64_t now)
{
    uint64_t since = 0;

    return lc_heartbeat_judge(s, rule, now, &since);
}

static void a_call_is_late_once_the_time_is_over(void **state)
{
    struct lc_board_slot s;
    uint64_t since = 0;

    (void)state;
    put(&s, LC_LIFE_SERVING, 5900, 5000);
    assert_int_equal(lc_heartbeat_due(&s, &sync_rule), 6001);
    assert_int_equal(judge(&s, &sync_rule, 6000), LC_LATE_NOT);
    assert_int_equal(lc_heartbeat_judge(&s, &sync_rule, 6001, &since), LC_LATE_CALL);
    assert_int_equal(since, 5000);
}

static void a_pool_may_have_long_calls(void **state)
{
    struct lc_board_slot s;

    (void)state;
    put(&s, LC_LIFE_SERVING, 99900, 5000);
    assert_int_equal(judge(&s, &pool_rule, 100000), LC_LATE_NOT);
}

static void a_worker_that_does_not_beat_is_late_under_every_rule(void **state)
{
    struct lc_board_slot s;
    uint64_t since = 0;

    (void)state;
    put(&s, LC_LIFE_DRAINING, 5000, 0);
    assert_int_equal(judge(&s, &pool_rule, 6000), LC_LATE_NOT);
    assert_int_equal(lc_heartbeat_judge(&s, &pool_rule, 6001, &since), LC_LATE_BEAT);
    assert_int_equal(since, 5000);
    assert_int_equal(judge(&s, &sync_rule, 6001), LC_LATE_BEAT);
}

static void nobody_is_late_while_it_boots_or_without_a_timeout(void **state)
{
    struct lc_board_slot s;

    (void)state;
    put(&s, LC_LIFE_BOOTING, 1, 1);
    assert_int_equal(judge(&s, &sync_rule, UINT64_MAX - 1), LC_LATE_NOT);
    assert_true(lc_heartbeat_due(&s, &sync_rule) == UINT64_MAX);
    put(&s, LC_LIFE_SERVING, 1, 1);
    assert_int_equal(judge(&s, &no_rule, UINT64_MAX - 1), LC_LATE_NOT);
    put(&s, LC_LIFE_SERVING, 0, 0); /* has not begun to beat */
    assert_int_equal(judge(&s, &sync_rule, UINT64_MAX - 1), LC_LATE_NOT);
}

static void a_boot_is_late_under_a_rule_of_its_own(void **state)
{
    const struct lc_late_rule rule = {.boot_ms = 1000, .forked_ms = 5000};
    struct lc_board_slot s;
    uint64_t since = 0;

    (void)state;
    put(&s, LC_LIFE_BOOTING, 0, 0);
    assert_int_equal(lc_heartbeat_due(&s, &rule), 6001);
    assert_int_equal(judge(&s, &rule, 6000), LC_LATE_NOT);
    assert_int_equal(lc_heartbeat_judge(&s, &rule, 6001, &since), LC_LATE_BOOT);
    assert_int_equal(since, 5000);
    put(&s, LC_LIFE_SERVING, 1, 0); /* it is ready, and there is no timeout */
    assert_int_equal(judge(&s, &rule, UINT64_MAX - 1), LC_LATE_NOT);
}

static void a_boot_that_never_ends_is_ended_and_is_final(void **state)
{
    const struct lc_master_conf conf = {.workers = 1, .graceful_ms = 200, .boot_ms = 100};
    struct house h;

    (void)state;
    house_open_with(&h, WORK_IS_EARLY, &conf, 0);
    await_worker(&h, 0);
    await(&h, "say 50 WORKER TIMEOUT (pid:");
    await(&h, "has not become ready for");
    await(&h, "Reason: Worker failed to boot.");
    assert_int_equal(house_end(&h), LC_EXIT_BOOT);
}

static void who_is_stuck_is_dumped_aborted_and_killed(void **state)
{
    const struct lc_master_conf conf = {
        .workers = 1, .graceful_ms = 200, .timeout_ms = 300, .dump_signal = SIGUSR2};
    struct house h;

    (void)state;
    house_open_with(&h, WORK_IS_STUCK, &conf, 0);
    await_worker(&h, 0);
    await(&h, "say 50 WORKER TIMEOUT (pid:");
    await(&h, "has given no sign of life for");
    await(&h, "Stack of the only thread");
    await(&h, "was sent SIGKILL!");
    await_worker(&h, 0);
    tell_master(&h, SIGTERM);
    assert_int_equal(house_end(&h), 0);
    assert_null(strstr(h.text, "memory"));
}

static void without_a_timeout_nobody_is_stuck(void **state)
{
    const struct lc_master_conf conf = {.workers = 1, .graceful_ms = 200};
    struct house h;

    (void)state;
    house_open_with(&h, WORK_IS_STUCK, &conf, 0);
    await_worker(&h, 0);
    usleep(300000);
    tell_master(&h, SIGTERM);
    assert_int_equal(house_end(&h), 0);
    assert_null(strstr(h.text, "WORKER TIMEOUT"));
}

#define EACH(name) cmocka_unit_test(name)

int main(void)
{
    const struct CMUnitTest tests[] = {
        EACH(a_call_is_late_once_the_time_is_over),
        EACH(a_pool_may_have_long_calls),
        EACH(a_worker_that_does_not_beat_is_late_under_every_rule),
        EACH(nobody_is_late_while_it_boots_or_without_a_timeout),
        EACH(a_boot_is_late_under_a_rule_of_its_own),
        EACH(a_boot_that_never_ends_is_ended_and_is_final),
        EACH(who_is_stuck_is_dumped_aborted_and_killed),
        EACH(without_a_timeout_nobody_is_stuck),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
