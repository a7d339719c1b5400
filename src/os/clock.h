/* os/clock.h - what time it is.  Deadlines use the monotonic clock, only what people read the
 * wall's. */
#ifndef LC_OS_CLOCK_H
#define LC_OS_CLOCK_H

#include "base/base.h"

#include <time.h>

uint64_t lc_clock_mono_ms(void);
uint64_t lc_clock_mono_ns(void);
time_t lc_clock_wall(void);

#endif
