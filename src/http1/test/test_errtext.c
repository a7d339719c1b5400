/* http1/test/test_errtext.c - statuses and words of refusals, as Gunicorn's users know them. */
#include "feed.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

struct text_case {
    const char *input;
    int status;
    const char *page, *log;
};

#define LINE "GET / HTTP/1.1\r\n"

static const struct text_case texts[] = {
    {"GET foo HTTP/1.1\r\n", 400,
     "Invalid Request Line 'Invalid HTTP request line: 'GET foo HTTP/1.1''",
     "Invalid HTTP request line: 'GET foo HTTP/1.1'"},
    {"GET / HTTP/1.1\n", 400,
     "Invalid Request Line 'Invalid HTTP request line: 'bare LF as line terminator''",
     "Invalid HTTP request line: 'bare LF as line terminator'"},
    {"get / HTTP/1.1\r\n", 400, "Invalid Method 'Invalid HTTP method: 'get''",
     "Invalid HTTP method: 'get'"},
    {"GET / HTTP/2.0\r\n", 400, "Invalid HTTP Version 'Invalid HTTP Version: (2, 0)'",
     "Invalid HTTP Version: (2, 0)"},
    {"GET / HTTP/1.10\r\n", 400, "Invalid HTTP Version 'Invalid HTTP Version: 'HTTP/1.10''",
     "Invalid HTTP Version: 'HTTP/1.10'"},
    {"GET /a b HTTP/1.1\r\n", 400, "Invalid HTTP Version 'Invalid HTTP Version: 'b HTTP/1.1''",
     "Invalid HTTP Version: 'b HTTP/1.1'"},
    {"GET /34567890123456789012345678901234567890 HTTP/1.1\r\n", 414,
     "Request Line is too large (52 > 40)", NULL},
    {LINE "A\r\n", 400, "Invalid HTTP Header: 'A'", NULL},
    {LINE "aBc\r\n", 400, "Invalid HTTP Header: 'aBc'", NULL},
    {LINE "aBc: \x01\r\n", 400, "Invalid HTTP Header: 'ABC'", NULL},
    {LINE "Host : a\r\n", 400, "Invalid HTTP header name: 'Host '", NULL},
    {LINE "a: b\r\n c\r\n", 400, "Obsolete line folding is unacceptable: 'A'", NULL},
    {LINE "a:1\r\nb:2\r\nc:3\r\n\r\n", 431, "Error parsing headers: 'limit request headers fields'",
     "limit request headers fields"},
    {LINE "a: 34567890123456789012345678901234567890\r\n", 431,
     "Error parsing headers: 'limit request headers fields size'",
     "limit request headers fields size"},
    {LINE "Host: a\r\nhost: b\r\n\r\n", 400, "Invalid HTTP Header: 'HOST'", NULL},
    {LINE "Content-Length: +3\r\n\r\n", 400, "Invalid HTTP Header: 'CONTENT-LENGTH'", NULL},
    {LINE "Transfer-Encoding: gzip\r\n\r\n", 400, "Invalid HTTP Header: 'TRANSFER-ENCODING'", NULL},
    {LINE "Transfer-Encoding: foo\r\n\r\n", 501, "Unsupported transfer coding: 'foo'", NULL},
    {LINE "Expect: foo\r\n\r\n", 417, "Unable to comply with expectation: 'foo'", NULL},
    {LINE "\r\n", 400, "Invalid HTTP Header: 'HOST'", NULL}, /* strict_host */
    /* quoting */
    {LINE "it's\r\n", 400, "Invalid HTTP Header: \"it's\"", NULL},
    {LINE "'\"\\\t\x01\x7f\xe9\r\n", 400, "Invalid HTTP Header: '\\'\"\\\\\\t\\x01\\x7f\\xe9'",
     NULL},
    {LINE "a\rb\r\n", 400, "Invalid HTTP Header: 'a\\rb'", NULL},
};

static const struct lc_limits limits = {
    .request_line = 40, .fields = 2, .field_size = 40, .strict_host = true};

static void says_what_gunicorn_says(void **state)
{
    (void)state;
    for (size_t i = 0; i < LC_ARRAY_LEN(texts); i++) {
        const struct text_case *c = &texts[i];
        struct head_outcome o = {.cap_first = 8};
        char out[512];
        size_t n;

        feed_head(&o, &limits, lc_str_of(c->input, strlen(c->input)), NULL, 0);
        assert_int_equal(lc_h1_err_status(o.ps.err), c->status);
        n = lc_h1_err_text(&o.ps, o.req.base, out, sizeof out);
        assert_int_equal(n, strlen(out));
        assert_string_equal(out, c->page);
        n = lc_h1_err_log(&o.ps, o.req.base, out, sizeof out);
        assert_int_equal(n, strlen(out));
        assert_string_equal(out, c->log != NULL ? c->log : c->page);
    }
}

/* Errors that are found elsewhere and only worded here. */
static void words_for_chunks_and_full_buffers(void **state)
{
    static const struct {
        enum lc_h1_err err;
        const char *want;
    } rows[] = {
        {LC_H1_CHUNK_SIZE, "Invalid chunk size: b'zz'"},
        {LC_H1_CHUNK_EXT, "Invalid chunk extension: b'zz'"},
        {LC_H1_CHUNK_END, "Invalid chunk terminator is not '\\r\\n': b'zz'"},
        {LC_H1_HEAD_SIZE, "Error parsing headers: 'max buffer headers'"},
        {LC_H1_OK, ""},
    };

    (void)state;
    for (size_t i = 0; i < LC_ARRAY_LEN(rows); i++) {
        struct lc_h1_parser ps = {.limits = &limits, .err = rows[i].err, .where = {0, 2}};
        char out[512];

        lc_h1_err_text(&ps, "zz", out, sizeof out);
        assert_string_equal(out, rows[i].want);
    }
}

static void long_quotes_are_cut(void **state)
{
    char input[1000], out[2000];
    struct lc_h1_parser ps = {.limits = &limits, .err = LC_H1_HEADER, .where = {0, sizeof input}};

    (void)state;
    memset(input, '\xff', sizeof input);
    assert_int_equal(lc_h1_err_text(&ps, input, out, sizeof out),
                     strlen("Invalid HTTP Header: ''...") + 200 * 4);
    assert_string_equal(out + strlen(out) - 8, "\\xff...'");
}

static void never_exceeds_its_room(void **state)
{
    struct lc_h1_parser ps = {.limits = &limits, .err = LC_H1_REQUEST_LINE, .where = {0, 3}};
    char full[128];
    size_t n = lc_h1_err_text(&ps, "a\x01'", full, sizeof full);

    (void)state;
    for (size_t cap = 1; cap <= n + 1; cap++) {
        char out[128];
        size_t got;

        memset(out, '#', sizeof out);
        got = lc_h1_err_text(&ps, "a\x01'", out, cap);
        assert_int_equal(got, cap - 1);
        assert_int_equal(out[got], '\0');
        assert_int_equal(out[cap], '#');
        assert_memory_equal(out, full, got);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(says_what_gunicorn_says),
        cmocka_unit_test(words_for_chunks_and_full_buffers),
        cmocka_unit_test(long_quotes_are_cut),
        cmocka_unit_test(never_exceeds_its_room),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
