/* http1/test/feed.c - see feed.h. */
#include "feed.h"

#include <stdlib.h>

static char *copy_of(const char *p, size_t n)
{
    char *copy = malloc(n > 0 ? n : 1);

    LC_CHECK(copy != NULL);
    if (n > 0)
        memcpy(copy, p, n);
    return copy;
}

/* One call, repeated with more room as long as it asks for it. */
static void call_parser(struct head_outcome *o, size_t n)
{
    while ((o->rc = lc_h1_parse(&o->ps, &o->req, n, &o->head_len)) == LC_ENOMEM) {
        LC_CHECK(o->req.nfields == o->req.fields_cap && o->req.fields_cap < FEED_FIELDS_MAX);
        o->req.fields_cap++;
    }
}

void feed_head(struct head_outcome *o, const struct lc_limits *limits, struct lc_str in,
               const size_t *cuts, size_t ncuts)
{
    o->req = (struct lc_request){
        .fields = o->fields, .fields_cap = o->cap_first, .nfields = 77, .is_chunked = true};
    if (o->is_trailers)
        lc_h1_parse_trailers_init(&o->ps, limits, &o->req);
    else
        lc_h1_parse_init(&o->ps, limits, &o->req);
    o->rc = LC_AGAIN;
    for (size_t i = 0; i <= ncuts && o->rc == LC_AGAIN; i++) {
        size_t n = i < ncuts ? cuts[i] : in.n;
        char *piece = copy_of(in.p, n);

        o->req.base = piece;
        call_parser(o, n);
        free(piece);
    }
    o->req.base = in.p;
}

static bool same_span(struct lc_span a, struct lc_span b)
{
    return a.off == b.off && a.len == b.len;
}

static bool same_field(const struct lc_field *a, const struct lc_field *b)
{
    return same_span(a->name, b->name) && same_span(a->value, b->value) && a->token == b->token &&
           a->flags == b->flags;
}

static const char *line_difference(const struct lc_request *a, const struct lc_request *b)
{
    if (!same_span(a->method, b->method) || a->method_id != b->method_id)
        return "method";
    if (!same_span(a->target, b->target) || a->target_form != b->target_form)
        return "target";
    if (!same_span(a->path, b->path) || !same_span(a->query, b->query))
        return "path or query";
    if (a->version_major != b->version_major || a->version_minor != b->version_minor)
        return "version";
    return NULL;
}

static const char *meaning_difference(const struct lc_request *a, const struct lc_request *b)
{
    if (a->content_length != b->content_length || a->is_chunked != b->is_chunked)
        return "framing";
    if (a->is_keep_alive != b->is_keep_alive || a->must_close != b->must_close)
        return "persistence";
    if (a->want_continue != b->want_continue || a->want_upgrade != b->want_upgrade ||
        a->has_host != b->has_host)
        return "wishes";
    return NULL;
}

const char *head_difference(const struct head_outcome *a, const struct head_outcome *b)
{
    const char *what;

    if (a->rc != b->rc)
        return "rc";
    if (a->rc == LC_EPROTO || a->rc == LC_ELIMIT) {
        if (a->ps.err != b->ps.err)
            return "error";
        return a->rc == LC_EPROTO && !same_span(a->ps.where, b->ps.where) ? "quote" : NULL;
    }
    if (a->req.nfields != b->req.nfields)
        return "count of fields";
    for (uint32_t i = 0; i < a->req.nfields; i++) {
        if (!same_field(&a->fields[i], &b->fields[i]))
            return "field";
    }
    if (a->rc == LC_AGAIN)
        return NULL;
    if (a->head_len != b->head_len)
        return "head_len";
    if ((what = line_difference(&a->req, &b->req)) != NULL)
        return what;
    return meaning_difference(&a->req, &b->req);
}

static bool is_inside(struct lc_span inner, size_t from, size_t to)
{
    return inner.off >= from && (size_t)inner.off + inner.len <= to;
}

static bool is_part(struct lc_span part, struct lc_span whole)
{
    return part.len == 0 || is_inside(part, whole.off, (size_t)whole.off + whole.len);
}

static const char *field_violation(const struct head_outcome *o, const struct lc_limits *limits)
{
    size_t at = 0;

    if (o->req.nfields > (limits->fields == 0 ? 32768 : limits->fields))
        return "more fields than allowed";
    for (uint32_t i = 0; i < o->req.nfields; i++) {
        const struct lc_field *f = &o->fields[i];
        struct lc_str value = lc_req_text(&o->req, f->value);

        if (f->name.len == 0 || !is_inside(f->name, at, o->head_len) ||
            !is_inside(f->value, f->name.off, o->head_len))
            return "field outside";
        if (f->name.len + f->value.len + 3 > (limits->field_size == 0 ? 8190 : limits->field_size))
            return "field longer than allowed";
        if (!(f->flags & LC_FIELD_FOLDED) && !lc_is_field_value(value.p, value.n))
            return "control in value";
        if (lc_str_trim(value).n != value.n)
            return "blanks around value";
        at = (size_t)f->value.off + f->value.len;
    }
    return NULL;
}

const char *head_violation(const struct head_outcome *o, const struct lc_limits *limits, size_t n)
{
    const struct lc_request *r = &o->req;

    if (o->rc == LC_EPROTO || o->rc == LC_ELIMIT)
        return o->ps.err != LC_H1_OK && is_inside(o->ps.where, 0, n) ? NULL : "quote outside";
    if (o->rc != LC_OK)
        return o->rc == LC_AGAIN ? NULL : "rc";
    if (o->head_len > n || o->head_len < 2 || memcmp(r->base + o->head_len - 2, "\r\n", 2) != 0)
        return "head_len";
    if (!o->is_trailers) {
        if (!is_inside(r->target, 0, o->head_len) || !is_part(r->path, r->target) ||
            !is_part(r->query, r->target))
            return "target outside";
        if (r->method.len == 0 || !is_inside(r->method, 0, r->target.off))
            return "method outside";
    }
    if (r->is_chunked && r->content_length >= 0)
        return "two framings";
    return field_violation(o, limits);
}

static void call_decoder(struct body_outcome *o, struct lc_chunked *d, const char *p, size_t n)
{
    struct lc_span data;
    size_t at = 0, used;

    do {
        o->rc = lc_chunked_decode(d, p + at, n - at, &used, &data);
        LC_CHECK(used <= n - at && (size_t)data.off + data.len <= used && d->left <= INT64_MAX);
        LC_CHECK(o->rc != LC_AGAIN || used == n - at);
        LC_CHECK(o->rc != LC_OK || (used > 0 && used < n - at));
        memcpy(o->data + o->n, p + at + data.off, data.len);
        o->n += data.len;
        o->used += used;
        at += used;
    } while (o->rc == LC_OK);
    o->err = d->err;
    if (o->rc == LC_EPROTO || o->rc == LC_ELIMIT)
        LC_CHECK((size_t)d->where.off + d->where.len <= n - (at - used));
}

void feed_body(struct body_outcome *o, uint32_t line_max, struct lc_str in, const size_t *cuts,
               size_t ncuts)
{
    struct lc_chunked d;
    size_t from = 0;

    lc_chunked_init(&d, line_max);
    o->rc = LC_AGAIN;
    o->n = o->used = 0;
    for (size_t i = 0; i <= ncuts && o->rc == LC_AGAIN; i++) {
        size_t to = i < ncuts ? cuts[i] : in.n;
        char *piece = copy_of(in.p + from, to - from);

        call_decoder(o, &d, piece, to - from);
        free(piece);
        from = to;
    }
}
