/* http1/test/test_chunked.c - chunked bodies in every cut, good and bad. */
#include "cuts.h"
#include "model.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>

struct chunk_case {
    const char *wire;
    enum lc_rc rc;
    enum lc_h1_err err;
    const char *data;
};

#define LAST "0\r\n"

static const struct chunk_case cases[] = {
    {"", LC_AGAIN, 0, ""},
    {LAST, LC_CLOSED, 0, ""},
    {LAST "\r\n", LC_CLOSED, 0, ""},
    {"000\r\n", LC_CLOSED, 0, ""},
    {"5\r\nhello\r\n" LAST, LC_CLOSED, 0, "hello"},
    {"00000000000000000000000000000005\r\nhello\r\n" LAST, LC_CLOSED, 0, "hello"},
    {"5\r\nhello\r\n6\r\n world\r\n" LAST, LC_CLOSED, 0, "hello world"},
    {"a\r\n0123456789\r\nA\r\n0123456789\r\n" LAST, LC_CLOSED, 0, "01234567890123456789"},
    {"2\r\n\r\n\r\n" LAST, LC_CLOSED, 0, "\r\n"},
    {"5", LC_AGAIN, 0, ""},
    {"5\r", LC_AGAIN, 0, ""},
    {"5\r\nhel", LC_AGAIN, 0, "hel"},
    {"5\r\nhello\r", LC_AGAIN, 0, "hello"},
    {"5\r\nhello\r\n", LC_AGAIN, 0, "hello"},
    {"7fffffffffffffff\r\nx", LC_AGAIN, 0, "x"},
    /* extensions */
    {"1;a\r\nx\r\n" LAST, LC_CLOSED, 0, "x"},
    {"1;a=b\r\nx\r\n0;c=\"d\"\r\n", LC_CLOSED, 0, "x"},
    {"1 \t;a\r\nx\r\n" LAST, LC_CLOSED, 0, "x"},
    {"1; a = b ; c\t=\t\"d\" ;e\r\nx\r\n" LAST, LC_CLOSED, 0, "x"},
    {"1;a=\"\\\" ;\t\xe9=\"\r\nx\r\n" LAST, LC_CLOSED, 0, "x"},
    {"1;\r\n", LC_EPROTO, LC_H1_CHUNK_EXT, ""},
    {"1;;a\r\n", LC_EPROTO, LC_H1_CHUNK_EXT, ""},
    {"1;=b\r\n", LC_EPROTO, LC_H1_CHUNK_EXT, ""},
    {"1;a=\r\n", LC_EPROTO, LC_H1_CHUNK_EXT, ""},
    {"1;a b\r\n", LC_EPROTO, LC_H1_CHUNK_EXT, ""},
    {"1;a \r\n", LC_EPROTO, LC_H1_CHUNK_EXT, ""},
    {"1;a=b \r\n", LC_EPROTO, LC_H1_CHUNK_EXT, ""},
    {"1;a=\"b\" \r\n", LC_EPROTO, LC_H1_CHUNK_EXT, ""},
    {"1;a=b c\r\n", LC_EPROTO, LC_H1_CHUNK_EXT, ""},
    {"1;a=b=c\r\n", LC_EPROTO, LC_H1_CHUNK_EXT, ""},
    {"1;\"a\"\r\n", LC_EPROTO, LC_H1_CHUNK_EXT, ""},
    {"1;a=\"b\"c\r\n", LC_EPROTO, LC_H1_CHUNK_EXT, ""},
    {"1;a=\"b\r\n", LC_EPROTO, LC_H1_CHUNK_EXT, ""},
    {"1;a=\"\\\r\n", LC_EPROTO, LC_H1_CHUNK_EXT, ""},
    {"1;a=\"\x01\"\r\n", LC_EPROTO, LC_H1_CHUNK_EXT, ""},
    {"1;a=\"\x7f\"\r\n", LC_EPROTO, LC_H1_CHUNK_EXT, ""},
    {"1;a=\xe9\r\n", LC_EPROTO, LC_H1_CHUNK_EXT, ""},
    {"1;a\n", LC_EPROTO, LC_H1_CHUNK_EXT, ""},
    {"1;a\rx", LC_EPROTO, LC_H1_CHUNK_EXT, ""},
    {"1;a=\"b\nc\"\r\n", LC_EPROTO, LC_H1_CHUNK_EXT, ""},
    /* sizes */
    {"\r\n", LC_EPROTO, LC_H1_CHUNK_SIZE, ""},
    {"zz\r\n", LC_EPROTO, LC_H1_CHUNK_SIZE, ""},
    {"5g\r\n", LC_EPROTO, LC_H1_CHUNK_SIZE, ""},
    {"-1\r\n", LC_EPROTO, LC_H1_CHUNK_SIZE, ""},
    {"+1\r\n", LC_EPROTO, LC_H1_CHUNK_SIZE, ""},
    {"0x1\r\n", LC_EPROTO, LC_H1_CHUNK_SIZE, ""},
    {" 1\r\n", LC_EPROTO, LC_H1_CHUNK_SIZE, ""},
    {"1 \r\n", LC_EPROTO, LC_H1_CHUNK_SIZE, ""},
    {"1 2\r\n", LC_EPROTO, LC_H1_CHUNK_SIZE, ""},
    {";a\r\n", LC_EPROTO, LC_H1_CHUNK_SIZE, ""},
    {"1\n", LC_EPROTO, LC_H1_CHUNK_SIZE, ""},
    {"1\rx", LC_EPROTO, LC_H1_CHUNK_SIZE, ""},
    {"8000000000000000\r\n", LC_EPROTO, LC_H1_CHUNK_SIZE, ""},
    {"FFFFFFFFFFFFFFFF\r\n", LC_EPROTO, LC_H1_CHUNK_SIZE, ""},
    {"10000000000000000\r\n", LC_EPROTO, LC_H1_CHUNK_SIZE, ""},
    {"10000000000000001\r\n", LC_EPROTO, LC_H1_CHUNK_SIZE, ""},
    /* ends */
    {"1\r\nxy", LC_EPROTO, LC_H1_CHUNK_END, "x"},
    {"1\r\nx\n", LC_EPROTO, LC_H1_CHUNK_END, "x"},
    {"1\r\nx\rx", LC_EPROTO, LC_H1_CHUNK_END, "x"},
    {"1\r\nx0\r\n", LC_EPROTO, LC_H1_CHUNK_END, "x"},
    {"1\r\nx\r\n\r\n", LC_EPROTO, LC_H1_CHUNK_SIZE, "x"},
};

static void assert_same(const struct body_outcome *a, const struct body_outcome *b,
                        const char *wire)
{
    if (a->rc != b->rc || a->err != b->err || a->used != b->used || a->n != b->n ||
        memcmp(a->data, b->data, a->n) != 0)
        fail_msg("rc %d/%d, error %d/%d, %zu/%zu bytes used, %zu/%zu decoded, for '%s'", a->rc,
                 b->rc, a->err, b->err, a->used, b->used, a->n, b->n, wire);
}

/* Whole, against the model, byte by byte, and cut at each point. */
static void feed_all_ways(struct body_outcome *whole, uint32_t line_max, const char *wire)
{
    struct lc_str in = {wire, strlen(wire)};
    size_t cuts[128];
    char data[128];
    struct body_outcome other = {.data = data};

    assert_true(in.n < LC_ARRAY_LEN(cuts));
    feed_body(whole, line_max, in, NULL, 0);
    model_body(&other, line_max, in);
    assert_same(whole, &other, wire);
    for (size_t i = 0; i < in.n; i++)
        cuts[i] = i;
    feed_body(&other, line_max, in, cuts, in.n);
    assert_same(whole, &other, wire);
    for (size_t i = 1; i < in.n; i++) {
        feed_body(&other, line_max, in, &i, 1);
        assert_same(whole, &other, wire);
    }
}

static void decodes_or_refuses_however_it_arrives(void **state)
{
    (void)state;
    for (size_t i = 0; i < LC_ARRAY_LEN(cases); i++) {
        char data[128];
        struct body_outcome o = {.data = data};

        feed_all_ways(&o, 8190, cases[i].wire);
        if (o.rc != cases[i].rc || (o.rc == LC_EPROTO && o.err != cases[i].err))
            fail_msg("rc %d error %d, not %d %d, for '%s'", o.rc, o.err, cases[i].rc, cases[i].err,
                     cases[i].wire);
        assert_int_equal(o.n, strlen(cases[i].data));
        assert_memory_equal(o.data, cases[i].data, o.n);
    }
}

static void size_lines_are_bounded(void **state)
{
    static const struct {
        const char *wire;
        enum lc_rc rc;
    } rows[] = {
        {"12345\r\n", LC_AGAIN},   {"123456\r\n", LC_ELIMIT}, {"00000\r\n", LC_CLOSED},
        {"000000\r\n", LC_ELIMIT}, {"0;abc\r\n", LC_CLOSED},  {"0;abcd", LC_ELIMIT},
        {"0    ;", LC_ELIMIT},     {"0;a=\"b\"", LC_ELIMIT},  {"0;abc\x01", LC_EPROTO},
    };

    (void)state;
    for (size_t i = 0; i < LC_ARRAY_LEN(rows); i++) {
        char data[128];
        struct body_outcome o = {.data = data};

        feed_all_ways(&o, 5, rows[i].wire);
        assert_int_equal(o.rc, rows[i].rc);
    }
}

static void failure_is_final(void **state)
{
    struct lc_chunked d;
    struct lc_span data;
    size_t used;

    (void)state;
    lc_chunked_init(&d, 8190);
    assert_int_equal(lc_chunked_decode(&d, "x", 1, &used, &data), LC_EPROTO);
    assert_int_equal(lc_chunked_decode(&d, "0\r\n", 3, &used, &data), LC_EPROTO);
    assert_int_equal(used, 0);
}

static void done_consumes_nothing_more(void **state)
{
    struct lc_chunked d;
    struct lc_span data;
    size_t used;

    (void)state;
    lc_chunked_init(&d, 8190);
    assert_int_equal(lc_chunked_decode(&d, "0\r\n\r\n", 5, &used, &data), LC_CLOSED);
    assert_int_equal(used, 3);
    assert_int_equal(lc_chunked_decode(&d, "\r\n", 2, &used, &data), LC_CLOSED);
    assert_int_equal(used, 0);
}

static void quotes_the_line_that_is_wrong(void **state)
{
    struct lc_chunked d;
    struct lc_span data;
    size_t used;

    (void)state;
    lc_chunked_init(&d, 8190);
    assert_int_equal(lc_chunked_decode(&d, "1\r\na\r\n5zz;q\r\n", 13, &used, &data), LC_OK);
    assert_int_equal(lc_chunked_decode(&d, "\r\n5zz;q\r\n", 9, &used, &data), LC_EPROTO);
    assert_int_equal(d.where.off, 2);
    assert_int_equal(d.where.len, 5);
    assert_int_equal(used, 3);
}

static void heads_decode_to_their_size(void **state)
{
    static const size_t sizes[] = {
        1, 9, 10, 15, 16, 255, 256, 65535, 65536, 0x7fffffff, (size_t)INT64_MAX};

    (void)state;
    for (size_t i = 0; i < LC_ARRAY_LEN(sizes); i++) {
        struct lc_chunked d;
        struct lc_span data;
        char head[18];
        size_t used, n = lc_chunk_head(sizes[i], head);

        assert_true(n <= sizeof head);
        lc_chunked_init(&d, 8190);
        assert_int_equal(lc_chunked_decode(&d, head, n, &used, &data), LC_AGAIN);
        assert_true(d.left == sizes[i]);
    }
}

static void head_is_upper_case_hex(void **state)
{
    char head[18];

    (void)state;
    assert_int_equal(lc_chunk_head(0xabcdef, head), 8);
    assert_memory_equal(head, "ABCDEF\r\n", 8);
    assert_int_equal(lc_chunk_head(SIZE_MAX, head), sizeof head);
    assert_int_equal(lc_chunk_head(0, head), 3);
    assert_memory_equal(head, "0\r\n", 3);
}

static void mutated_bodies_agree_with_the_model(void **state)
{
    static const char spice[] = "\r\n;= \t\"\\0aAfF\x01\x7f\xe9,g";
    uint32_t seed = 20261121;

    (void)state;
    for (int round = 0; round < 50000; round++) {
        const char *from = cases[cuts_random(&seed) % LC_ARRAY_LEN(cases)].wire;
        uint32_t line_max = 1 + cuts_random(&seed) % 40;
        size_t n = strlen(from), cuts[CUTS_MAX];
        char wire[64], data[2][64];
        struct body_outcome whole = {.data = data[0]}, other = {.data = data[1]};

        memcpy(wire, from, n + 1);
        for (unsigned k = n == 0 ? 0 : cuts_random(&seed) % 4; k > 0; k--)
            wire[cuts_random(&seed) % n] = spice[cuts_random(&seed) % (sizeof spice - 1)];
        feed_body(&whole, line_max, lc_str_of(wire, n), NULL, 0);
        model_body(&other, line_max, lc_str_of(wire, n));
        assert_same(&whole, &other, wire);
        feed_body(&other, line_max, lc_str_of(wire, n), cuts,
                  cuts_from(lc_str_of(wire, n), cuts_random(&seed), cuts));
        assert_same(&whole, &other, wire);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(decodes_or_refuses_however_it_arrives),
        cmocka_unit_test(size_lines_are_bounded),
        cmocka_unit_test(failure_is_final),
        cmocka_unit_test(done_consumes_nothing_more),
        cmocka_unit_test(quotes_the_line_that_is_wrong),
        cmocka_unit_test(heads_decode_to_their_size),
        cmocka_unit_test(head_is_upper_case_hex),
        cmocka_unit_test(mutated_bodies_agree_with_the_model),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
