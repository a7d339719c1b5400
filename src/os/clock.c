/* os/clock.c - what time it is.
 *
 * Not the coarse clocks: they save a few nanoseconds and cost up to a scheduler tick of error. */
#include "os/clock.h"

uint64_t lc_clock_mono_ns(void)
{
    struct timespec ts;

    LC_CHECK(clock_gettime(CLOCK_MONOTONIC, &ts) == 0);
    return (uint64_t)ts.tv_sec * 1000000000u + (uint64_t)ts.tv_nsec;
}

uint64_t lc_clock_mono_ms(void)
{
    return lc_clock_mono_ns() / 1000000u;
}

time_t lc_clock_wall(void)
{
    return time(NULL);
}
