/* http/body.c - spilling and taking a request's body.   Runs in: worker, owner of the engine. */
#include "http/body.h"

#include <string.h>

void lc_body_init(struct lc_body *b, int64_t length)
{
    *b = (struct lc_body){.length = length, .is_done = length == 0};
    lc_spool_init(&b->file);
}

void lc_body_fini(struct lc_body *b)
{
    lc_spool_close(&b->file);
}

enum lc_rc lc_body_spill(struct lc_body *b, const char *dir)
{
    enum lc_rc rc = lc_spool_append(&b->file, dir, b->mem + b->mem_off, b->mem_len - b->mem_off);

    if (rc == LC_OK)
        b->mem_off = b->mem_len = 0;
    return rc;
}

enum lc_rc lc_body_take(struct lc_body *b, char *dst, size_t cap, size_t *got)
{
    size_t n;

    if (lc_spool_here(&b->file) > 0)
        return lc_spool_take(&b->file, dst, cap, got);
    n = LC_MIN(cap, (size_t)(b->mem_len - b->mem_off));
    memcpy(dst, b->mem + b->mem_off, n);
    b->mem_off += (uint32_t)n;
    *got = n;
    return LC_OK;
}
