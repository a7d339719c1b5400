/* http1/test/test_parse.c - lines of a head and of trailers: what is taken, what is refused, and that pieces make no
 * difference.  What the fields mean is in test_framing.c. */
#include "cuts.h"
#include "model.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>

#define LINE "GET / HTTP/1.1\r\n"

enum { FOLD = 1, STRIP = 2, METHOD = 4, VERSION = 8, CASEFOLD = 16, SMALL = 32, TRAILERS = 64 };

struct head_case {
    const char *text;
    int settings;
    enum lc_h1_err err; /* LC_H1_OK: taken */
};

static const struct head_case heads[] = {
    {LINE "\r\n", 0, LC_H1_OK},
    {LINE "Host: a\r\n\r\n", 0, LC_H1_OK},
    {"\r\n" LINE "\r\n", 0, LC_H1_OK},
    {"\r\n\r\n" LINE "\r\n", 0, LC_H1_REQUEST_LINE},
    {"\n" LINE "\r\n", 0, LC_H1_REQUEST_LINE_LF},
    {"\rX" LINE "\r\n", 0, LC_H1_METHOD},
    {"\r\n", 0, LC_H1_ERR_COUNT}, /* not complete */
    {LINE, 0, LC_H1_ERR_COUNT},
    {LINE "Host: a\r\n\r", 0, LC_H1_ERR_COUNT},
    /* the request line */
    {"GET /\r\n\r\n", 0, LC_H1_REQUEST_LINE},
    {"GET\r\n\r\n", 0, LC_H1_REQUEST_LINE},
    {" \r\n\r\n", 0, LC_H1_REQUEST_LINE},
    {"GET  HTTP/1.1\r\n\r\n", 0, LC_H1_REQUEST_LINE},
    {"GET  / HTTP/1.1\r\n\r\n", 0, LC_H1_REQUEST_LINE},
    {" GET / HTTP/1.1\r\n\r\n", 0, LC_H1_METHOD},
    {"GET foo HTTP/1.1\r\n\r\n", 0, LC_H1_REQUEST_LINE},
    {"GET * HTTP/1.1\r\n\r\n", 0, LC_H1_REQUEST_LINE},
    {"OPTIONS * HTTP/1.1\r\n\r\n", 0, LC_H1_OK},
    {"CONNECT a:1 HTTP/1.1\r\n\r\n", 0, LC_H1_OK},
    {"CONNECT / HTTP/1.1\r\n\r\n", 0, LC_H1_REQUEST_LINE},
    {"GET /\xc3\xa9 HTTP/1.1\r\n\r\n", 0, LC_H1_REQUEST_LINE},
    {"GET /a\rb HTTP/1.1\r\n\r\n", 0, LC_H1_REQUEST_LINE},
    {"GET\t/\tHTTP/1.1\r\n\r\n", 0, LC_H1_REQUEST_LINE},
    {"GET / HTTP/1.1\n\r\n", 0, LC_H1_REQUEST_LINE_LF},
    {"GET / HTTP/1.1\r\r\n\r\n", 0, LC_H1_VERSION},
    {"GET /a b HTTP/1.1\r\n\r\n", 0, LC_H1_VERSION},
    {"GET / HTTP/1.1 \r\n\r\n", 0, LC_H1_VERSION},
    {"GET / \r\n\r\n", 0, LC_H1_VERSION},
    {"GET / http/1.1\r\n\r\n", 0, LC_H1_VERSION},
    {"GET / HTTP/1.10\r\n\r\n", 0, LC_H1_VERSION},
    {"GET / HTTP/11\r\n\r\n", 0, LC_H1_VERSION},
    {"GET / HTTP/1.x\r\n\r\n", 0, LC_H1_VERSION},
    {"GET / HTTP/x.1\r\n\r\n", 0, LC_H1_VERSION},
    {"GET / HTTP/1,1\r\n\r\n", 0, LC_H1_VERSION},
    {"GET / HTTP/0.9\r\n\r\n", 0, LC_H1_VERSION},
    {"GET / HTTP/2.0\r\n\r\n", 0, LC_H1_VERSION},
    {"GET / HTTP/2.0\r\n\r\n", VERSION, LC_H1_OK},
    {"GET / HTTP/x.0\r\n\r\n", VERSION, LC_H1_VERSION},
    {"GET / HTTP/1.0\r\n\r\n", 0, LC_H1_OK},
    {"GET / HTTP/1.9\r\n\r\n", 0, LC_H1_OK},
    {"get / HTTP/1.1\r\n\r\n", 0, LC_H1_METHOD},
    {"GEt / HTTP/1.1\r\n\r\n", CASEFOLD, LC_H1_METHOD},
    {"G#T / HTTP/1.1\r\n\r\n", 0, LC_H1_METHOD},
    {"GE / HTTP/1.1\r\n\r\n", 0, LC_H1_METHOD},
    {"AAAAAAAAAAAAAAAAAAAA / HTTP/1.1\r\n\r\n", 0, LC_H1_OK},
    {"AAAAAAAAAAAAAAAAAAAAA / HTTP/1.1\r\n\r\n", 0, LC_H1_METHOD},
    {"AAAAAAAAAAAAAAAAAAAAA / HTTP/1.1\r\n\r\n", METHOD, LC_H1_OK},
    {"g#t / HTTP/1.1\r\n\r\n", METHOD, LC_H1_OK},
    {"a / HTTP/1.1\r\n\r\n", METHOD, LC_H1_OK},
    {"G(T / HTTP/1.1\r\n\r\n", METHOD, LC_H1_METHOD},
    {"G\x80T / HTTP/1.1\r\n\r\n", 0, LC_H1_METHOD},
    /* fields */
    {LINE "A:\r\nB: \t \r\nC:c\r\n\r\n", 0, LC_H1_OK},
    {LINE "A: caf\xe9 \xff\r\n\r\n", 0, LC_H1_OK},
    {LINE "A\r\n\r\n", 0, LC_H1_HEADER},
    {LINE ": a\r\n\r\n", 0, LC_H1_HEADER},
    {LINE "A b: c\r\n\r\n", 0, LC_H1_HEADER_NAME},
    {LINE "A : c\r\n\r\n", 0, LC_H1_HEADER_NAME},
    {LINE "A\t : c\r\n\r\n", STRIP, LC_H1_OK},
    {LINE "A b : c\r\n\r\n", STRIP, LC_H1_HEADER_NAME},
    {LINE " : c\r\n\r\n", STRIP, LC_H1_HEADER_NAME},
    {LINE "A\x80: c\r\n\r\n", 0, LC_H1_HEADER_NAME},
    {LINE "A(: c\r\n\r\n", 0, LC_H1_HEADER_NAME},
    {LINE " A: c\r\n\r\n", 0, LC_H1_HEADER_NAME},
    {LINE "A: \x01\r\n\r\n", 0, LC_H1_HEADER},
    {LINE "A: b\x7f\r\n\r\n", 0, LC_H1_HEADER},
    {LINE "A: b\rc\r\n\r\n", 0, LC_H1_HEADER},
    {LINE "A: b\r\r\n\r\n", 0, LC_H1_HEADER},
    {LINE "A: b\n\r\n", 0, LC_H1_HEADER},
    {LINE "A: b\r\n\n", 0, LC_H1_HEADER},
    {LINE "\n", 0, LC_H1_HEADER},
    {LINE "\rA: b\r\n\r\n", 0, LC_H1_HEADER_NAME},
    {LINE "\r\r\n\r\n", 0, LC_H1_HEADER},
    /* folding */
    {LINE "A: b\r\n c\r\n\r\n", 0, LC_H1_FOLDING},
    {LINE "A: b\r\n\tc\r\n\r\n", 0, LC_H1_FOLDING},
    {LINE "A: b\r\n \r\n\r\n", 0, LC_H1_FOLDING},
    {LINE "A: b \r\n\t c\r\n \r\nB: d\r\n\r\n", FOLD, LC_H1_OK},
    {LINE "A:\r\n b\r\n\r\n", FOLD, LC_H1_OK},
    {LINE " A: b\r\n\r\n", FOLD, LC_H1_HEADER_NAME},
    {LINE "A: b\r\n c\x01\r\n\r\n", FOLD, LC_H1_HEADER},
    {LINE "A: b\r\n c\n\r\n", FOLD, LC_H1_HEADER},
    /* limits: line 64, four fields of 48 bytes */
    {"GET /2345678901234567890123456789012345678901234567890 HTTP/1.1\r\n\r\n", SMALL, LC_H1_OK},
    {"GET /23456789012345678901234567890123456789012345678901 HTTP/1.1\r\n\r\n", SMALL, LC_H1_OK},
    {"GET /234567890123456789012345678901234567890123456789012 HTTP/1.1\r\n\r\n", SMALL,
     LC_H1_REQUEST_LINE_SIZE},
    {"GET /234567890123456789012345678901234567890123456789012345678901234567890", SMALL,
     LC_H1_REQUEST_LINE_SIZE},
    {LINE "a:1\r\nb:2\r\nc:3\r\nd:4\r\n\r\n", SMALL, LC_H1_OK},
    {LINE "a:1\r\nb:2\r\nc:3\r\nd:4\r\ne:5\r\n\r\n", SMALL, LC_H1_FIELDS},
    {LINE "a:1\r\nb:2\r\nc:3\r\nd:4\r\ne", SMALL, LC_H1_FIELDS},
    {LINE "a: 3456789012345678901234567890123456789012345\r\n\r\n", SMALL, LC_H1_OK},
    {LINE "a: 34567890123456789012345678901234567890123456\r\n\r\n", SMALL, LC_H1_FIELD_SIZE},
    {LINE "a: 345678901234567890123456789012345678901234567", SMALL, LC_H1_FIELD_SIZE},
    {LINE "a: 1\r\n 2345678901234567890123\r\n 567890123456789012345\r\n\r\n", SMALL | FOLD,
     LC_H1_FIELD_SIZE},
    /* trailers */
    {"\r\n", TRAILERS, LC_H1_OK},
    {"A: b\r\nC: d\r\n\r\nGET", TRAILERS, LC_H1_OK},
    {"A: b\r\n", TRAILERS, LC_H1_ERR_COUNT},
    {"A: b\r\nHost: a\r\n\r\n", TRAILERS, LC_H1_HEADER_NAME},
    {"content-length: 1\r\n\r\n", TRAILERS, LC_H1_HEADER_NAME},
    {"Transfer-Encoding: chunked\r\n\r\n", TRAILERS, LC_H1_HEADER_NAME},
    {"TRAILER: a\r\n\r\n", TRAILERS, LC_H1_HEADER_NAME},
    {"Authorization: a\r\n\r\n", TRAILERS, LC_H1_HEADER_NAME},
    {"TE: a\r\n\r\n", TRAILERS, LC_H1_HEADER_NAME},
    {"A: b\r\n c\r\n\r\n", TRAILERS, LC_H1_FOLDING},
    {"A: b\r\n c\r\n\r\n", TRAILERS | FOLD, LC_H1_OK},
    {"A\r\n\r\n", TRAILERS, LC_H1_HEADER},
    {"a:1\r\nb:2\r\nc:3\r\nd:4\r\ne:5\r\n\r\n", TRAILERS | SMALL, LC_H1_FIELDS},
};

static struct lc_limits limits_of(int settings)
{
    bool is_small = (settings & SMALL) != 0;

    return (struct lc_limits){
        .request_line = is_small ? 64 : 4094,
        .fields = is_small ? 4 : 100,
        .field_size = is_small ? 48 : 8190,
        .permit_obsolete_folding = (settings & FOLD) != 0,
        .strip_header_spaces = (settings & STRIP) != 0,
        .permit_unconventional_http_method = (settings & METHOD) != 0,
        .permit_unconventional_http_version = (settings & VERSION) != 0,
        .casefold_http_method = (settings & CASEFOLD) != 0,
    };
}

static void assert_same(const struct head_outcome *a, const struct head_outcome *b,
                        struct lc_str in)
{
    const char *what = head_difference(a, b);

    if (what != NULL)
        fail_msg("%s differs: rc %d/%d, error %d/%d, for '%.*s'", what, a->rc, b->rc, a->ps.err,
                 b->ps.err, (int)in.n, in.p);
}

/* Whole, against the model, byte by byte, and cut at each point. */
static void feed_all_ways(struct head_outcome *whole, const struct lc_limits *limits,
                          struct lc_str in)
{
    struct head_outcome other = {.is_trailers = whole->is_trailers};
    size_t cuts[512];

    feed_head(whole, limits, in, NULL, 0);
    assert_null(head_violation(whole, limits, in.n));
    model_head(&other, limits, in);
    other.ps.where = whole->ps.where; /* the model has no quotes */
    assert_same(whole, &other, in);
    other.cap_first = 0;
    for (size_t i = 0; i < in.n; i++)
        cuts[i] = i;
    assert_true(in.n < LC_ARRAY_LEN(cuts));
    feed_head(&other, limits, in, cuts, in.n);
    assert_same(whole, &other, in);
    for (size_t i = 1; i < in.n; i++) {
        feed_head(&other, limits, in, &i, 1);
        assert_same(whole, &other, in);
    }
}

static void takes_or_refuses_however_it_arrives(void **state)
{
    (void)state;
    for (size_t i = 0; i < LC_ARRAY_LEN(heads); i++) {
        const struct head_case *c = &heads[i];
        struct lc_limits limits = limits_of(c->settings);
        struct head_outcome o = {.is_trailers = (c->settings & TRAILERS) != 0, .cap_first = 8};

        feed_all_ways(&o, &limits, lc_str_of(c->text, strlen(c->text)));
        if (c->err == LC_H1_ERR_COUNT)
            assert_int_equal(o.rc, LC_AGAIN);
        else if (o.ps.err != c->err || (o.rc == LC_OK) != (c->err == LC_H1_OK))
            fail_msg("rc %d error %d, not %d, for '%s'", o.rc, o.ps.err, c->err, c->text);
    }
}

static void nul_bytes_are_refused(void **state)
{
    static const char name[] = LINE "A\0: b\r\n\r\n", value[] = LINE "A: \0\r\n\r\n",
                      target[] = "GET /\0 HTTP/1.1\r\n\r\n";
    struct lc_limits limits = limits_of(0);
    struct head_outcome o = {.cap_first = 8};

    (void)state;
    feed_all_ways(&o, &limits, lc_str_of(name, sizeof name - 1));
    assert_int_equal(o.ps.err, LC_H1_HEADER_NAME);
    feed_all_ways(&o, &limits, lc_str_of(value, sizeof value - 1));
    assert_int_equal(o.ps.err, LC_H1_HEADER);
    feed_all_ways(&o, &limits, lc_str_of(target, sizeof target - 1));
    assert_int_equal(o.ps.err, LC_H1_REQUEST_LINE);
}

static void assert_text(const struct lc_request *r, struct lc_span s, const char *text)
{
    assert_int_equal(s.len, strlen(text));
    assert_memory_equal(r->base + s.off, text, s.len);
}

static void cuts_a_request_into_its_parts(void **state)
{
    static const char text[] = "\r\nPUT http://h/p/q?r=s#t HTTP/1.1\r\n"
                               "Host: \t h \t\r\n"
                               "X_y:z\r\n"
                               "cOOkie: a=b; c=d\r\n"
                               "\r\nrest";
    struct lc_limits limits = limits_of(0);
    struct head_outcome o = {.cap_first = 0};

    (void)state;
    feed_all_ways(&o, &limits, lc_str_of(text, sizeof text - 1));
    assert_int_equal(o.rc, LC_OK);
    assert_int_equal(o.ps.head_start, 2);
    assert_string_equal(text + o.head_len, "rest");
    assert_text(&o.req, o.req.method, "PUT");
    assert_int_equal(o.req.method_id, LC_METHOD_PUT);
    assert_text(&o.req, o.req.target, "http://h/p/q?r=s#t");
    assert_int_equal(o.req.target_form, LC_TARGET_ABSOLUTE);
    assert_text(&o.req, o.req.path, "/p/q");
    assert_text(&o.req, o.req.query, "r=s");
    assert_int_equal(o.req.version_major * 10 + o.req.version_minor, 11);
    assert_int_equal(o.req.nfields, 3);
    assert_text(&o.req, o.fields[0].value, "h");
    assert_int_equal(o.fields[0].token, LC_TOKEN_HOST);
    assert_text(&o.req, o.fields[1].name, "X_y");
    assert_int_equal(o.fields[1].flags, LC_FIELD_UNDERSCORE);
    assert_text(&o.req, o.fields[2].name, "cOOkie");
    assert_int_equal(o.fields[2].token, LC_TOKEN_COOKIE);
    assert_text(&o.req, o.fields[2].value, "a=b; c=d");
}

static void folded_values_keep_their_breaks_and_a_flag(void **state)
{
    static const char text[] = LINE "A: b \r\n\t c\r\n \r\nB:\r\n d\r\n\r\n";
    struct lc_limits limits = limits_of(FOLD);
    struct head_outcome o = {.cap_first = 8};

    (void)state;
    feed_all_ways(&o, &limits, lc_str_of(text, sizeof text - 1));
    assert_int_equal(o.req.nfields, 2);
    assert_text(&o.req, o.fields[0].value, "b \r\n\t c");
    assert_int_equal(o.fields[0].flags, LC_FIELD_FOLDED);
    assert_text(&o.req, o.fields[1].value, "d");
    assert_int_equal(o.fields[1].flags, 0);
}

static void casefold_finds_the_upper_method(void **state)
{
    struct lc_limits limits = limits_of(METHOD | CASEFOLD);
    struct head_outcome o = {.cap_first = 8};

    (void)state;
    feed_all_ways(&o, &limits, LC_STR("pOsT / HTTP/1.1\r\n\r\n"));
    assert_int_equal(o.req.method_id, LC_METHOD_POST);
    assert_text(&o.req, o.req.method, "pOsT");
    limits = limits_of(METHOD);
    feed_all_ways(&o, &limits, LC_STR("pOsT / HTTP/1.1\r\n\r\n"));
    assert_int_equal(o.req.method_id, LC_METHOD_OTHER);
}

/* 0 and absurd settings stand for bounds that still hold. */
static void unset_limits_are_bounds_too(void **state)
{
    static struct lc_field fields[1];
    struct lc_limits limits = {0};
    struct lc_request req = {.fields = fields, .fields_cap = 1};
    struct lc_h1_parser ps;
    size_t n = (1 << 20) + 2, head_len;
    char *line = malloc(n);

    (void)state;
    assert_non_null(line);
    memset(line, 'a', n);
    req.base = line;
    lc_h1_parse_init(&ps, &limits, &req);
    assert_int_equal(lc_h1_parse(&ps, &req, n - 1, &head_len), LC_AGAIN);
    assert_int_equal(lc_h1_parse(&ps, &req, n, &head_len), LC_ELIMIT);
    assert_int_equal(ps.err, LC_H1_REQUEST_LINE_SIZE);
    memcpy(line, LINE, sizeof LINE - 1);
    lc_h1_parse_init(&ps, &limits, &req);
    assert_int_equal(lc_h1_parse(&ps, &req, sizeof LINE - 1 + 8189, &head_len), LC_AGAIN);
    assert_int_equal(lc_h1_parse(&ps, &req, sizeof LINE - 1 + 8190, &head_len), LC_ELIMIT);
    assert_int_equal(ps.err, LC_H1_FIELD_SIZE);
    limits.field_size = limits.fields = UINT32_MAX; /* bounded to 32768 fields of 32 KiB */
    lc_h1_parse_init(&ps, &limits, &req);
    assert_int_equal(lc_h1_parse(&ps, &req, sizeof LINE - 1 + 32767, &head_len), LC_AGAIN);
    assert_int_equal(lc_h1_parse(&ps, &req, sizeof LINE - 1 + 32768, &head_len), LC_ELIMIT);
    free(line);
}

static void verdicts_are_final(void **state)
{
    struct lc_limits limits = limits_of(0);
    struct head_outcome o = {.cap_first = 8};
    size_t head_len = 0;

    (void)state;
    feed_head(&o, &limits, LC_STR(LINE "A\r\n\r\n"), NULL, 0);
    assert_int_equal(lc_h1_parse(&o.ps, &o.req, sizeof LINE + 4, &head_len), LC_EPROTO);
    assert_int_equal(o.ps.err, LC_H1_HEADER);
    feed_head(&o, &limits, LC_STR(LINE "\r\n"), NULL, 0);
    assert_int_equal(lc_h1_parse(&o.ps, &o.req, sizeof LINE + 1, &head_len), LC_OK);
    assert_int_equal(head_len, sizeof LINE + 1);
}

/* Thousands of heads with a few bytes changed, moved or doubled, under changing settings. */
static void mutated_heads_agree_with_the_model(void **state)
{
    static const char spice[] = "\r\n\r\n :\t,\0\x7f\xff_;=aA1/*?#";
    uint32_t seed = 20261121;

    (void)state;
    for (int round = 0; round < 30000; round++) {
        const struct head_case *c = &heads[cuts_random(&seed) % LC_ARRAY_LEN(heads)];
        int settings = (int)(cuts_random(&seed) % 32) | (c->settings & (TRAILERS | SMALL));
        struct lc_limits limits = limits_of(settings);
        struct head_outcome whole = {.is_trailers = (settings & TRAILERS) != 0, .cap_first = 8},
                            other = whole;
        size_t n = strlen(c->text), cuts[CUTS_MAX];
        char text[256];
        struct lc_str in = {text, n};

        memcpy(text, c->text, n + 1);
        for (unsigned k = cuts_random(&seed) % 4; k > 0; k--)
            text[cuts_random(&seed) % n] = spice[cuts_random(&seed) % (sizeof spice - 1)];
        feed_head(&whole, &limits, in, NULL, 0);
        assert_null(head_violation(&whole, &limits, n));
        feed_head(&other, &limits, in, cuts, cuts_from(in, cuts_random(&seed), cuts));
        assert_same(&whole, &other, in);
        model_head(&other, &limits, in);
        other.ps.where = whole.ps.where;
        assert_same(&whole, &other, in);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(takes_or_refuses_however_it_arrives),
        cmocka_unit_test(nul_bytes_are_refused),
        cmocka_unit_test(cuts_a_request_into_its_parts),
        cmocka_unit_test(folded_values_keep_their_breaks_and_a_flag),
        cmocka_unit_test(casefold_finds_the_upper_method),
        cmocka_unit_test(unset_limits_are_bounds_too),
        cmocka_unit_test(verdicts_are_final),
        cmocka_unit_test(mutated_heads_agree_with_the_model),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
