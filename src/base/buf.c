/* base/buf.c - one contiguous growing buffer with a hard maximum.
 *
 * Why contiguous: parsers get one span and keep offsets, and nearly every message fits the first
 * block.
 *
 *   I1  cap == pool->block_size exactly when the bytes came from the pool; malloc is only asked for
 *       more than that.
 *   I2  a refused or failed call leaves the buffer as it was. */
#include "base/buf.h"

#include <stdlib.h>
#include <string.h>

static bool is_pooled(const struct lc_buf *b, const struct lc_pool *pool)
{
    return pool != NULL && b->cap == pool->block_size;
}

static enum lc_rc adopt(struct lc_buf *b, void *p, size_t cap)
{
    if (p == NULL)
        return LC_ENOMEM;
    b->p = p;
    b->cap = (uint32_t)cap;
    return LC_OK;
}

/* From the pool's block to the heap: the pool cannot grow a block, so the bytes are copied. */
static enum lc_rc move_to_heap(struct lc_buf *b, struct lc_pool *pool, size_t cap)
{
    char *old = b->p;
    char *p = malloc(cap);

    if (p == NULL)
        return LC_ENOMEM;
    memcpy(p, old, b->len);
    lc_pool_give(pool, old);
    return adopt(b, p, cap);
}

enum lc_rc lc_buf_reserve(struct lc_buf *b, struct lc_pool *pool, size_t cap, size_t max)
{
    size_t want;

    if (cap > LC_MIN(max, UINT32_MAX))
        return LC_ELIMIT;
    if (cap <= b->cap)
        return LC_OK;
    if (pool != NULL && b->p == NULL && cap <= pool->block_size)
        return adopt(b, lc_pool_take(pool), pool->block_size);
    /* Doubling keeps the copies of a byte-by-byte sender linear. */
    want = LC_MAX(cap, LC_MIN((size_t)b->cap * 2, LC_MIN(max, UINT32_MAX)));
    if (b->p != NULL && is_pooled(b, pool))
        return move_to_heap(b, pool, want);
    return adopt(b, realloc(b->p, want), want);
}

enum lc_rc lc_buf_append(struct lc_buf *b, struct lc_pool *pool, const void *p, size_t n,
                         size_t max)
{
    enum lc_rc rc;

    if (n > max || b->len > max - n)
        return LC_ELIMIT;
    if (n == 0)
        return LC_OK;
    if ((rc = lc_buf_reserve(b, pool, b->len + n, max)) != LC_OK)
        return rc;
    memcpy(b->p + b->len, p, n);
    b->len += (uint32_t)n;
    return LC_OK;
}

void lc_buf_release(struct lc_buf *b, struct lc_pool *pool)
{
    if (is_pooled(b, pool))
        lc_pool_give(pool, b->p);
    else
        free(b->p);
    *b = (struct lc_buf){.p = NULL};
}
