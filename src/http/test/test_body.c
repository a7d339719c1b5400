/* Where a body's bytes are. */
#include "base/test/support.h"

#include "http/body.h"

#include <string.h>

static void a_body_without_length_is_done_at_once(void **state)
{
    struct lc_body b;

    (void)state;
    lc_body_init(&b, 0);
    assert_true(b.is_done);
    lc_body_init(&b, -1);
    assert_false(b.is_done);
    lc_body_init(&b, 3);
    assert_false(b.is_done);
    lc_body_fini(&b);
}

static void taking_empties_the_window_piece_by_piece(void **state)
{
    char window[] = "0123456789", part[8];
    struct lc_body b;
    size_t got;

    (void)state;
    lc_body_init(&b, 10);
    b.mem = window;
    b.mem_len = 10;
    assert_int_equal(lc_body_here(&b), 10);
    assert_int_equal(lc_body_take(&b, part, 4, &got), LC_OK);
    assert_int_equal(got, 4);
    assert_memory_equal(part, "0123", 4);
    assert_int_equal(lc_body_take(&b, part, 8, &got), LC_OK);
    assert_int_equal(got, 6);
    assert_memory_equal(part, "456789", 6);
    assert_int_equal(lc_body_here(&b), 0);
    assert_int_equal(lc_body_take(&b, part, 8, &got), LC_OK);
    assert_int_equal(got, 0);
    lc_body_fini(&b);
}

/* File first, then window: the order in which they came. */
static void what_was_spilled_comes_before_the_window(void **state)
{
    char window[] = "0123456789", all[32];
    struct lc_body b;
    size_t got, n = 0;

    (void)state;
    lc_body_init(&b, -1);
    b.mem = window;
    b.mem_off = 2;
    b.mem_len = 6;
    assert_int_equal(lc_body_spill(&b, "/tmp"), LC_OK); /* 2345 */
    assert_int_equal(b.mem_off, 0);
    assert_int_equal(b.mem_len, 0);
    b.mem_len = 3;
    assert_int_equal(lc_body_spill(&b, "/tmp"), LC_OK); /* 012 */
    b.mem_len = 2;                                      /* 01 */
    assert_int_equal(lc_body_here(&b), 9);
    do {
        assert_int_equal(lc_body_take(&b, all + n, 5, &got), LC_OK);
        n += got;
    } while (got > 0);
    assert_int_equal(n, 9);
    assert_memory_equal(all, "234501201", 9);
    lc_body_fini(&b);
}

static void a_spill_that_fails_loses_nothing(void **state)
{
    char window[] = "0123456789", part[16];
    struct lc_body b;
    size_t got;

    (void)state;
    lc_body_init(&b, -1);
    b.mem = window;
    b.mem_len = 10;
    assert_int_not_equal(lc_body_spill(&b, "/nowhere"), LC_OK);
    assert_int_equal(lc_body_here(&b), 10);
    assert_int_equal(lc_body_take(&b, part, sizeof part, &got), LC_OK);
    assert_int_equal(got, 10);
    lc_body_fini(&b);
}

#define EACH(name) cmocka_unit_test(name)

int main(void)
{
    const struct CMUnitTest tests[] = {
        EACH(a_body_without_length_is_done_at_once),
        EACH(taking_empties_the_window_piece_by_piece),
        EACH(what_was_spilled_comes_before_the_window),
        EACH(a_spill_that_fails_loses_nothing),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
