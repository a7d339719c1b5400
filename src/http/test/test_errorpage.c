/* http/test/test_errorpage.c - the small answer, byte for byte. */
#include "http/errorpage.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static void writes_head_and_body(void **state)
{
    static const char want[] =
        "HTTP/1.1 400 Bad Request\r\n"
        "Connection: close\r\n"
        "Content-Type: text/html\r\n"
        "Content-Length: 155\r\n"
        "\r\n"
        "<html>\n  <head>\n    <title>Bad Request</title>\n  </head>\n  <body>\n"
        "    <h1><p>Bad Request</p></h1>\n"
        "    Invalid HTTP Header: &#x27;A&#x27;\n  </body>\n</html>\n";
    char out[LC_ERRORPAGE_MAX];
    size_t n = lc_errorpage_write(400, LC_STR("Invalid HTTP Header: 'A'"), out, sizeof out);

    (void)state;
    assert_int_equal(n, sizeof want - 1);
    assert_memory_equal(out, want, n);
}

static void escapes_what_html_would_read(void **state)
{
    char out[LC_ERRORPAGE_MAX + 1];
    size_t n = lc_errorpage_write(400, LC_STR("<script>\"&'"), out, LC_ERRORPAGE_MAX);

    (void)state;
    out[n] = '\0';
    assert_non_null(strstr(out, "\n    &lt;script&gt;&quot;&amp;&#x27;\n"));
}

static void has_the_right_phrase(void **state)
{
    static const char *const want[] = {
        "HTTP/1.1 500 Internal Server Error\r\n", "HTTP/1.1 501 Not Implemented\r\n",
        "HTTP/1.1 431 Request Header Fields Too Large\r\n", "HTTP/1.1 499 Error\r\n"};
    static const int codes[] = {500, 501, 431, 499};
    char out[LC_ERRORPAGE_MAX];

    (void)state;
    for (size_t i = 0; i < LC_ARRAY_LEN(codes); i++) {
        assert_true(lc_errorpage_write(codes[i], LC_STR(""), out, sizeof out) > 0);
        assert_memory_equal(out, want[i], strlen(want[i]));
    }
}

static void content_length_counts_the_body(void **state)
{
    char out[LC_ERRORPAGE_MAX + 1];
    size_t n = lc_errorpage_write(414, LC_STR("a<b"), out, LC_ERRORPAGE_MAX);
    const char *length, *body;
    int64_t want;

    (void)state;
    out[n] = '\0';
    length = strstr(out, "Content-Length: ") + 16;
    body = strstr(out, "\r\n\r\n") + 4;
    assert_int_equal(
        lc_str_to_i64(lc_str_of(length, (size_t)(strchr(length, '\r') - length)), &want), LC_OK);
    assert_int_equal(want, out + n - body);
}

/* Every room too small gives 0 and stays within it; the first that fits gives all. */
static void says_when_it_does_not_fit(void **state)
{
    char out[LC_ERRORPAGE_MAX];
    size_t full = lc_errorpage_write(400, LC_STR("&&&"), out, sizeof out);

    (void)state;
    for (size_t cap = 0; cap < full; cap++) {
        memset(out, '#', sizeof out);
        assert_int_equal(lc_errorpage_write(400, LC_STR("&&&"), out, cap), 0);
        assert_int_equal(out[cap], '#');
    }
    assert_int_equal(lc_errorpage_write(400, LC_STR("&&&"), out, full), full);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(writes_head_and_body),
        cmocka_unit_test(escapes_what_html_would_read),
        cmocka_unit_test(has_the_right_phrase),
        cmocka_unit_test(content_length_counts_the_body),
        cmocka_unit_test(says_when_it_does_not_fit),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
