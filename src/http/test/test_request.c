/* http/test/test_request.c - a folded value on one line. */
#include "http/request.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static void each_break_becomes_one_space(void **state)
{
    static const char *const cases[][2] = {
        {"", ""},
        {"plain value", "plain value"},
        {"a\r\n b", "a b"},
        {"a \t\r\n\t  b", "a b"},
        {"a\r\n b\r\n c  d", "a b c  d"},
        {"a\r\n \r\n b", "a b"},
    };

    (void)state;
    for (size_t i = 0; i < LC_ARRAY_LEN(cases); i++) {
        char out[64];
        size_t n = strlen(cases[i][0]);

        memcpy(out, cases[i][0], n);
        assert_int_equal(lc_field_unfold(lc_str_of(out, n), out), strlen(cases[i][1]));
        assert_memory_equal(out, cases[i][1], strlen(cases[i][1]));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(each_break_becomes_one_space)};

    return cmocka_run_group_tests(tests, NULL, NULL);
}
