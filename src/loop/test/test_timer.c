/* The wheel against a flat table of when each timer has to fire. */
#include "base/test/support.h"

#include "loop/timer.h"

#include <limits.h>
#include <string.h>

enum { N_TIMERS = 60 };

struct entry {
    struct lc_timer timer;
    bool is_set;
    uint64_t tick; /* when it must fire */
};

/* One wheel at a time is under test; callbacks get nothing but their timer. */
static struct {
    struct lc_timers wheel;
    struct entry entries[N_TIMERS];
    struct lc_test_rng rng;
    uint64_t now_ms, run_tick; /* the clock, and the tick up to which the wheel was run */
    int n_fired;
    bool is_busy; /* callbacks set and cancel other timers */
} t;

static uint64_t round_up(uint64_t due_ms)
{
    return due_ms / LC_TIMER_TICK_MS + (due_ms % LC_TIMER_TICK_MS != 0);
}

static void set_both(struct entry *e, uint64_t due_ms)
{
    lc_timer_set(&t.wheel, &e->timer, due_ms);
    e->is_set = true;
    e->tick = LC_MAX(round_up(due_ms), t.run_tick + 1);
}

static void cancel_both(struct entry *e)
{
    lc_timer_cancel(&e->timer);
    e->is_set = false;
}

/* Distances from "past" over each level's reach to "beyond the rim". */
static uint64_t random_due(void)
{
    uint64_t far = lc_test_below(&t.rng, (uint64_t)1 << lc_test_below(&t.rng, 36));

    return lc_test_below(&t.rng, 8) == 0 ? t.now_ms - LC_MIN(t.now_ms, far) : t.now_ms + far;
}

static void random_change(void)
{
    struct entry *e = &t.entries[lc_test_below(&t.rng, N_TIMERS)];

    if (lc_test_below(&t.rng, 3) == 0)
        cancel_both(e);
    else
        set_both(e, random_due());
}

static void on_fire(struct lc_timer *timer, uint64_t now_ms)
{
    struct entry *e = LC_CONTAINER_OF(timer, struct entry, timer);

    assert_int_equal(now_ms, t.now_ms);
    assert_true(e->is_set);
    assert_false(lc_timer_is_set(timer));
    assert_true(timer->due_ms <= now_ms);
    assert_true(e->tick <= now_ms / LC_TIMER_TICK_MS);
    e->is_set = false;
    t.n_fired++;
    if (t.is_busy && lc_test_below(&t.rng, 2) == 0)
        random_change();
    if (t.is_busy && lc_test_below(&t.rng, 4) == 0)
        set_both(e, random_due());
}

static void begin(uint64_t seed, uint64_t now_ms)
{
    memset(&t, 0, sizeof(t)); /* zero is "not set" too */
    t.rng.s = seed;
    t.now_ms = now_ms;
    t.run_tick = now_ms / LC_TIMER_TICK_MS;
    lc_timers_init(&t.wheel, now_ms);
    for (size_t i = 0; i < N_TIMERS; i++)
        t.entries[i].timer.fn = on_fire;
}

static void run_at(uint64_t now_ms)
{
    t.now_ms = now_ms;
    t.run_tick = LC_MAX(t.run_tick, now_ms / LC_TIMER_TICK_MS);
    lc_timers_run(&t.wheel, now_ms);
    for (size_t i = 0; i < N_TIMERS; i++) {
        struct entry *e = &t.entries[i];
        assert_int_equal(lc_timer_is_set(&e->timer), e->is_set);
        assert_true(!e->is_set || e->tick > t.run_tick);
    }
}

/* Never longer than until the earliest, and -1 exactly when there is none. */
static void assert_next_is_safe(void)
{
    uint64_t first = UINT64_MAX;
    int next_ms = lc_timers_next_ms(&t.wheel, t.now_ms);

    for (size_t i = 0; i < N_TIMERS; i++) {
        if (t.entries[i].is_set)
            first = LC_MIN(first, t.entries[i].tick);
    }
    assert_int_equal(next_ms == -1, first == UINT64_MAX);
    if (next_ms > 0)
        assert_true((t.now_ms + (uint64_t)next_ms) / LC_TIMER_TICK_MS <= first);
}

static uint64_t random_advance(void)
{
    int next_ms = lc_timers_next_ms(&t.wheel, t.now_ms);

    switch (lc_test_below(&t.rng, 4)) {
    case 0:
        return lc_test_below(&t.rng, 200);
    case 1:
        return lc_test_below(&t.rng, (uint64_t)1 << lc_test_below(&t.rng, 34));
    default:
        return next_ms > 0 ? (uint64_t)next_ms : 1;
    }
}

static void fires_what_a_flat_table_would(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= 400; seed++) {
        struct lc_test_rng rng = {.s = seed};
        begin(seed, lc_test_below(&rng, (uint64_t)1 << lc_test_below(&rng, 45)));
        t.is_busy = seed % 2 == 0;
        for (int i = 0; i < 120; i++) {
            for (uint64_t n = lc_test_below(&t.rng, 6); n != 0; n--)
                random_change();
            assert_next_is_safe();
            run_at(t.now_ms + random_advance());
        }
        assert_next_is_safe();
    }
}

static void assert_reached_in_a_few_steps(uint64_t start_ms, uint64_t distance_ms)
{
    uint64_t rim_ms = (uint64_t)LC_TIMER_TICK_MS << 24;
    uint64_t steps = 0;

    begin(1, start_ms);
    set_both(&t.entries[0], start_ms + distance_ms);
    while (t.n_fired == 0) {
        int next_ms = lc_timers_next_ms(&t.wheel, t.now_ms);
        assert_true(next_ms >= 0);
        run_at(t.now_ms + (uint64_t)next_ms);
        steps++;
        assert_true(steps <= 8 + distance_ms / rim_ms);
    }
    assert_true(t.now_ms >= start_ms + distance_ms);
    assert_true(t.now_ms <= start_ms + distance_ms + LC_TIMER_TICK_MS);
    assert_int_equal(lc_timers_next_ms(&t.wheel, t.now_ms), -1);
}

static void waiting_as_told_reaches_each_timer_in_a_few_steps(void **state)
{
    static const uint64_t distances_ms[] = {
        0,
        1,
        63,
        64,
        65,
        4095,
        4096,
        4097,
        75000,
        262143,
        262144,
        262145,
        16777216,
        1073741823,
        1073741824,
        1073741825,
        30ull * 86400 * 1000,
    };
    static const uint64_t starts_ms[] = {0, 63, 64, 1234567, 64ull << 18, (64ull << 18) - 1};

    (void)state;
    for (size_t i = 0; i < LC_ARRAY_LEN(distances_ms); i++) {
        for (size_t k = 0; k < LC_ARRAY_LEN(starts_ms); k++)
            assert_reached_in_a_few_steps(starts_ms[k], distances_ms[i]);
    }
}

static void never_is_a_due_time(void **state)
{
    (void)state;
    begin(1, 1000);
    set_both(&t.entries[0], UINT64_MAX);
    run_at(1000 + 400ull * 86400 * 1000);
    assert_int_equal(t.n_fired, 0);
    assert_true(lc_timers_next_ms(&t.wheel, t.now_ms) > 0);
    cancel_both(&t.entries[0]);
    assert_int_equal(lc_timers_next_ms(&t.wheel, t.now_ms), -1);
}

static void cancelling_what_is_not_set_is_harmless(void **state)
{
    struct lc_timer zeroed = {.fn = on_fire}, made;

    (void)state;
    begin(1, 0);
    lc_timer_cancel(&zeroed);
    lc_timer_init(&made, on_fire);
    lc_timer_cancel(&made);
    assert_false(lc_timer_is_set(&zeroed) || lc_timer_is_set(&made));
    lc_timer_set(&t.wheel, &zeroed, 5);
    lc_timer_cancel(&zeroed);
    lc_timer_cancel(&zeroed);
    run_at(1000);
    assert_int_equal(t.n_fired, 0);
}

static struct lc_timer victims[2];
static int n_victims_fired;

static void on_fire_cancel_the_other(struct lc_timer *timer, uint64_t now_ms)
{
    (void)now_ms;
    n_victims_fired++;
    lc_timer_cancel(timer == &victims[0] ? &victims[1] : &victims[0]);
}

static void one_of_two_due_at_once_may_cancel_the_other(void **state)
{
    (void)state;
    begin(1, 0);
    n_victims_fired = 0;
    for (int i = 0; i < 2; i++) {
        lc_timer_init(&victims[i], on_fire_cancel_the_other);
        lc_timer_set(&t.wheel, &victims[i], 100);
    }
    lc_timers_run(&t.wheel, 128);
    assert_int_equal(n_victims_fired, 1);
}

static void on_fire_again_now(struct lc_timer *timer, uint64_t now_ms)
{
    n_victims_fired++;
    lc_timer_set(&t.wheel, timer, now_ms);
}

static void a_timer_that_sets_itself_fires_once_a_run(void **state)
{
    (void)state;
    begin(1, 0);
    n_victims_fired = 0;
    lc_timer_init(&victims[0], on_fire_again_now);
    lc_timer_set(&t.wheel, &victims[0], 0);
    for (int i = 1; i <= 5; i++) {
        lc_timers_run(&t.wheel, (uint64_t)i * 1000);
        assert_int_equal(n_victims_fired, i);
    }
    lc_timers_run(&t.wheel, 5000); /* the same instant again: nothing new */
    assert_int_equal(n_victims_fired, 5);
    lc_timer_cancel(&victims[0]);
}

static void a_clock_that_stands_or_lags_fires_nothing(void **state)
{
    (void)state;
    begin(1, 100000);
    set_both(&t.entries[0], 100500);
    run_at(100000);
    run_at(100000);
    lc_timers_run(&t.wheel, 50000);
    assert_int_equal(t.n_fired, 0);
    run_at(100544);
    assert_int_equal(t.n_fired, 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(fires_what_a_flat_table_would),
        cmocka_unit_test(waiting_as_told_reaches_each_timer_in_a_few_steps),
        cmocka_unit_test(never_is_a_due_time),
        cmocka_unit_test(cancelling_what_is_not_set_is_harmless),
        cmocka_unit_test(one_of_two_due_at_once_may_cancel_the_other),
        cmocka_unit_test(a_timer_that_sets_itself_fires_once_a_run),
        cmocka_unit_test(a_clock_that_stands_or_lags_fires_nothing),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
