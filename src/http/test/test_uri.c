/* http/test/test_uri.c - which targets are taken, into which parts they fall, and percent-decoding. */
#include "http/uri.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

struct split_case {
    char method; /* 'G', 'O'(PTIONS) or 'C'(ONNECT) */
    const char *target;
    int form; /* -1: refused */
    const char *path, *query, *authority;
};

static const struct split_case splits[] = {
    {'G', "/", LC_TARGET_ORIGIN, "/", "", ""},
    {'G', "/a/b/../c;d", LC_TARGET_ORIGIN, "/a/b/../c;d", "", ""},
    {'G', "/a?b=c&d", LC_TARGET_ORIGIN, "/a", "b=c&d", ""},
    {'G', "/a??b?", LC_TARGET_ORIGIN, "/a", "?b?", ""},
    {'G', "/a?", LC_TARGET_ORIGIN, "/a", "", ""},
    {'G', "/a?b#c?d#e", LC_TARGET_ORIGIN, "/a", "b", ""},
    {'G', "/a#b?c", LC_TARGET_ORIGIN, "/a", "", ""},
    {'G', "//x/y", LC_TARGET_ORIGIN, "//x/y", "", ""},
    {'G', "/http://x/", LC_TARGET_ORIGIN, "/http://x/", "", ""},
    {'O', "/x", LC_TARGET_ORIGIN, "/x", "", ""},
    {'O', "*", LC_TARGET_ASTERISK, "*", "", ""},
    {'G', "http://h/p?q#f", LC_TARGET_ABSOLUTE, "/p", "q", "h"},
    {'G', "HTTPS://H:80/p", LC_TARGET_ABSOLUTE, "/p", "", "H:80"},
    {'G', "http://h", LC_TARGET_ABSOLUTE, "/", "", "h"},
    {'G', "http://h:", LC_TARGET_ABSOLUTE, "/", "", "h:"},
    {'G', "http://h?q", LC_TARGET_ABSOLUTE, "/", "q", "h"},
    {'G', "http://h#f", LC_TARGET_ABSOLUTE, "/", "", "h"},
    {'G', "http://[::1]:8/p", LC_TARGET_ABSOLUTE, "/p", "", "[::1]:8"},
    {'O', "http://h", LC_TARGET_ABSOLUTE, "/", "", "h"},
    {'C', "h:443", LC_TARGET_AUTHORITY, "", "", "h:443"},
    {'C', "[::1]:443", LC_TARGET_AUTHORITY, "", "", "[::1]:443"},
    {'G', "", -1, "", "", ""},
    {'G', "*", -1, "", "", ""},
    {'O', "**", -1, "", "", ""},
    {'G', "a/b", -1, "", "", ""},
    {'G', "?q", -1, "", "", ""},
    {'G', "h:443", -1, "", "", ""},
    {'G', "ftp://h/", -1, "", "", ""},
    {'G', "http:/h/", -1, "", "", ""},
    {'G', "http://", -1, "", "", ""},
    {'G', "http:///x", -1, "", "", ""},
    {'G', "http://?q", -1, "", "", ""},
    {'G', "http://:80/", -1, "", "", ""},
    {'G', "http://u@h/", -1, "", "", ""},
    {'G', "http://u:p@h/", -1, "", "", ""},
    {'G', "http://h:8x/", -1, "", "", ""},
    {'G', "http://[::1/", -1, "", "", ""},
    {'G', "http://::1]/", -1, "", "", ""},
    {'G', "http://[]/", -1, "", "", ""},
    {'G', "http://[a]b/", -1, "", "", ""},
    {'G', "http://a[b]/", -1, "", "", ""},
    {'G', "/a b", -1, "", "", ""},
    {'G', "/a\tb", -1, "", "", ""},
    {'G', "/a\x7f", -1, "", "", ""},
    {'G', "/\xc3\xa9", -1, "", "", ""},
    {'G', "/a?\x01", -1, "", "", ""},
    {'G', "/a#\x01", -1, "", "", ""},
    {'G', "http://h\x01/", -1, "", "", ""},
    {'C', "", -1, "", "", ""},
    {'C', "/x", -1, "", "", ""},
    {'C', "*", -1, "", "", ""},
    {'C', "h", -1, "", "", ""},
    {'C', "h:", -1, "", "", ""},
    {'C', ":1", -1, "", "", ""},
    {'C', "h:123456", -1, "", "", ""},
    {'C', "h:1/", -1, "", "", ""},
    {'C', "h:1?", -1, "", "", ""},
    {'C', "a:1:2", -1, "", "", ""},
    {'C', "u@h:1", -1, "", "", ""},
    {'C', "http://h:1", -1, "", "", ""},
    {'C', "[::1:443", -1, "", "", ""},
    {'C', "[::1]x:443", -1, "", "", ""},
    {'C', "h :1", -1, "", "", ""},
};

static void assert_text(struct lc_str s, const char *text)
{
    assert_int_equal(s.n, strlen(text));
    assert_memory_equal(s.p, text, s.n);
}

static void splits_or_refuses(void **state)
{
    (void)state;
    for (size_t i = 0; i < LC_ARRAY_LEN(splits); i++) {
        const struct split_case *c = &splits[i];
        struct lc_str target = lc_str_of(c->target, strlen(c->target));
        struct lc_uri uri;
        enum lc_rc rc = lc_uri_split(target, c->method == 'C', c->method == 'O', &uri);

        if ((rc == LC_OK) != (c->form >= 0))
            fail_msg("%c %s: %s", c->method, c->target, lc_rc_name(rc));
        if (rc != LC_OK)
            continue;
        assert_int_equal(uri.form, c->form);
        assert_text(uri.path, c->path);
        assert_text(uri.query, c->query);
        assert_text(uri.authority, c->authority);
    }
}

static void parts_lie_within_the_target(void **state)
{
    struct lc_str target = LC_STR("http://host?q");
    struct lc_uri uri;

    (void)state;
    assert_int_equal(lc_uri_split(target, false, false, &uri), LC_OK);
    assert_ptr_equal(uri.path.p, target.p + 6);
    assert_ptr_equal(uri.query.p, target.p + 12);
}

static void every_byte_outside_the_visible_ones_is_refused(void **state)
{
    (void)state;
    for (int c = 0; c < 256; c++) {
        char text[3] = {'/', (char)c, 'x'};
        struct lc_uri uri;
        enum lc_rc rc = lc_uri_split(lc_str_of(text, 3), false, false, &uri);

        assert_int_equal(rc, c > 0x20 && c < 0x7f ? LC_OK : LC_EPROTO);
    }
}

static void decodes_what_is_hex_and_leaves_the_rest(void **state)
{
    static const char *const cases[][2] = {
        {"", ""},         {"abc", "abc"},         {"%41", "A"},   {"%4a%4A%6b", "JJk"},
        {"a%2Fb", "a/b"}, {"%C3%a9", "\xc3\xa9"}, {"%", "%"},     {"%4", "%4"},
        {"%zz", "%zz"},   {"%4z%z4", "%4z%z4"},   {"%%41", "%A"}, {"%2541", "%41"},
        {"+", "+"},       {"%0d%0A", "\r\n"},     {"x%41", "xA"},
    };

    (void)state;
    for (size_t i = 0; i < LC_ARRAY_LEN(cases); i++) {
        char apart[64], same[64];
        size_t n = strlen(cases[i][0]);
        size_t got = lc_uri_decode(lc_str_of(cases[i][0], n), apart);

        assert_text(lc_str_of(apart, got), cases[i][1]);
        memcpy(same, cases[i][0], n);
        got = lc_uri_decode(lc_str_of(same, n), same);
        assert_text(lc_str_of(same, got), cases[i][1]);
    }
}

static void decodes_every_byte(void **state)
{
    static const char hex[] = "0123456789abcdef";

    (void)state;
    for (int c = 0; c < 256; c++) {
        char coded[3] = {'%', hex[c >> 4], hex[c & 15]}, out[3];

        assert_int_equal(lc_uri_decode(lc_str_of(coded, 3), out), 1);
        assert_int_equal((unsigned char)out[0], c);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(splits_or_refuses),
        cmocka_unit_test(parts_lie_within_the_target),
        cmocka_unit_test(every_byte_outside_the_visible_ones_is_refused),
        cmocka_unit_test(decodes_what_is_hex_and_leaves_the_rest),
        cmocka_unit_test(decodes_every_byte),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
