/* http1/test/test_framing.c - what fields mean together: where the body ends, whether the connection lives on. */
#include "model.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

enum { CHUNKED = 1, CLOSE = 2, KEEP = 4, CONTINUE = 8, UPGRADE = 16, HOST = 32 };

struct framing_case {
    const char *version, *fields;
    enum lc_h1_err err;
    int flags;
    int64_t length;
};

static const struct framing_case cases[] = {
    {"1.1", "", LC_H1_OK, KEEP, -1},
    {"1.0", "", LC_H1_OK, 0, -1},
    {"1.1", "Host: a\r\n", LC_H1_OK, KEEP | HOST, -1},
    {"1.1", "Host:\r\n", LC_H1_OK, KEEP | HOST, -1},
    {"1.1", "Host: a\r\nhOST: a\r\n", LC_H1_HEADER, 0, -1},
    {"1.1", "Content-Type: a\r\nContent-Type: a\r\n", LC_H1_HEADER, 0, -1},
    /* length */
    {"1.1", "Content-Length: 0\r\n", LC_H1_OK, KEEP, 0},
    {"1.1", "Content-Length: 007\r\n", LC_H1_OK, KEEP, 7},
    {"1.1", "Content-Length: 9223372036854775807\r\n", LC_H1_OK, KEEP, INT64_MAX},
    {"1.1", "Content-Length: 9223372036854775808\r\n", LC_H1_HEADER, 0, -1},
    {"1.1", "Content-Length: 18446744073709551617\r\n", LC_H1_HEADER, 0, -1},
    {"1.1", "Content-Length:\r\n", LC_H1_HEADER, 0, -1},
    {"1.1", "Content-Length: +3\r\n", LC_H1_HEADER, 0, -1},
    {"1.1", "Content-Length: -3\r\n", LC_H1_HEADER, 0, -1},
    {"1.1", "Content-Length: 3, 3\r\n", LC_H1_HEADER, 0, -1},
    {"1.1", "Content-Length: 3 3\r\n", LC_H1_HEADER, 0, -1},
    {"1.1", "Content-Length: 0x3\r\n", LC_H1_HEADER, 0, -1},
    {"1.1", "Content-Length: 3\xb2\r\n", LC_H1_HEADER, 0, -1},
    {"1.1", "Content-Length: 3\r\nContent-Length: 3\r\n", LC_H1_HEADER, 0, -1},
    /* codings */
    {"1.1", "Transfer-Encoding: chunked\r\n", LC_H1_OK, KEEP | CHUNKED, -1},
    {"1.1", "Transfer-Encoding: CHUNKED\r\n", LC_H1_OK, KEEP | CHUNKED, -1},
    {"1.1", "Transfer-Encoding: identity , chunked\r\n", LC_H1_OK, KEEP | CHUNKED, -1},
    {"1.1", "Transfer-Encoding: gzip\r\nTransfer-Encoding: chunked\r\n", LC_H1_OK,
     KEEP | CHUNKED | CLOSE, -1},
    {"1.1", "Transfer-Encoding: deflate,compress,\tchunked\r\n", LC_H1_OK, KEEP | CHUNKED | CLOSE,
     -1},
    {"1.1", "Transfer-Encoding: identity\r\n", LC_H1_HEADER, 0, -1},
    {"1.1", "Transfer-Encoding: gzip\r\n", LC_H1_HEADER, 0, -1},
    {"1.1", "Transfer-Encoding: chunked, chunked\r\n", LC_H1_HEADER, 0, -1},
    {"1.1", "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n", LC_H1_HEADER, 0, -1},
    {"1.1", "Transfer-Encoding: chunked, gzip\r\n", LC_H1_HEADER, 0, -1},
    {"1.1", "Transfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n", LC_H1_HEADER, 0, -1},
    {"1.1", "Transfer-Encoding:\r\n", LC_H1_CODING, 0, -1},
    {"1.1", "Transfer-Encoding: foo, chunked\r\n", LC_H1_CODING, 0, -1},
    {"1.1", "Transfer-Encoding: ,chunked\r\n", LC_H1_CODING, 0, -1},
    {"1.1", "Transfer-Encoding: chunked,\r\n", LC_H1_CODING, 0, -1},
    {"1.1", "Transfer-Encoding: chunked;q=1\r\n", LC_H1_CODING, 0, -1},
    {"1.1",
     "Transfer-Encoding: \xa0"
     "chunked\r\n",
     LC_H1_CODING, 0, -1},
    {"1.0", "Transfer-Encoding: chunked\r\n", LC_H1_HEADER, 0, -1},
    {"1.1", "Transfer-Encoding: chunked\r\nContent-Length: 3\r\n", LC_H1_HEADER, 0, -1},
    {"1.1", "Content-Length: 3\r\nTransfer-Encoding: chunked\r\n", LC_H1_HEADER, 0, -1},
    {"1.1", "Transfer_Encoding: chunked\r\nContent-Length: 3\r\n", LC_H1_OK, KEEP, 3},
    /* persistence */
    {"1.1", "Connection: close\r\n", LC_H1_OK, 0, -1},
    {"1.1", "Connection: CLOSE\r\n", LC_H1_OK, 0, -1},
    {"1.1", "Connection: te, close ,x\r\n", LC_H1_OK, 0, -1},
    {"1.1", "Connection: keep-alive\r\nConnection: close\r\n", LC_H1_OK, 0, -1},
    {"1.1", "Connection: closed\r\n", LC_H1_OK, KEEP, -1},
    {"1.0", "Connection: Keep-Alive\r\n", LC_H1_OK, KEEP, -1},
    {"1.0", "Connection: keep-alive, close\r\n", LC_H1_OK, 0, -1},
    {"1.0", "Connection:\r\n", LC_H1_OK, 0, -1},
    {"2.0", "", LC_H1_OK, KEEP, -1},
    {"0.9", "", LC_H1_OK, 0, -1},
    /* expectations and upgrades */
    {"1.1", "Expect: 100-Continue\r\n", LC_H1_OK, KEEP | CONTINUE, -1},
    {"1.0", "Expect: 100-continue\r\n", LC_H1_OK, 0, -1},
    {"1.1", "Expect: 100-continue, x\r\n", LC_H1_EXPECT, 0, -1},
    {"1.0", "Expect: x\r\n", LC_H1_EXPECT, 0, -1},
    {"1.1", "Expect:\r\n", LC_H1_EXPECT, 0, -1},
    {"1.1", "Connection: Upgrade\r\nUpgrade: websocket\r\n", LC_H1_OK, KEEP | UPGRADE, -1},
    {"1.1", "Connection: upgrade\r\n", LC_H1_OK, KEEP, -1},
    {"1.1", "Upgrade: websocket\r\n", LC_H1_OK, KEEP, -1},
    {"1.0", "Connection: upgrade\r\nUpgrade: websocket\r\n", LC_H1_OK, 0, -1},
    /* a fold may not hide in what steers */
    {"1.1", "Content-Length: 1\r\n 2\r\n", LC_H1_FOLDING, 0, -1},
    {"1.1", "Transfer-Encoding: gzip,\r\n chunked\r\n", LC_H1_FOLDING, 0, -1},
    {"1.1", "Connection: a,\r\n close\r\n", LC_H1_FOLDING, 0, -1},
    {"1.1", "Content-Length:\r\n 2\r\n", LC_H1_OK, KEEP, 2},
    {"1.1", "X: 1\r\n 2\r\n", LC_H1_OK, KEEP, -1},
};

static int flags_of(const struct lc_request *r)
{
    return (r->is_chunked ? CHUNKED : 0) | (r->must_close ? CLOSE : 0) |
           (r->is_keep_alive ? KEEP : 0) | (r->want_continue ? CONTINUE : 0) |
           (r->want_upgrade ? UPGRADE : 0) | (r->has_host ? HOST : 0);
}

static void parse_case(const struct framing_case *c, const struct lc_limits *limits,
                       struct head_outcome *o, char *text)
{
    static const char start[] = "POST / HTTP/";
    size_t n = sizeof start - 1 + 5 + strlen(c->fields) + 2;
    struct head_outcome model = {0};

    memcpy(text, start, sizeof start - 1);
    memcpy(text + sizeof start - 1, c->version, 3);
    memcpy(text + sizeof start + 2, "\r\n", 2);
    memcpy(text + sizeof start + 4, c->fields, strlen(c->fields));
    memcpy(text + n - 2, "\r\n", 2);
    feed_head(o, limits, lc_str_of(text, n), NULL, 0);
    model_head(&model, limits, lc_str_of(text, n));
    model.ps.where = o->ps.where;
    assert_null(head_difference(o, &model));
}

static void meaning_of_fields(void **state)
{
    static const struct lc_limits limits = {.request_line = 4094,
                                            .fields = 100,
                                            .field_size = 8190,
                                            .permit_obsolete_folding = true,
                                            .permit_unconventional_http_version = true};

    (void)state;
    for (size_t i = 0; i < LC_ARRAY_LEN(cases); i++) {
        struct head_outcome o = {.cap_first = 8};
        char text[256];

        parse_case(&cases[i], &limits, &o, text);
        if (o.ps.err != cases[i].err)
            fail_msg("error %d, not %d, for HTTP/%s %s", o.ps.err, cases[i].err, cases[i].version,
                     cases[i].fields);
        if (o.rc != LC_OK)
            continue;
        if (flags_of(&o.req) != cases[i].flags || o.req.content_length != cases[i].length)
            fail_msg("flags %d, not %d, for HTTP/%s %s", flags_of(&o.req), cases[i].flags,
                     cases[i].version, cases[i].fields);
    }
}

static void connect_closes(void **state)
{
    static const struct lc_limits limits = {0};
    struct head_outcome o = {.cap_first = 8};

    (void)state;
    feed_head(&o, &limits, LC_STR("CONNECT a:1 HTTP/1.1\r\n\r\n"), NULL, 0);
    assert_int_equal(o.rc, LC_OK);
    assert_true(o.req.must_close);
}

static void strict_host_wants_one_from_1_1_on(void **state)
{
    static const struct lc_limits limits = {.strict_host = true};
    static const struct framing_case strict[] = {
        {"1.1", "", LC_H1_HOST, 0, -1},
        {"1.1", "Host:\r\n", LC_H1_OK, KEEP | HOST, -1},
        {"1.0", "", LC_H1_OK, 0, -1},
    };

    (void)state;
    for (size_t i = 0; i < LC_ARRAY_LEN(strict); i++) {
        struct head_outcome o = {.cap_first = 8};
        char text[256];

        parse_case(&strict[i], &limits, &o, text);
        assert_int_equal(o.ps.err, strict[i].err);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(meaning_of_fields),
        cmocka_unit_test(connect_closes),
        cmocka_unit_test(strict_host_wants_one_from_1_1_on),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
