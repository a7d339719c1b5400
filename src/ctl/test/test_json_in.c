/* What is JSON, and what is not.  Each text lies in memory of its own length, so that a sanitizer sees one byte too far. */
#include "base/test/support.h"

#include "ctl/json.h"

static char *copy(const char *p, size_t n)
{
    char *mine = malloc(n ? n : 1);

    assert_non_null(mine);
    memcpy(mine, p, n);
    return mine;
}

static bool is_value(const char *p, size_t n)
{
    char *mine = copy(p, n);
    struct lc_json_in in = lc_json_in(lc_str_of(mine, n));
    struct lc_str raw;
    bool is_one = lc_json_value(&in, &raw) == LC_OK && lc_json_is_over(&in);

    free(mine);
    return is_one;
}

static const char *const good[] = {
    "1",
    "-0",
    "0.5",
    "-12.25e+3",
    "1E9",
    "true",
    "false",
    "null",
    "\"\"",
    "\"a\\n\\u00e9\\\\\\\"\"",
    "[]",
    "{}",
    " [ ] ",
    "[1,[],{},[[]]]",
    "{\"a\":{\"b\":[1,\"x\",{}]},\"c\":null}",
    "[\"]\"]",
    "[{\"a\" : 1 , \"b\" :2 }\t,\r\n3]",
    "\"\\ud83d\\ude00\"",
    "\"\xf0\x9f\x98\x80\"",
};
static const char *const bad[] = {
    "",
    " ",
    "-",
    "01",
    "1.",
    ".5",
    "1e",
    "+1",
    "tru",
    "nulll",
    "\"",
    "\"\\",
    "\"\\x\"",
    "\"\\u12\"",
    "\"\\u12g4\"",
    "\"\\ud83d\"",
    "\"\\ud83dx\"",
    "\"\\ude00\"",
    "\"\\ud83d\\u0041\"",
    "\"\n\"",
    "\"\xff\"",
    "[",
    "]",
    "[1",
    "[1,",
    "[1,]",
    "[,1]",
    "[1 2]",
    "{",
    "{\"a\"",
    "{\"a\":",
    "{\"a\":1",
    "{\"a\":1,",
    "{\"a\":1,}",
    "{1:2}",
    "{\"a\" 1}",
    "[}",
    "{]",
    "[1}",
    "1 2",
    "NaN",
    "'a'",
    "{\"a\":1]",
};

static void values(void **state)
{
    (void)state;
    for (size_t i = 0; i < LC_ARRAY_LEN(good); i++) {
        if (!is_value(good[i], strlen(good[i])))
            fail_msg("not taken for JSON: %s", good[i]);
    }
    for (size_t i = 0; i < LC_ARRAY_LEN(bad); i++) {
        if (is_value(bad[i], strlen(bad[i])))
            fail_msg("taken for JSON: %s", bad[i]);
    }
}

static void no_beginning_of_a_value_is_one(void **state)
{
    static const char whole[] =
        "{\"a\":[true,null,\"x\\u00e9\\\"\",{\"b\":{}}],\"c\":\"\xc3\xa9\"}";

    (void)state;
    assert_true(is_value(whole, sizeof whole - 1));
    for (size_t n = 0; n < sizeof whole - 1; n++)
        assert_false(is_value(whole, n));
}

static void nesting_has_a_bound(void **state)
{
    char text[2 * (LC_JSON_DEPTH + 1)];

    (void)state;
    for (size_t depth = 1; depth <= LC_JSON_DEPTH + 1; depth++) {
        memset(text, '[', depth);
        memset(text + depth, ']', depth);
        assert_int_equal(is_value(text, 2 * depth), depth <= LC_JSON_DEPTH);
    }
    memset(text, '[', sizeof text);
    assert_false(is_value(text, sizeof text));
}

static void strings_are_decoded(void **state)
{
    static const struct {
        const char *from, *to;
        size_t n;
    } cases[] = {
        {"\"\"", "", 0},
        {"  \"a b\"", "a b", 3},
        {"\"\\\"\\\\\\/\\b\\f\\n\\r\\t\"", "\"\\/\b\f\n\r\t", 8},
        {"\"\\u0041\\u00e9\\u20AC\\ud83d\\ude00\"", "A\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80", 10},
        {"\"\\u0000x\"", "\0x", 2},
    };

    (void)state;
    for (size_t i = 0; i < LC_ARRAY_LEN(cases); i++) {
        size_t len = strlen(cases[i].from), n;
        char out[32], *mine = copy(cases[i].from, len);
        struct lc_json_in in = lc_json_in(lc_str_of(mine, len));

        assert_int_equal(lc_json_string(&in, out, sizeof out, &n), LC_OK);
        assert_int_equal(n, cases[i].n);
        assert_memory_equal(out, cases[i].to, n);
        assert_true(lc_json_is_over(&in));
        for (size_t cap = 0; cap < n; cap++) { /* and no room is ever overrun */
            in = lc_json_in(lc_str_of(mine, len));
            assert_int_equal(lc_json_string(&in, out, cap, &n), LC_ELIMIT);
            assert_int_equal(n, 0);
            n = cases[i].n;
        }
        free(mine);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(values),
        cmocka_unit_test(no_beginning_of_a_value_is_one),
        cmocka_unit_test(nesting_has_a_bound),
        cmocka_unit_test(strings_are_decoded),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
