/* fuzz/fuzz_chunked.c - chunked bodies, whole and in pieces, against the slow decoder; and encoded
 * again.
 *
 * Input: one byte for the bound of a size line, one for the pieces, then the bytes on the wire. */
#include "../src/http1/test/cuts.h"
#include "../src/http1/test/model.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_same(const struct body_outcome *a, const struct body_outcome *b)
{
    LC_CHECK(a->rc == b->rc && a->used == b->used && a->n == b->n);
    LC_CHECK((a->rc != LC_EPROTO && a->rc != LC_ELIMIT) || a->err == b->err);
    LC_CHECK(a->n == 0 || memcmp(a->data, b->data, a->n) == 0);
}

/* What was decoded comes back when it is encoded as one chunk. */
static void check_round_trip(struct body_outcome *o, char *wire, char *again)
{
    struct body_outcome back = {.data = again};
    size_t n = 0;

    if (o->n > 0) {
        n = lc_chunk_head(o->n, wire);
        memcpy(wire + n, o->data, o->n);
        n += o->n;
        memcpy(wire + n, "\r\n", 2);
        n += 2;
    }
    memcpy(wire + n, "0\r\n", 3);
    feed_body(&back, 16, lc_str_of(wire, n + 3), NULL, 0);
    LC_CHECK(back.rc == LC_CLOSED && back.used == n + 3 && back.n == o->n);
    LC_CHECK(o->n == 0 || memcmp(back.data, o->data, o->n) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const uint32_t line_maxes[4] = {8190, 24, 6, 1};
    struct body_outcome whole = {0}, pieces = {0}, model = {0};
    size_t cuts[CUTS_MAX], ncuts;
    uint32_t line_max;
    struct lc_str in;
    char *room;

    if (size < 2)
        return 0;
    line_max = line_maxes[data[0] & 3];
    in = lc_str_of((const char *)data + 2, size - 2);
    ncuts = cuts_from(in, data[1], cuts);
    room = malloc(5 * in.n + 64);
    LC_CHECK(room != NULL);
    whole.data = room;
    pieces.data = room + in.n;
    model.data = room + 2 * in.n;

    feed_body(&whole, line_max, in, NULL, 0);
    feed_body(&pieces, line_max, in, cuts, ncuts);
    model_body(&model, line_max, in);
    check_same(&whole, &pieces);
    check_same(&whole, &model);
    check_round_trip(&whole, room + 3 * in.n, room + 4 * in.n + 32);
    free(room);
    return 0;
}
