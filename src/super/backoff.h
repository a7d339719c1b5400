/* super/backoff.h - when a slot may have its next process, so that what keeps failing costs little.  Pure.
 *
 * A worker that was ready and ends is replaced at once, and so are the next few that end within a second; a crash at
 * every start, or at every request, is then slowed, up to LC_BACKOFF_SHORT_MS.  A boot that failed is tried again after
 * LC_BACKOFF_FIRST_MS, and after twice that each time it fails again, up to LC_BACKOFF_BOOT_MS.
 *
 * While boots fail no two forks of the house are closer than LC_BACKOFF_GAP_MS: that many slots fail together must not
 * make many forks a second.  The first boot that succeeds ends this, and all others are due. */
#ifndef LC_SUPER_BACKOFF_H
#define LC_SUPER_BACKOFF_H

#include "base/base.h"

#define LC_BACKOFF_FIRST_MS 500
#define LC_BACKOFF_BOOT_MS  30000
#define LC_BACKOFF_SHORT_MS 5000
#define LC_BACKOFF_GAP_MS   600
#define LC_BACKOFF_FREE     5    /* short lives that cost nothing */
#define LC_BACKOFF_LIVED_MS 1000 /* a life is short below this */

/* Of one slot. */
struct lc_backoff {
    uint32_t nboots; /* boots that failed, in a row */
    uint32_t nshort; /* lives that were short, in a row */
    uint64_t due_ms; /* no fork before this */
};

/* A process that was ready has ended, this long after its fork. */
void lc_backoff_lived(struct lc_backoff *b, uint64_t now_ms, uint64_t lived_ms);
/* One has ended that was not ready, or could not be forked at all. */
void lc_backoff_failed(struct lc_backoff *b, uint64_t now_ms);
/* Nothing speaks against a fork now. */
void lc_backoff_forget(struct lc_backoff *b);
/* When this slot may fork, if the house forked last at last_ms.  is_failing: boots fail at present. */
uint64_t lc_backoff_due(const struct lc_backoff *b, bool is_failing, uint64_t last_ms);

#endif
