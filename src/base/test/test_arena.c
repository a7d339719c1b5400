/* Bump allocation: alignment, the cap, no overlap, all against a list of what was handed out. */
#include "base/test/support.h"

#include "base/arena.h"
#include "base/asan_int.h"
#include "base/test/failing_malloc.h"

#include <string.h>

enum { OBJECTS_MAX = 400 };

static struct {
    unsigned char *p;
    size_t n;
    unsigned char mark;
} objects[OBJECTS_MAX];

static void assert_marks(size_t n_objects)
{
    for (size_t i = 0; i < n_objects; i++) {
        for (size_t k = 0; k < objects[i].n; k++)
            assert_int_equal(objects[i].p[k], objects[i].mark);
    }
}

/* Random sizes until refused or full; each object keeps its own bytes to the end. */
static void fill_once(struct lc_arena *a, struct lc_test_rng *rng)
{
    size_t n_objects = 0;

    while (n_objects < OBJECTS_MAX) {
        size_t n = lc_test_below(rng, 16) == 0 ? lc_test_below(rng, 9000) : lc_test_below(rng, 100);
        unsigned char *p = lc_arena_alloc(a, n);
        if (p == NULL)
            break;
        assert_int_equal((uintptr_t)p % 16, 0);
        assert_true(a->used <= a->cap);
        objects[n_objects].p = p;
        objects[n_objects].n = n;
        objects[n_objects].mark = (unsigned char)lc_test_rand(rng);
        memset(p, objects[n_objects].mark, n);
        n_objects++;
    }
    assert_marks(n_objects);
}

static void objects_never_overlap_and_the_cap_holds(void **state)
{
    static char lent[1024];

    (void)state;
    for (uint64_t seed = 1; seed <= 200; seed++) {
        struct lc_test_rng rng = {.s = seed};
        struct lc_arena a;
        size_t skew = lc_test_below(&rng, 16);
        lc_arena_init(&a, lent + skew, sizeof(lent) - skew, lc_test_below(&rng, 200000));
        for (int i = 0; i < 3; i++) {
            fill_once(&a, &rng);
            lc_arena_reset(&a);
            assert_int_equal(a.used, 0);
        }
        lc_arena_fini(&a);
        memset(lent, 0, sizeof(lent)); /* nothing poisoned is left behind */
    }
}

static void lent_memory_costs_no_allocation(void **state)
{
    _Alignas(16) char lent[256];
    struct lc_arena a;
    char *p;

    (void)state;
    lc_arena_init(&a, lent, sizeof(lent), 0);
    for (int i = 0; i < 16; i++) {
        p = lc_arena_alloc(&a, 16);
        assert_ptr_equal(p, lent + i * 16);
    }
    assert_null(lc_arena_alloc(&a, 0));
    lc_arena_reset(&a);
    p = lc_arena_alloc(&a, 256);
    assert_ptr_equal(p, lent);
    assert_int_equal(a.used, 0);
    lc_arena_fini(&a);
}

static void no_size_wraps_around(void **state)
{
    static const size_t sizes[] = {SIZE_MAX, SIZE_MAX - 15, SIZE_MAX - 16, SIZE_MAX / 2 + 1,
                                   (size_t)1 << 40};
    struct lc_arena a;

    (void)state;
    lc_arena_init(&a, NULL, 0, 65536);
    for (size_t i = 0; i < LC_ARRAY_LEN(sizes); i++) {
        assert_null(lc_arena_alloc(&a, sizes[i]));
        if (i < 4)
            assert_null(lc_arena_dup(&a, lc_str_of("", sizes[i])).p);
    }
    assert_int_equal(a.used, 0);
    lc_arena_fini(&a);
}

static void a_large_object_keeps_the_chunk_in_use(void **state)
{
    struct lc_arena a;
    char *before, *after;

    (void)state;
    lc_arena_init(&a, NULL, 0, 1 << 20);
    before = lc_arena_alloc(&a, 16);
    assert_non_null(lc_arena_alloc(&a, 100000));
    after = lc_arena_alloc(&a, 16);
    assert_ptr_equal(after, before + 16);
    lc_arena_fini(&a);
}

static void copies_end_in_a_nul(void **state)
{
    struct lc_arena a;
    struct lc_str s;

    (void)state;
    lc_arena_init(&a, NULL, 0, 8192);
    s = lc_arena_dup(&a, LC_STR("abc"));
    assert_int_equal(s.n, 3);
    assert_string_equal(s.p, "abc");
    s = lc_arena_dup(&a, LC_STR_NULL);
    assert_int_equal(s.n, 0);
    assert_string_equal(s.p, "");
    lc_arena_fini(&a);
}

static void survives_a_lack_of_memory(void **state)
{
    struct lc_arena a;
    void *p;

    (void)state;
    lc_arena_init(&a, NULL, 0, 1 << 20);
    mallocs_left = 1;
    p = lc_arena_alloc(&a, 4000);
    assert_non_null(p);
    p = lc_arena_alloc(&a, 4000);
    mallocs_left = INT_MAX;
    assert_null(p);
    assert_non_null(lc_arena_alloc(&a, 16)); /* what was left of the first chunk is still good */
    assert_non_null(lc_arena_alloc(&a, 4000));
    lc_arena_fini(&a);
}

static void free_bytes_are_poisoned(void **state)
{
#if LC_ASAN
    _Alignas(16) char lent[64];
    struct lc_arena a;
    char *p;

    (void)state;
    lc_arena_init(&a, lent, sizeof(lent), 0);
    p = lc_arena_alloc(&a, 13);
    assert_false(__asan_address_is_poisoned(p + 12));
    assert_true(__asan_address_is_poisoned(p + 13));
    lc_arena_reset(&a);
    assert_true(__asan_address_is_poisoned(p));
    lc_arena_fini(&a);
    assert_false(__asan_address_is_poisoned(p));
#else
    (void)state;
    skip();
#endif
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(objects_never_overlap_and_the_cap_holds),
        cmocka_unit_test(lent_memory_costs_no_allocation),
        cmocka_unit_test(no_size_wraps_around),
        cmocka_unit_test(a_large_object_keeps_the_chunk_in_use),
        cmocka_unit_test(copies_end_in_a_nul),
        cmocka_unit_test(survives_a_lack_of_memory),
        cmocka_unit_test(free_bytes_are_poisoned),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
