/* What the writer writes, and where it stops. */
#include "base/test/support.h"

#include "ctl/json.h"

static void expect(struct lc_json *j, const char *text)
{
    assert_false(j->is_full);
    assert_int_equal(j->n, strlen(text));
    assert_memory_equal(j->p, text, j->n);
    lc_json_free(j);
}

static void commas_stand_between_elements_only(void **state)
{
    struct lc_json j;

    (void)state;
    lc_json_init(&j, 1000);
    lc_json_open(&j, '{');
    lc_json_key(&j, "a");
    lc_json_open(&j, '[');
    lc_json_close(&j, ']');
    lc_json_key(&j, "b");
    lc_json_open(&j, '[');
    lc_json_number(&j, 1);
    lc_json_open(&j, '{');
    lc_json_close(&j, '}');
    lc_json_null(&j);
    lc_json_close(&j, ']');
    lc_json_key(&j, "c");
    lc_json_bool(&j, true);
    lc_json_close(&j, '}');
    expect(&j, "{\"a\":[],\"b\":[1,{},null],\"c\":true}");
}

static void numbers_and_seconds(void **state)
{
    struct lc_json j;

    (void)state;
    lc_json_init(&j, 1000);
    lc_json_open(&j, '[');
    lc_json_number(&j, INT64_MIN);
    lc_json_number(&j, INT64_MAX);
    lc_json_number(&j, -1);
    lc_json_seconds(&j, 0);
    lc_json_seconds(&j, 1239);
    lc_json_seconds(&j, UINT64_MAX);
    lc_json_close(&j, ']');
    expect(&j, "[-9223372036854775808,9223372036854775807,-1,0.00,1.23,18446744073709551.61]");
}

static void text_is_quoted_and_always_utf8(void **state)
{
    struct lc_json j;

    (void)state;
    lc_json_init(&j, 1000);
    lc_json_str(&j, LC_STR("a\"b\\c\n\x7f\0z\xc3\xa9\xff\xe2\x82"));
    expect(&j, "\"a\\\"b\\\\c\\u000a\\u007f\\u0000z\xc3\xa9\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\"");
}

/* At every bound: what is there is a beginning of the whole, and nothing is past it. */
static void it_says_so_at_its_bound_and_swallows_the_rest(void **state)
{
    static const char whole[] = "{\"key\":\"value\"}";

    (void)state;
    for (size_t max = 0; max < sizeof whole + 3; max++) {
        struct lc_json j;

        lc_json_init(&j, max);
        lc_json_open(&j, '{');
        lc_json_key(&j, "key");
        lc_json_text(&j, "value");
        lc_json_close(&j, '}');
        assert_int_equal(j.is_full, max < sizeof whole - 1);
        assert_true(j.n <= max);
        if (!j.is_full)
            assert_memory_equal(j.p, whole, j.n);
        lc_json_free(&j);
    }
}

static void it_grows_to_its_bound_exactly_and_begins_again(void **state)
{
    struct lc_json j;

    (void)state;
    lc_json_init(&j, 3000);
    for (int i = 0; i < 3000; i++)
        lc_json_bytes(&j, "x", 1);
    assert_false(j.is_full);
    lc_json_bytes(&j, "x", 1);
    assert_true(j.is_full);
    assert_int_equal(j.cap, 3000);
    lc_json_rewind(&j, 2);
    lc_json_null(&j);
    expect(&j, "xxnull");
}

static void utf8_by_the_book(void **state)
{
    static const struct {
        const char *p;
        size_t n, len;
    } cases[] = {
        {"a", 1, 1},
        {"\x7f", 1, 1},
        {"\xc2\x80", 2, 2},
        {"\xe0\xa0\x80", 3, 3},
        {"\xf4\x8f\xbf\xbf", 4, 4},
        {"\x80", 1, 0},             /* a continuation alone */
        {"\xc0\x80", 2, 0},         /* overlong */
        {"\xe0\x9f\xbf", 3, 0},     /* overlong */
        {"\xed\xa0\x80", 3, 0},     /* half a pair */
        {"\xf4\x90\x80\x80", 4, 0}, /* beyond Unicode */
        {"\xf8\x88\x80\x80", 4, 0}, /* five bytes */
        {"\xff", 1, 0},
        {"\xc3", 1, 0}, /* cut */
        {"\xe2\x82", 2, 0},
        {"\xc3(", 2, 0},
    };

    (void)state;
    for (size_t i = 0; i < LC_ARRAY_LEN(cases); i++)
        assert_int_equal(lc_utf8_len(cases[i].p, cases[i].n), cases[i].len);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(commas_stand_between_elements_only),
        cmocka_unit_test(numbers_and_seconds),
        cmocka_unit_test(text_is_quoted_and_always_utf8),
        cmocka_unit_test(it_says_so_at_its_bound_and_swallows_the_rest),
        cmocka_unit_test(it_grows_to_its_bound_exactly_and_begins_again),
        cmocka_unit_test(utf8_by_the_book),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
