/* Blocks of one size: what is kept, what goes back, and what no memory means. */
#include "base/test/support.h"

#include "base/asan_int.h"
#include "base/pool.h"
#include "base/test/failing_malloc.h"

#include <string.h>

static void counts_what_is_out_and_keeps_no_more_than_told(void **state)
{
    struct lc_pool pool;
    void *blocks[5];

    (void)state;
    lc_pool_init(&pool, 128, 3);
    for (size_t i = 0; i < LC_ARRAY_LEN(blocks); i++) {
        blocks[i] = lc_pool_take(&pool);
        assert_non_null(blocks[i]);
        memset(blocks[i], 0xa5, 128);
    }
    assert_int_equal(pool.n_out, 5);
    for (size_t i = 0; i < LC_ARRAY_LEN(blocks); i++)
        lc_pool_give(&pool, blocks[i]);
    lc_pool_give(&pool, NULL);
    assert_int_equal(pool.n_out, 0);
    assert_int_equal(pool.n_free, LC_ASAN ? 0 : 3);
    lc_pool_trim(&pool, 1);
    assert_int_equal(pool.n_free, LC_ASAN ? 0 : 1);
    lc_pool_fini(&pool);
    assert_int_equal(pool.n_free, 0);
}

static void gives_the_warmest_block_first(void **state)
{
    struct lc_pool pool;
    void *a, *b;

    (void)state;
    if (LC_ASAN)
        skip(); /* nothing is recycled there */
    lc_pool_init(&pool, 64, 8);
    a = lc_pool_take(&pool);
    b = lc_pool_take(&pool);
    lc_pool_give(&pool, a);
    lc_pool_give(&pool, b);
    assert_ptr_equal(lc_pool_take(&pool), b);
    assert_ptr_equal(lc_pool_take(&pool), a);
    lc_pool_give(&pool, a);
    lc_pool_give(&pool, b);
    lc_pool_fini(&pool);
}

static void survives_a_lack_of_memory(void **state)
{
    struct lc_pool pool;
    void *block;

    (void)state;
    lc_pool_init(&pool, 64, 8);
    mallocs_left = 0;
    block = lc_pool_take(&pool);
    mallocs_left = INT_MAX;
    assert_null(block);
    assert_int_equal(pool.n_out, 0);
    lc_pool_fini(&pool);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(counts_what_is_out_and_keeps_no_more_than_told),
        cmocka_unit_test(gives_the_warmest_block_first),
        cmocka_unit_test(survives_a_lack_of_memory),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
