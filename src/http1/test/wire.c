/* http1/test/wire.c - see wire.h. */
#include "wire.h"

#include <stdlib.h>

struct reader {
    const struct lc_limits *limits;
    struct lc_str rest;
    char *room; /* for the next body */
};

static void skip(struct lc_str *s, size_t n)
{
    *s = lc_str_of(s->p + n, s->n - n);
}

static bool read_trailers(struct reader *r, struct head_outcome *o)
{
    o->is_trailers = true;
    model_head(o, r->limits, r->rest);
    o->is_trailers = false;
    if (o->rc == LC_OK)
        skip(&r->rest, o->head_len);
    return o->rc == LC_OK;
}

static void read_announced(struct reader *r, size_t announced, struct wire_request *q)
{
    q->body_len = LC_MIN(announced, r->rest.n);
    if (q->body_len > 0)
        memcpy(r->room, r->rest.p, q->body_len);
    q->is_whole = q->body_len == announced;
    skip(&r->rest, q->body_len);
}

static void read_body(struct reader *r, struct head_outcome *o, struct wire_request *q)
{
    struct body_outcome b = {.data = r->room};

    q->body = r->room;
    if (o->req.is_chunked) {
        model_body(&b, r->limits->field_size, r->rest);
        q->body_len = b.n;
        skip(&r->rest, b.used);
        q->is_whole = b.rc == LC_CLOSED && read_trailers(r, o);
    } else {
        read_announced(r, o->req.content_length > 0 ? (size_t)o->req.content_length : 0, q);
    }
    r->room += q->body_len;
}

/* Can the application be called before the body is whole? */
static bool may_stream(const struct lc_limits *l, int64_t announced, const struct wire_request *q)
{
    return !l->is_body_buffered || (int64_t)q->body_len > l->body_file || announced > l->body_file;
}

void wire_read(struct wire *w, const struct lc_limits *limits, struct lc_str in)
{
    struct head_outcome *o = calloc(1, sizeof *o);
    struct reader r = {.limits = limits, .rest = in, .room = malloc(in.n + 1)};
    bool is_last = false;

    LC_CHECK(o != NULL && r.room != NULL);
    *w = (struct wire){.bodies = r.room};
    while (!is_last && w->n < WIRE_REQUESTS_MAX) {
        struct wire_request *q = &w->requests[w->n];
        int64_t announced;

        model_head(o, limits, r.rest);
        if (o->rc != LC_OK)
            break;
        q->method = lc_req_text(&o->req, o->req.method);
        q->target = lc_req_text(&o->req, o->req.target);
        q->is_head = o->req.method_id == LC_METHOD_HEAD;
        announced = o->req.content_length;
        is_last = o->req.must_close || !o->req.is_keep_alive;
        skip(&r.rest, o->head_len);
        read_body(&r, o, q);
        if (q->is_whole || may_stream(limits, announced, q))
            w->n++;
        is_last = is_last || !q->is_whole;
    }
    free(o);
}

void wire_free(struct wire *w)
{
    free(w->bodies);
    w->bodies = NULL;
}
