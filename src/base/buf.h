/* base/buf.h - one contiguous growing buffer with a hard maximum.
 *
 * Small sizes come from a pool of blocks (a connection's input while it is busy), larger ones from
 * malloc.  Growing moves the bytes: who keeps pointers rebases them by the difference. */
#ifndef LC_BASE_BUF_H
#define LC_BASE_BUF_H

#include "base/base.h"
#include "base/pool.h"

struct lc_buf {
    char *p;      /* NULL while empty handed */
    uint32_t cap; /* bytes at p */
    uint32_t len; /* bytes in use from p */
};

/* Makes room for at least `cap` bytes in all and keeps the content.  LC_ELIMIT when cap exceeds max,
 * LC_ENOMEM; b is then as it was.  A pool's block may be larger than max, and so then is b->cap:
 * bound a read by max - len as well.  pool may be NULL; every call for b gets the same one. */
LC_MUST_USE enum lc_rc lc_buf_reserve(struct lc_buf *b, struct lc_pool *pool, size_t cap,
                                      size_t max);
/* Appends; grows as needed up to max.  p must not point into b. */
LC_MUST_USE enum lc_rc lc_buf_append(struct lc_buf *b, struct lc_pool *pool, const void *p,
                                     size_t n, size_t max);
/* Gives the memory back; b is empty handed again. */
void lc_buf_release(struct lc_buf *b, struct lc_pool *pool);

#endif
