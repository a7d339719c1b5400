/* When a slot may have its next process. */
#include "base/test/support.h"

#include "super/backoff.h"

static void a_worker_that_served_is_replaced_at_once(void **state)
{
    struct lc_backoff b = {0};

    (void)state;
    for (int i = 0; i < 100; i++) {
        lc_backoff_lived(&b, 5000, LC_BACKOFF_LIVED_MS);
        assert_int_equal(b.due_ms, 5000);
    }
}

static void a_few_short_lives_are_free_and_then_they_are_slowed(void **state)
{
    static const uint64_t want[] = {0, 0, 0, 0, 0, 500, 1000, 2000, 4000, 5000, 5000};
    struct lc_backoff b = {0};

    (void)state;
    for (size_t i = 0; i < LC_ARRAY_LEN(want); i++) {
        lc_backoff_lived(&b, 7000, 999);
        assert_int_equal(b.due_ms - 7000, want[i]);
    }
    lc_backoff_lived(&b, 9000, 1000); /* a long one ends the row */
    lc_backoff_lived(&b, 9000, 10);
    assert_int_equal(b.due_ms, 9000);
}

static void each_failed_boot_doubles_the_wait(void **state)
{
    static const uint64_t want[] = {500, 1000, 2000, 4000, 8000, 16000, 30000, 30000};
    struct lc_backoff b = {0};

    (void)state;
    for (size_t i = 0; i < LC_ARRAY_LEN(want); i++) {
        lc_backoff_failed(&b, 1000);
        assert_int_equal(b.due_ms - 1000, want[i]);
    }
    for (int i = 0; i < 100000; i++)
        lc_backoff_failed(&b, 1000);
    assert_int_equal(b.due_ms - 1000, LC_BACKOFF_BOOT_MS);
    lc_backoff_lived(&b, 2000, 5000); /* one that came up begins anew */
    lc_backoff_failed(&b, 3000);
    assert_int_equal(b.due_ms, 3500);
}

static void while_boots_fail_forks_of_the_house_keep_their_distance(void **state)
{
    struct lc_backoff failed = {.nboots = 1, .due_ms = 1000}, fresh = {.due_ms = 1000};

    (void)state;
    assert_int_equal(lc_backoff_due(&failed, false, 900), 900 + LC_BACKOFF_GAP_MS);
    assert_int_equal(lc_backoff_due(&fresh, true, 900), 900 + LC_BACKOFF_GAP_MS);
    assert_int_equal(lc_backoff_due(&fresh, false, 900), 1000);
    assert_int_equal(lc_backoff_due(&failed, true, 100), 1000); /* long ago */
    assert_int_equal(lc_backoff_due(&failed, true, 0), 1000);   /* never */
}

/* A house of slots that all fail at once, by a clock of the test's own. */
static void many_slots_that_fail_make_less_than_two_forks_a_second(void **state)
{
    struct lc_backoff slots[40] = {{0}};
    uint64_t now = 1, last = 0;
    int forks = 0;

    (void)state;
    for (; now < 20000; now++) {
        for (size_t i = 0; i < LC_ARRAY_LEN(slots); i++) {
            if (lc_backoff_due(&slots[i], true, last) > now)
                continue;
            forks++;
            last = now;
            lc_backoff_failed(&slots[i], now);
        }
    }
    assert_in_range(forks, 20, 39);
}

#define EACH(name) cmocka_unit_test(name)

int main(void)
{
    const struct CMUnitTest tests[] = {
        EACH(a_worker_that_served_is_replaced_at_once),
        EACH(a_few_short_lives_are_free_and_then_they_are_slowed),
        EACH(each_failed_boot_doubles_the_wait),
        EACH(while_boots_fail_forks_of_the_house_keep_their_distance),
        EACH(many_slots_that_fail_make_less_than_two_forks_a_second),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
