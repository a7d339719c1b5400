/* loop/test/explore_atomics.h - included ahead of owner.c and watch.c, for the explorer: what they do to an atomic is a
 * step of its own, and the watcher has no time for a hundred ticks before it parks. */
#ifndef LC_LOOP_TEST_EXPLORE_ATOMICS_H
#define LC_LOOP_TEST_EXPLORE_ATOMICS_H

#include "loop/watch.h"

#include <stdatomic.h>

void sim_glance(void);
void sim_stored(void);

#undef LC_WATCH_CALM
#undef LC_WATCH_PARK
#define LC_WATCH_CALM 2
#define LC_WATCH_PARK 2

static inline void sim_store(_Atomic uint64_t *p, uint64_t value)
{
    *p = value;
    sim_stored();
}

static inline uint64_t sim_load(_Atomic uint64_t *p)
{
    sim_glance();
    return *p;
}

/* `nwant` is looked at in a loop that lets others in, and changes nothing but when they come. */
static inline unsigned sim_load_hint(atomic_uint *p)
{
    return *p;
}

#undef atomic_store_explicit
#define atomic_store_explicit(p, value, order) sim_store(p, value)
#undef atomic_load_explicit
#define atomic_load_explicit(p, order) \
    _Generic((p), _Atomic uint64_t * : sim_load, atomic_uint * : sim_load_hint)(p)

#endif
