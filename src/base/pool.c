/* base/pool.c - recycled blocks of one size.
 *
 * Why not plain malloc: a connection takes and gives the same few sizes all day, and the last block
 * given back is the one whose lines are still in the cache.
 *
 *   I1  n_free is the length of the list at `free`, and never exceeds keep_max.
 *   I2  under AddressSanitizer the list stays empty: every give is a free, so a late use is
 *       reported. */
#include "base/pool.h"

#include "base/asan_int.h"

#include <stdlib.h>
#include <string.h>

/* memcpy keeps the link legal whatever type the block's user stored there. */
static void *link_get(const void *block)
{
    void *next;

    memcpy(&next, block, sizeof(next));
    return next;
}

static void link_set(void *block, void *next)
{
    memcpy(block, &next, sizeof(next));
}

void lc_pool_init(struct lc_pool *p, size_t block_size, size_t keep_max)
{
    LC_CHECK(block_size >= sizeof(void *));
    *p = (struct lc_pool){.block_size = block_size, .keep_max = LC_ASAN ? 0 : keep_max};
}

void lc_pool_fini(struct lc_pool *p)
{
    LC_CHECK(p->n_out == 0);
    lc_pool_trim(p, 0);
}

void *lc_pool_take(struct lc_pool *p)
{
    void *block = p->free;

    if (block != NULL) {
        p->free = link_get(block);
        p->n_free--;
    } else if ((block = malloc(p->block_size)) == NULL) {
        return NULL;
    }
    p->n_out++;
    return block;
}

void lc_pool_give(struct lc_pool *p, void *block)
{
    if (block == NULL)
        return;
    LC_CHECK(p->n_out != 0);
    p->n_out--;
    if (p->n_free >= p->keep_max) {
        free(block);
        return;
    }
    link_set(block, p->free);
    p->free = block;
    p->n_free++;
}

void lc_pool_trim(struct lc_pool *p, size_t keep)
{
    while (p->n_free > keep) {
        void *block = p->free;
        p->free = link_get(block);
        p->n_free--;
        free(block);
    }
}
