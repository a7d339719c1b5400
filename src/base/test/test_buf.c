/* A growing buffer against a flat array that remembers what went in. */
#include "base/test/support.h"

#include "base/buf.h"
#include "base/test/failing_malloc.h"

#include <string.h>

enum { BLOCK = 512, MODEL_MAX = 20000 };

struct model {
    char bytes[MODEL_MAX];
    size_t n;
};

static void assert_same(const struct lc_buf *b, const struct model *m)
{
    assert_int_equal(b->len, m->n);
    assert_true(b->len <= b->cap);
    if (m->n != 0)
        assert_memory_equal(b->p, m->bytes, m->n);
}

static void append_both(struct lc_buf *b, struct lc_pool *pool, struct model *m,
                        struct lc_test_rng *rng, size_t max)
{
    char chunk[3000];
    size_t n = lc_test_below(rng, lc_test_below(rng, 4) == 0 ? sizeof(chunk) : 64);
    enum lc_rc rc;

    memset(chunk, (int)lc_test_below(rng, 256), sizeof(chunk));
    rc = lc_buf_append(b, pool, chunk, n, max);
    assert_int_equal(rc, m->n + n <= max ? LC_OK : LC_ELIMIT);
    if (rc != LC_OK)
        return;
    memcpy(m->bytes + m->n, chunk, n);
    m->n += n;
}

static void one_operation(struct lc_buf *b, struct lc_pool *pool, struct model *m,
                          struct lc_test_rng *rng, size_t max)
{
    size_t cap;

    switch (lc_test_below(rng, 8)) {
    case 0:
        lc_buf_release(b, pool);
        assert_null(b->p);
        m->n = 0;
        break;
    case 1: /* the front was consumed */
        cap = lc_test_below(rng, m->n + 1);
        if (cap != 0)
            memmove(b->p, b->p + cap, m->n - cap);
        memmove(m->bytes, m->bytes + cap, m->n - cap);
        m->n -= cap;
        b->len = (uint32_t)m->n;
        break;
    case 2:
        cap = lc_test_below(rng, max + 100);
        assert_int_equal(lc_buf_reserve(b, pool, cap, max), cap <= max ? LC_OK : LC_ELIMIT);
        assert_true(cap > max || b->cap >= cap);
        break;
    default:
        append_both(b, pool, m, rng, max);
    }
}

static void run_against_model(struct lc_pool *pool, uint64_t seed)
{
    static struct model m;
    struct lc_test_rng rng = {.s = seed};
    struct lc_buf b = {.p = NULL};
    size_t max = 1 + lc_test_below(&rng, MODEL_MAX);

    m.n = 0;
    for (int i = 0; i < 100; i++) {
        one_operation(&b, pool, &m, &rng, max);
        assert_same(&b, &m);
        assert_true(b.cap <= LC_MAX(max, (size_t)BLOCK));
    }
    lc_buf_release(&b, pool);
}

static void holds_what_a_flat_array_would(void **state)
{
    struct lc_pool pool;

    (void)state;
    lc_pool_init(&pool, BLOCK, 4);
    for (uint64_t seed = 1; seed <= 300; seed++) {
        run_against_model(&pool, seed);
        run_against_model(NULL, seed);
    }
    lc_pool_fini(&pool);
}

static void small_ones_come_from_the_pool_and_large_ones_leave_it(void **state)
{
    struct lc_pool pool;
    struct lc_buf b = {.p = NULL};

    (void)state;
    lc_pool_init(&pool, BLOCK, 4);
    assert_int_equal(lc_buf_reserve(&b, &pool, 1, 4096), LC_OK);
    assert_int_equal(b.cap, BLOCK);
    assert_int_equal(pool.n_out, 1);
    assert_int_equal(lc_buf_reserve(&b, &pool, BLOCK + 1, 4096), LC_OK);
    assert_int_equal(b.cap, BLOCK * 2);
    assert_int_equal(pool.n_out, 0);
    lc_buf_release(&b, &pool);
    lc_pool_fini(&pool);
}

static void refuses_what_no_32_bits_count(void **state)
{
    struct lc_buf b = {.p = NULL};

    (void)state;
    assert_int_equal(lc_buf_reserve(&b, NULL, (size_t)UINT32_MAX + 1, SIZE_MAX), LC_ELIMIT);
    assert_int_equal(lc_buf_append(&b, NULL, "", SIZE_MAX, SIZE_MAX - 1), LC_ELIMIT);
    assert_int_equal(lc_buf_append(&b, NULL, "", 0, 0), LC_OK);
    assert_null(b.p);
}

static void keeps_its_bytes_when_memory_runs_out(void **state)
{
    struct lc_pool pool;
    struct lc_buf b = {.p = NULL};

    (void)state;
    lc_pool_init(&pool, BLOCK, 4);
    for (int allowed = 0; allowed < 3; allowed++) {
        enum lc_rc small, medium, large;
        mallocs_left = allowed;
        small = lc_buf_append(&b, &pool, "abc", 3, 1 << 20);
        medium = lc_buf_reserve(&b, &pool, 5000, 1 << 20);
        large = lc_buf_reserve(&b, &pool, 50000, 1 << 20);
        mallocs_left = INT_MAX;
        assert_int_equal(small, allowed > 0 ? LC_OK : LC_ENOMEM);
        assert_int_equal(medium, allowed > 1 ? LC_OK : LC_ENOMEM);
        assert_int_equal(large, LC_ENOMEM);
        assert_int_equal(b.len, allowed > 0 ? 3 : 0);
        if (allowed > 0)
            assert_memory_equal(b.p, "abc", 3);
        lc_buf_release(&b, &pool);
        lc_pool_trim(&pool, 0);
    }
    lc_pool_fini(&pool);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(holds_what_a_flat_array_would),
        cmocka_unit_test(small_ones_come_from_the_pool_and_large_ones_leave_it),
        cmocka_unit_test(refuses_what_no_32_bits_count),
        cmocka_unit_test(keeps_its_bytes_when_memory_runs_out),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
