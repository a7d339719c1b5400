/* http1/test/cuts.h - where an input is cut into pieces, chosen by the input itself so that a
 * finding repeats. */
#ifndef LC_HTTP1_TEST_CUTS_H
#define LC_HTTP1_TEST_CUTS_H

#include "base/str.h"

enum { CUTS_MAX = 96, CUTS_EACH_MAX = 80 };

static inline uint32_t cuts_random(uint32_t *state)
{
    *state ^= *state << 13;
    *state ^= *state >> 17;
    *state ^= *state << 5;
    return *state;
}

/* Fills cuts with rising positions in (0, in.n); an odd style cuts a short input at every byte. */
static inline size_t cuts_from(struct lc_str in, unsigned style, size_t cuts[CUTS_MAX])
{
    uint32_t state = 2463534242u + style * 2654435761u + (uint32_t)in.n;
    bool is_each = (style & 1) != 0 && in.n <= CUTS_EACH_MAX;
    size_t n = 0, at = 0;

    if (state == 0)
        state = 1;
    while (n < CUTS_MAX) {
        at += is_each ? 1 : 1 + cuts_random(&state) % (1 + in.n / (1 + (style >> 1) % 8));
        if (at >= in.n)
            break;
        cuts[n++] = at;
    }
    return n;
}

#endif
