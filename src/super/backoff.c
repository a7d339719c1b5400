/* super/backoff.c - when a slot may have its next process.   Runs in: master. */
#include "super/backoff.h"

/* first, 2 first, 4 first ... most; n counts from 1. */
static uint64_t doubled(uint32_t n, uint64_t most)
{
    return n > 16 ? most : LC_MIN((uint64_t)LC_BACKOFF_FIRST_MS << (n - 1), most);
}

void lc_backoff_lived(struct lc_backoff *b, uint64_t now_ms, uint64_t lived_ms)
{
    b->nboots = 0;
    b->due_ms = now_ms;
    if (lived_ms >= LC_BACKOFF_LIVED_MS) {
        b->nshort = 0;
        return;
    }
    b->nshort++;
    if (b->nshort > LC_BACKOFF_FREE)
        b->due_ms += doubled(b->nshort - LC_BACKOFF_FREE, LC_BACKOFF_SHORT_MS);
}

void lc_backoff_failed(struct lc_backoff *b, uint64_t now_ms)
{
    b->nboots++;
    b->due_ms = now_ms + doubled(b->nboots, LC_BACKOFF_BOOT_MS);
}

void lc_backoff_forget(struct lc_backoff *b)
{
    *b = (struct lc_backoff){0};
}

uint64_t lc_backoff_due(const struct lc_backoff *b, bool is_failing, uint64_t last_ms)
{
    if (last_ms == 0 || (b->nboots == 0 && !is_failing))
        return b->due_ms;
    return LC_MAX(b->due_ms, last_ms + LC_BACKOFF_GAP_MS);
}
