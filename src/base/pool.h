/* base/pool.h - recycled blocks of one size, last given back first out (its lines are still in the
 * cache).
 *
 * One thread at a time (the engine's owner).  Under AddressSanitizer nothing is recycled, so that a
 * use after give-back is seen. */
#ifndef LC_BASE_POOL_H
#define LC_BASE_POOL_H

#include "base/base.h"

struct lc_pool {
    size_t block_size; /* bytes a block */
    size_t keep_max;   /* how many free blocks are kept; more go back to the system */
    size_t n_free;
    size_t n_out; /* blocks in use, for tests and statistics */
    void *free;   /* first free block; its first word points to the next */
};

void lc_pool_init(struct lc_pool *p, size_t block_size, size_t keep_max);
void lc_pool_fini(struct lc_pool *p);  /* frees the free ones; blocks in use must be none */
void *lc_pool_take(struct lc_pool *p); /* NULL when there is no memory; contents undefined */
void lc_pool_give(struct lc_pool *p, void *block); /* NULL is ignored */
void lc_pool_trim(struct lc_pool *p, size_t keep); /* frees all but `keep` free blocks */

#endif
