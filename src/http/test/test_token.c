/* http/test/test_token.c - every known name is found in any case, and nothing else is. */
#include "http/token.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "http/scan.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>

static void finds_every_name_in_any_case(void **state)
{
    (void)state;
    for (unsigned t = 1; t < LC_TOKEN_COUNT; t++) {
        const char *name = lc_token_name((enum lc_token)t);
        size_t n = strlen(name);
        char upper[64], mixed[64];

        for (size_t i = 0; i <= n; i++) {
            upper[i] = (char)toupper(name[i]);
            mixed[i] = i % 2 == 0 ? upper[i] : name[i];
        }
        assert_int_equal(lc_token_find(name, n), t);
        assert_int_equal(lc_token_find(upper, n), t);
        assert_int_equal(lc_token_find(mixed, n), t);
    }
}

static void known_names_hold_no_underscore(void **state)
{
    (void)state;
    for (unsigned t = 1; t < LC_TOKEN_COUNT; t++)
        assert_null(strchr(lc_token_name((enum lc_token)t), '_'));
}

/* One byte changed to any other value is another name, or the same in the other case. */
static void one_changed_byte_is_another_name(void **state)
{
    (void)state;
    for (unsigned t = 1; t < LC_TOKEN_COUNT; t++) {
        const char *name = lc_token_name((enum lc_token)t);
        size_t n = strlen(name);
        char copy[64];

        memcpy(copy, name, n);
        for (size_t i = 0; i < n; i++) {
            for (int c = 0; c < 256; c++) {
                bool is_same = lc_ascii_lower((char)c) == name[i];

                copy[i] = (char)c;
                assert_int_equal(lc_token_find(copy, n) == t, is_same);
            }
            copy[i] = name[i];
        }
    }
}

static void shorter_and_longer_names_are_unknown(void **state)
{
    (void)state;
    assert_int_equal(lc_token_find("", 0), LC_TOKEN_NONE);
    assert_int_equal(lc_token_find("hos", 3), LC_TOKEN_NONE);
    assert_int_equal(lc_token_find("hostt", 5), LC_TOKEN_NONE);
    assert_int_equal(lc_token_find("content-lengt", 13), LC_TOKEN_NONE);
    assert_int_equal(lc_token_find("content-length-", 15), LC_TOKEN_NONE);
    assert_int_equal(lc_token_find("content_length", 14), LC_TOKEN_NONE);
    assert_int_equal(lc_token_find("aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa", 44),
                     LC_TOKEN_NONE);
}

static void methods_are_found_in_exact_case_only(void **state)
{
    (void)state;
    for (unsigned m = 1; m < LC_METHOD_COUNT; m++) {
        const char *name = lc_method_name((enum lc_method)m);

        assert_int_equal(lc_method_find(name, strlen(name)), m);
    }
    assert_int_equal(lc_method_find("get", 3), LC_METHOD_OTHER);
    assert_int_equal(lc_method_find("GE", 2), LC_METHOD_OTHER);
    assert_int_equal(lc_method_find("GETS", 4), LC_METHOD_OTHER);
    assert_int_equal(lc_method_find("", 0), LC_METHOD_OTHER);
}

static void status_lines_begin_with_their_code(void **state)
{
    int count = 0;

    (void)state;
    for (int code = -1; code < 1100; code++) {
        const char *line = lc_status_line(code);
        char digits[16];

        if (line == NULL)
            continue;
        snprintf(digits, sizeof digits, "%d ", code);
        assert_memory_equal(line, digits, 4);
        assert_true(strlen(line) > 4);
        count++;
    }
    assert_true(count > 50);
    assert_string_equal(lc_status_line(200), "200 OK");
    assert_string_equal(lc_status_line(414), "414 URI Too Long");
    assert_string_equal(lc_status_line(431), "431 Request Header Fields Too Large");
    assert_string_equal(lc_status_line(501), "501 Not Implemented");
}

static void token_characters_are_those_of_the_rfc(void **state)
{
    (void)state;
    for (int c = 0; c < 256; c++) {
        bool is_good = c < 128 && (isalnum(c) || (c != 0 && strchr("!#$%&'*+-.^_`|~", c) != NULL));
        char text[3] = {'a', (char)c, 'z'};

        assert_int_equal(lc_tchar[c] != 0, is_good);
        assert_int_equal(lc_is_token(text, 3), is_good);
    }
    assert_false(lc_is_token("", 0));
}

/* Each byte at each place of texts of each length around the vector's. */
static void field_values_hold_no_controls(void **state)
{
    (void)state;
    for (size_t n = 1; n < 50; n++) {
        char *text = malloc(n);

        assert_non_null(text);
        for (size_t at = 0; at < n; at++) {
            for (int c = 0; c < 256; c++) {
                bool is_good = c == '\t' || (c >= 0x20 && c != 0x7f);

                memset(text, at % 2 == 0 ? 'x' : '\t', n);
                text[at] = (char)c;
                assert_int_equal(lc_is_field_value(text, n), is_good);
                assert_ptr_equal(lc_scan_ctl(text, text + n), is_good ? text + n : text + at);
            }
        }
        free(text);
    }
    assert_true(lc_is_field_value("", 0));
}

static void scan_byte_finds_the_first(void **state)
{
    (void)state;
    for (size_t n = 0; n < 50; n++) {
        char *text = malloc(n + 1);

        assert_non_null(text);
        memset(text, 'x', n);
        assert_ptr_equal(lc_scan_byte(text, text + n, ':'), text + n);
        for (size_t at = n; at > 0; at--) {
            text[at - 1] = ':';
            assert_ptr_equal(lc_scan_byte(text, text + n, ':'), text + at - 1);
        }
        free(text);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(finds_every_name_in_any_case),
        cmocka_unit_test(known_names_hold_no_underscore),
        cmocka_unit_test(one_changed_byte_is_another_name),
        cmocka_unit_test(shorter_and_longer_names_are_unknown),
        cmocka_unit_test(methods_are_found_in_exact_case_only),
        cmocka_unit_test(status_lines_begin_with_their_code),
        cmocka_unit_test(token_characters_are_those_of_the_rfc),
        cmocka_unit_test(field_values_hold_no_controls),
        cmocka_unit_test(scan_byte_finds_the_first),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
