/* ASCII strings: tables of what is told apart, and numbers against the C library. */
#include "base/test/support.h"

#include "base/str.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

static struct lc_str str(const char *s)
{
    return lc_str_of(s, strlen(s));
}

static void compares_without_case_in_ascii_only(void **state)
{
    static const struct {
        const char *a, *b;
        bool is_equal;
    } rows[] = {
        {"", "", true},          {"Host", "hOST", true},       {"a-Z_09", "A-z_09", true},
        {"a", "ab", false},      {"@[`{", "`{@[", false},      {"[", "{", false},
        {"\xc4", "\xe4", false}, {"k", "\xe2\x84\xaa", false},
    };

    (void)state;
    for (size_t i = 0; i < LC_ARRAY_LEN(rows); i++) {
        assert_int_equal(lc_str_ieq(str(rows[i].a), str(rows[i].b)), rows[i].is_equal);
        assert_int_equal(lc_str_ieq(str(rows[i].b), str(rows[i].a)), rows[i].is_equal);
    }
    assert_true(lc_str_ieq(LC_STR_NULL, LC_STR("")));
    assert_true(lc_str_eq(LC_STR_NULL, LC_STR("")));
    assert_false(lc_str_eq(LC_STR("a"), LC_STR("A")));
}

static void trims_spaces_and_tabs_only(void **state)
{
    static const struct {
        const char *in, *out;
    } rows[] = {
        {"", ""},           {" ", ""},          {" \t \t", ""}, {"a", "a"},   {"\t a b \t", "a b"},
        {"\ra\n", "\ra\n"}, {"\va\f", "\va\f"}, {"  a", "a"},   {"a  ", "a"},
    };

    (void)state;
    for (size_t i = 0; i < LC_ARRAY_LEN(rows); i++)
        assert_true(lc_str_eq(lc_str_trim(str(rows[i].in)), str(rows[i].out)));
    assert_int_equal(lc_str_trim(LC_STR_NULL).n, 0);
}

static void reads_numbers_or_says_why_not(void **state)
{
    static const struct {
        const char *in;
        enum lc_rc rc;
        int64_t v;
    } rows[] = {
        {"0", LC_OK, 0},
        {"007", LC_OK, 7},
        {"9223372036854775807", LC_OK, INT64_MAX},
        {"00000000000000000000009223372036854775807", LC_OK, INT64_MAX},
        {"9223372036854775808", LC_ELIMIT, 0},
        {"9223372036854775810", LC_ELIMIT, 0},
        {"18446744073709551616", LC_ELIMIT, 0},
        {"99999999999999999999999999999", LC_ELIMIT, 0},
        {"99999999999999999999999999999x", LC_EPROTO, 0},
        {"", LC_EPROTO, 0},
        {"-1", LC_EPROTO, 0},
        {"+1", LC_EPROTO, 0},
        {" 1", LC_EPROTO, 0},
        {"1 ", LC_EPROTO, 0},
        {"1_0", LC_EPROTO, 0},
        {"0x10", LC_EPROTO, 0},
        {"1,1", LC_EPROTO, 0},
        {"\xb2", LC_EPROTO, 0},
        {"/", LC_EPROTO, 0},
        {":", LC_EPROTO, 0},
    };

    (void)state;
    for (size_t i = 0; i < LC_ARRAY_LEN(rows); i++) {
        int64_t v = -77;
        assert_int_equal(lc_str_to_i64(str(rows[i].in), &v), rows[i].rc);
        assert_int_equal(v, rows[i].rc == LC_OK ? rows[i].v : -77);
    }
    assert_int_equal(lc_str_to_i64(lc_str_of("1\0002", 3), &(int64_t){0}), LC_EPROTO);
}

static void assert_decimal(uint64_t v)
{
    char expected[32], got[20];
    int n = snprintf(expected, sizeof(expected), "%" PRIu64, v);

    assert_int_equal(lc_u64_to_dec(v, got), n);
    assert_memory_equal(got, expected, (size_t)n);
}

static void writes_numbers_as_the_c_library_does(void **state)
{
    struct lc_test_rng rng = {.s = 7};

    (void)state;
    assert_decimal(0);
    assert_decimal(UINT64_MAX);
    for (uint64_t p = 1; p <= UINT64_MAX / 10; p *= 10) {
        assert_decimal(p - 1);
        assert_decimal(p);
    }
    for (int i = 0; i < 5000; i++)
        assert_decimal(lc_test_rand(&rng) >> lc_test_below(&rng, 64));
}

static void walks_a_comma_separated_list(void **state)
{
    static const struct {
        const char *in;
        const char *elements[5];
    } rows[] = {
        {"", {""}},
        {"a", {"a"}},
        {"a,b", {"a", "b"}},
        {" a ,\tb\t, c", {"a", "b", "c"}},
        {",", {"", ""}},
        {"a,", {"a", ""}},
        {",, a,", {"", "", "a", ""}},
        {"\"a,b\"", {"\"a", "b\""}},
    };

    (void)state;
    for (size_t i = 0; i < LC_ARRAY_LEN(rows); i++) {
        struct lc_str rest = str(rows[i].in), element;
        size_t n = 0;
        for (; lc_str_next_element(&rest, &element); n++) {
            assert_non_null(rows[i].elements[n]);
            assert_true(lc_str_eq(element, str(rows[i].elements[n])));
        }
        assert_null(rows[i].elements[n]);
        assert_false(lc_str_next_element(&rest, &element));
    }
    assert_false(lc_str_next_element(&(struct lc_str){NULL, 0}, &(struct lc_str){NULL, 0}));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(compares_without_case_in_ascii_only),
        cmocka_unit_test(trims_spaces_and_tabs_only),
        cmocka_unit_test(reads_numbers_or_says_why_not),
        cmocka_unit_test(writes_numbers_as_the_c_library_does),
        cmocka_unit_test(walks_a_comma_separated_list),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
