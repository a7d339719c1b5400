/* base/arena.c - a bump allocator for what lives as long as a request.
 *
 * Why: a request makes many small things of one lifetime; a pointer that moves is the cheapest way
 * to have them, and giving all back at once leaves nothing to forget.  What a peer can make us
 * store is bounded by the cap.
 *
 *   I1  `at` is a multiple of 16, so is every pointer handed out.
 *   I2  `used` is the sum of the sizes of `chunks`, headers included, and never exceeds `cap`.
 *   I3  [at, end) is poisoned under AddressSanitizer, and so is the padding behind each object.
 *
 *     first            at          end          chunks -> [head|......] -> [head|......] -> NULL
 *       |== handed out ==|-- free --|           at and end point into the lent chunk or one of
 *       these */
#include "base/arena.h"

#include "base/asan_int.h"

#include <stdlib.h>

#define ARENA_ALIGN     ((size_t)16)
#define ARENA_CHUNK_MIN ((size_t)4096)
#define ARENA_CHUNK_MAX ((size_t)65536)

struct lc_arena_chunk {
    _Alignas(16) struct lc_arena_chunk *next;
    size_t size; /* this head and the bytes behind it */
};

static void use_first(struct lc_arena *a)
{
    a->at = a->first;
    a->end = a->first_end;
    if (a->first != NULL)
        lc_asan_poison(a->first, (size_t)(a->first_end - a->first));
}

static void free_chunks(struct lc_arena *a)
{
    while (a->chunks != NULL) {
        struct lc_arena_chunk *c = a->chunks;
        a->chunks = c->next;
        lc_asan_unpoison(c, c->size);
        free(c);
    }
    a->used = 0;
}

void lc_arena_init(struct lc_arena *a, void *first, size_t first_size, size_t cap)
{
    size_t skew = (size_t)(-(uintptr_t)first) & (ARENA_ALIGN - 1);

    *a = (struct lc_arena){.cap = cap};
    if (first != NULL && first_size > skew) {
        a->first = (char *)first + skew;
        a->first_end = (char *)first + first_size;
    }
    use_first(a);
}

void lc_arena_fini(struct lc_arena *a)
{
    free_chunks(a);
    if (a->first != NULL)
        lc_asan_unpoison(a->first, (size_t)(a->first_end - a->first));
    *a = (struct lc_arena){.at = NULL};
}

void lc_arena_reset(struct lc_arena *a)
{
    free_chunks(a);
    use_first(a);
}

/* Chunks double while the cap allows, so that a large request costs few of them and a small one
 * little memory. */
static size_t chunk_size_for(const struct lc_arena *a, size_t n)
{
    size_t need = sizeof(struct lc_arena_chunk) + n;
    size_t want = LC_MIN(LC_MAX(a->used, ARENA_CHUNK_MIN), ARENA_CHUNK_MAX);
    size_t left = a->cap - a->used;

    if (need > left)
        return 0;
    want = LC_MIN(want, left) & ~(ARENA_ALIGN - 1);
    return LC_MAX(want, need);
}

LC_COLD static void *alloc_in_new_chunk(struct lc_arena *a, size_t taken, size_t n)
{
    size_t size = chunk_size_for(a, taken);
    struct lc_arena_chunk *c;
    char *p, *end;

    if (size == 0 || (c = malloc(size)) == NULL)
        return NULL;
    c->next = a->chunks;
    c->size = size;
    a->chunks = c;
    a->used += size;
    p = (char *)(c + 1);
    end = (char *)c + size;
    lc_asan_poison(p, (size_t)(end - p));
    lc_asan_unpoison(p, n);
    /* One large object must not waste what is left of the chunk in use. */
    if (end - (p + taken) > a->end - a->at) {
        a->at = p + taken;
        a->end = end;
    }
    return p;
}

void *lc_arena_alloc(struct lc_arena *a, size_t n)
{
    size_t taken;
    char *p;

    if (LC_UNLIKELY(n > PTRDIFF_MAX))
        return NULL; /* the rounding below must not wrap */
    taken = (LC_MAX(n, 1) + ARENA_ALIGN - 1) & ~(ARENA_ALIGN - 1);
    if (LC_UNLIKELY(taken > (size_t)(a->end - a->at)))
        return alloc_in_new_chunk(a, taken, n);
    p = a->at;
    a->at += taken;
    lc_asan_unpoison(p, n);
    return p;
}

struct lc_str lc_arena_dup(struct lc_arena *a, struct lc_str s)
{
    char *p = s.n < PTRDIFF_MAX ? lc_arena_alloc(a, s.n + 1) : NULL;

    if (p == NULL)
        return LC_STR_NULL;
    if (s.n != 0)
        memcpy(p, s.p, s.n);
    p[s.n] = '\0';
    return lc_str_of(p, s.n);
}
