/* base/arena.h - a bump allocator for what lives as long as a request.
 *
 * The first chunk may be lent by the caller (no allocation in the steady state); further chunks
 * come from malloc and the sum is capped.  Everything goes at once.  Freed and unused bytes are
 * poisoned under AddressSanitizer. */
#ifndef LC_BASE_ARENA_H
#define LC_BASE_ARENA_H

#include "base/base.h"
#include "base/str.h"

struct lc_arena_chunk;

struct lc_arena {
    char *at, *end;                /* the free part of the current chunk */
    char *first, *first_end;       /* the chunk that the caller lent */
    struct lc_arena_chunk *chunks; /* from malloc, newest first */
    size_t used, cap;              /* bytes taken by chunks of our own, and their maximum */
};

/* first may be NULL.  The lent memory is free to go again after fini, not before. */
void lc_arena_init(struct lc_arena *a, void *first, size_t first_size, size_t cap);
void lc_arena_fini(struct lc_arena *a);
void lc_arena_reset(struct lc_arena *a); /* empty again, the lent chunk stays */
/* 16-byte aligned, unset; n == 0 gets a pointer too; NULL when the cap or the memory is spent. */
LC_MUST_USE void *lc_arena_alloc(struct lc_arena *a, size_t n);
/* Copies s, adds a NUL that is not counted; .p is NULL on failure. */
LC_MUST_USE struct lc_str lc_arena_dup(struct lc_arena *a, struct lc_str s);

#endif
