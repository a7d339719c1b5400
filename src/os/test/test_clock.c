/* Clocks agree with each other and with the system's. */
#include "base/test/support.h"

#include "os/clock.h"

static void the_monotonic_clock_never_goes_back(void **state)
{
    uint64_t last = lc_clock_mono_ns();

    (void)state;
    for (int i = 0; i < 10000; i++) {
        uint64_t now = lc_clock_mono_ns();
        assert_true(now >= last);
        last = now;
    }
}

static void milliseconds_are_the_same_clock(void **state)
{
    uint64_t before = lc_clock_mono_ns() / 1000000u;
    uint64_t ms = lc_clock_mono_ms();
    uint64_t after = lc_clock_mono_ns() / 1000000u;

    (void)state;
    assert_true(before <= ms && ms <= after);
}

static void wall_time_is_the_system_s(void **state)
{
    time_t before = time(NULL);
    time_t wall = lc_clock_wall();

    (void)state;
    assert_true(before <= wall && wall <= time(NULL));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_monotonic_clock_never_goes_back),
        cmocka_unit_test(milliseconds_are_the_same_clock),
        cmocka_unit_test(wall_time_is_the_system_s),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
