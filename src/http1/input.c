/* http1/input.c - from received bytes to a body.   Runs in: worker, owner of the engine.
 *
 * One buffer a connection holds everything: the current request's head, its body's window right behind it, then wire
 * bytes not judged yet.  Decoding moves data down onto the end of the window (for Content-Length it is there already),
 * so a body that came with its head is never copied.
 *
 *      in.p   at           body.mem      + mem_len     wire             len            cap
 *        | .. | head        | window       | (gap)       | wire bytes     | free room    |
 *
 *   I1  after lc_h1_decode either the body is done or wire == len: then the gap and the consumed bytes are reclaimed.
 *   I2  once the application has the exchange the buffer never moves. */
#include "http1/conn_int.h"

#define CHUNK_SLACK    4096u /* room for size lines beside body_memory bytes of data */
#define STREAM_WINDOW  65536u
#define TRAILER_FIELDS 16u

static struct lc_h1 *ctx_of(struct lc_h1_conn *c)
{
    return c->h1;
}

/* Room for `cap` bytes in all; what points into the buffer follows it. */
static enum lc_rc reserve(struct lc_h1_conn *c, size_t cap, size_t max)
{
    size_t window = 0;
    enum lc_rc rc;

    if (c->req && c->req->x.body.mem)
        window = (size_t)(c->req->x.body.mem - c->in.p);
    rc = lc_buf_reserve(&c->in, &ctx_of(c)->blocks, cap, max);
    if (rc == LC_OK && c->req) {
        c->req->x.req.base = c->in.p + c->at;
        if (c->req->x.body.mem)
            c->req->x.body.mem = c->in.p + window;
    }
    return rc;
}

enum lc_rc lc_h1_fill(struct lc_h1_conn *c)
{
    size_t got = 0;
    enum lc_rc rc;

    rc = lc_stream_read(&c->stream, c->in.p + c->in.len, c->in.cap - c->in.len, &got);
    c->in.len += (uint32_t)got;
    c->moved += got;
    return rc;
}

/* Before a read while a head is incomplete: first what earlier requests left is squeezed out, then the buffer grows. */
bool lc_h1_head_room(struct lc_h1_conn *c)
{
    size_t want;

    if (c->in.p == NULL)
        return lc_buf_reserve(&c->in, &ctx_of(c)->blocks, 1, LC_BLOCK_SIZE) == LC_OK;
    if (c->in.len < c->in.cap)
        return true;
    if (c->at > 0) {
        memmove(c->in.p, c->in.p + c->at, c->in.len - c->at);
        c->in.len -= c->at;
        c->wire = c->at = 0;
        if (c->req)
            c->req->x.req.base = c->in.p;
        return true;
    }
    want = LC_MIN((size_t)c->in.cap * 4, (size_t)ctx_of(c)->head_max);
    return want > c->in.cap && reserve(c, want, ctx_of(c)->head_max) == LC_OK;
}

static enum lc_rc decode_length(struct lc_h1_conn *c, struct lc_body *b)
{
    char *from = c->in.p + c->wire, *to = b->mem + b->mem_len;
    size_t n = LC_MIN((uint64_t)(c->in.len - c->wire), (uint64_t)(b->length - b->received));

    if (from != to)
        memmove(to, from, n);
    c->wire += (uint32_t)n;
    b->mem_len += (uint32_t)n;
    b->received += (int64_t)n;
    b->is_done = b->received == b->length;
    return LC_OK;
}

static enum lc_rc decode_trailers(struct lc_h1_conn *c, struct lc_body *b)
{
    struct lc_h1_request *r = c->req;
    size_t used = 0;
    enum lc_rc rc;

    r->trailers.base = c->in.p + c->wire;
    while ((rc = lc_h1_parse(&r->parser, &r->trailers, c->in.len - c->wire, &used)) == LC_ENOMEM) {
        if (!lc_h1_grow_fields(&r->x, &r->trailers))
            return LC_ENOMEM;
    }
    if (rc != LC_OK)
        return rc;
    c->wire += (uint32_t)used;
    b->is_done = true;
    return LC_OK;
}

static enum lc_rc begin_trailers(struct lc_h1_conn *c)
{
    struct lc_h1_request *r = c->req;

    r->trailers.fields = lc_arena_alloc(&r->x.arena, TRAILER_FIELDS * sizeof(struct lc_field));
    if (r->trailers.fields == NULL)
        return LC_ENOMEM;
    r->trailers.fields_cap = TRAILER_FIELDS;
    lc_h1_parse_trailers_init(&r->parser, ctx_of(c)->limits, &r->trailers);
    r->phase = LC_H1_TRAILERS;
    return LC_OK;
}

static enum lc_rc decode_chunks(struct lc_h1_conn *c, struct lc_body *b)
{
    struct lc_h1_request *r = c->req;
    enum lc_rc rc = LC_OK;

    while (c->wire < c->in.len && rc == LC_OK) {
        char *from = c->in.p + c->wire;
        struct lc_span data = {0};
        size_t used = 0;

        rc = lc_chunked_decode(&r->chunked, from, c->in.len - c->wire, &used, &data);
        if (data.len > 0)
            memmove(b->mem + b->mem_len, from + data.off, data.len);
        b->mem_len += data.len;
        b->received += data.len;
        if (rc == LC_EPROTO || rc == LC_ELIMIT) {
            r->parser.err = r->chunked.err;
            r->parser.where = r->chunked.where;
            r->parser.where.off += c->wire;
            return rc;
        }
        c->wire += (uint32_t)used;
    }
    if (rc == LC_CLOSED) {
        if ((rc = begin_trailers(c)) != LC_OK)
            return rc;
        return decode_trailers(c, b);
    }
    return rc == LC_AGAIN ? LC_OK : rc;
}

/* A chunk that only announces too much is refused before it comes. */
static int64_t announced(const struct lc_h1_conn *c)
{
    bool has_chunks = c->req->x.body.length < 0 && c->req->phase == LC_H1_DATA;

    return has_chunks ? (int64_t)LC_MIN(c->req->chunked.left, (uint64_t)INT64_MAX / 2) : 0;
}

/* LC_OK whether or not the body is done. */
static enum lc_rc decode(struct lc_h1_conn *c)
{
    struct lc_body *b = &c->req->x.body;
    int64_t max = ctx_of(c)->limits->body;
    enum lc_rc rc;

    if (b->length >= 0)
        rc = decode_length(c, b);
    else if (c->req->phase == LC_H1_TRAILERS)
        rc = decode_trailers(c, b);
    else
        rc = decode_chunks(c, b);
    if (max > 0 && b->received + announced(c) > max) {
        c->req->parser.err = LC_H1_OK;
        return LC_ELIMIT;
    }
    if (rc == LC_AGAIN)
        rc = LC_OK;
    if (rc == LC_OK && !b->is_done && c->wire == c->in.len) {
        c->in.len = (uint32_t)(b->mem + b->mem_len - c->in.p);
        c->wire = c->in.len;
    }
    return rc;
}

static uint32_t window_start(struct lc_h1_conn *c)
{
    return (uint32_t)(c->req->x.body.mem - c->in.p);
}

/* Bytes not judged yet move down onto the end of the window. */
static void close_gap(struct lc_h1_conn *c)
{
    uint32_t end = window_start(c) + c->req->x.body.mem_len, left = c->in.len - c->wire;

    if (c->wire == end)
        return;
    memmove(c->in.p + end, c->in.p + c->wire, left);
    c->wire = end;
    c->in.len = end + left;
}

/* Room behind what is here.  A buffered body first grows in memory up to body_memory, then goes to its file; a streamed
 * one waits for the application.  LC_AGAIN: the window is full. */
static enum lc_rc make_room(struct lc_h1_conn *c)
{
    const struct lc_limits *lim = ctx_of(c)->limits;
    struct lc_body *b = &c->req->x.body;
    size_t most = (size_t)window_start(c) + lim->body_memory + CHUNK_SLACK;
    enum lc_rc rc;

    if (b->mem_off == b->mem_len)
        b->mem_off = b->mem_len = 0;
    if (!b->is_streamed &&
        (b->mem_len > lim->body_memory || (c->in.len == c->in.cap && c->in.cap >= most))) {
        if ((rc = lc_body_spill(b, ctx_of(c)->tmp_dir)) != LC_OK)
            return rc;
    }
    close_gap(c);
    if (c->in.len < c->in.cap)
        return LC_OK;
    if (c->req->phase == LC_H1_TRAILERS) /* bounded by the parser */
        return reserve(c, (size_t)c->in.cap * 2,
                       LC_MAX((size_t)ctx_of(c)->head_max, (size_t)c->in.cap * 2));
    if (b->is_streamed)
        return LC_AGAIN;
    return reserve(c, LC_MIN(LC_MAX((size_t)c->in.cap * 2, most / 4), most),
                   LC_MAX(most, (size_t)c->in.cap));
}

/* A body that outgrows what may be buffered is streamed from here on. */
static void check_stream(struct lc_h1_conn *c)
{
    struct lc_body *b = &c->req->x.body;

    if (!b->is_streamed && b->length < 0 && b->received > ctx_of(c)->limits->body_file)
        b->is_streamed = true;
}

enum lc_rc lc_h1_body_pump(struct lc_h1_conn *c)
{
    struct lc_body *b = &c->req->x.body;
    enum lc_rc rc;

    for (;;) {
        if ((rc = decode(c)) != LC_OK)
            return rc;
        if (b->is_done)
            break;
        check_stream(c);
        if (b->is_streamed && c->state != LC_H1_CALL && c->state != LC_H1_DRAIN && b->received > 0)
            return LC_OK; /* the application is to be called first */
        if ((rc = make_room(c)) != LC_OK)
            return rc == LC_AGAIN ? LC_OK : rc;
        if ((rc = lc_h1_fill(c)) != LC_OK)
            return rc;
    }
    if (lc_spool_here(&b->file) > 0 && b->mem_len > b->mem_off && !b->is_streamed)
        return lc_body_spill(b, ctx_of(c)->tmp_dir);
    return LC_OK;
}

enum lc_rc lc_h1_body_begin(struct lc_h1_conn *c, size_t head_len)
{
    const struct lc_limits *lim = ctx_of(c)->limits;
    struct lc_h1_request *r = c->req;
    struct lc_body *b = &r->x.body;
    uint32_t start = c->at + (uint32_t)head_len;
    size_t want;

    lc_body_init(b, r->x.req.is_chunked ? -1 : LC_MAX(r->x.req.content_length, 0));
    b->mem = c->in.p + start;
    c->wire = start;
    if (b->is_done)
        return LC_OK;
    if (lim->body > 0 && b->length > lim->body)
        return LC_ELIMIT;
    b->is_streamed = !lim->is_body_buffered || b->length > lim->body_file;
    if (b->length < 0)
        lc_chunked_init(&r->chunked, lim->field_size ? lim->field_size : 8190);
    r->phase = LC_H1_DATA;
    if (b->is_streamed)
        want = (size_t)start + STREAM_WINDOW;
    else
        want = (size_t)start + (size_t)LC_MIN(LC_MAX(b->length, 0), (int64_t)lim->body_memory);
    return want <= c->in.cap ? LC_OK : reserve(c, want, LC_MAX(want, (size_t)c->in.len));
}
