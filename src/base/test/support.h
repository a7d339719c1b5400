/* base/test/support.h - what every unit test begins with: cmocka, and numbers from a known seed. */
#ifndef LC_BASE_TEST_SUPPORT_H
#define LC_BASE_TEST_SUPPORT_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

/* xorshift64*: the same sequence on every machine, so a failure names its seed and comes back. */
struct lc_test_rng {
    uint64_t s;
};

static inline uint64_t lc_test_rand(struct lc_test_rng *r)
{
    r->s ^= r->s >> 12;
    r->s ^= r->s << 25;
    r->s ^= r->s >> 27;
    return r->s * 0x2545f4914f6cdd1dull;
}

static inline uint64_t lc_test_below(struct lc_test_rng *r, uint64_t n)
{
    return (lc_test_rand(r) >> 11) % n;
}

#endif
