/* http1/framing.c - what the fields of a complete head mean for the connection.
 *
 * Why after the whole head and not field by field: where the body ends depends on several fields
 * together, and a folded line may still change the one before it.  Whatever two readers could
 * understand differently is refused (RFC 9112 6.1, 6.3, 11.2): both framings, one of them twice,
 * chunked not last, a fold inside them.
 * Invariant: on LC_OK at most one of is_chunked and content_length >= 0 holds. */
#include "http1/parse_int.h"

enum { SEEN_HOST = 1, SEEN_TYPE = 2, SEEN_UPGRADE = 4 };
enum { WANT_CLOSE = 1, WANT_KEEP_ALIVE = 2, WANT_UPGRADE = 4 };

struct framing {
    struct lc_h1_parser *ps;
    struct lc_request *req;
    unsigned seen;
    unsigned options;              /* of Connection, all fields together */
    const struct lc_field *coding; /* the last Transfer-Encoding, for messages */
    const struct lc_field *length; /* Content-Length */
};

/* At least HTTP/1.1, where chunked, Expect and Upgrade begin to exist. */
static bool is_modern(const struct lc_request *req)
{
    return req->version_major > 1 || (req->version_major == 1 && req->version_minor >= 1);
}

static enum lc_rc take_once(struct framing *f, const struct lc_field *field, unsigned bit)
{
    if (f->seen & bit)
        return lc_h1_fail_name(f->ps, LC_H1_HEADER, field->name);
    f->seen |= bit;
    return LC_OK;
}

static enum lc_rc take_length(struct framing *f, const struct lc_field *field)
{
    struct lc_str value = lc_req_text(f->req, field->value);

    if (f->length != NULL || lc_str_to_i64(value, &f->req->content_length) != LC_OK)
        return lc_h1_fail_name(f->ps, LC_H1_HEADER, field->name);
    f->length = field;
    return LC_OK;
}

static enum lc_rc take_coding(struct framing *f, const struct lc_field *field)
{
    struct lc_str rest = lc_req_text(f->req, field->value), coding;

    f->coding = field;
    if (rest.n == 0)
        return lc_h1_fail(f->ps, LC_H1_CODING, field->value);
    while (lc_str_next_element(&rest, &coding)) {
        bool is_chunked = lc_str_ieq(coding, LC_STR("chunked"));
        bool is_packed = lc_str_ieq(coding, LC_STR("gzip")) ||
                         lc_str_ieq(coding, LC_STR("deflate")) ||
                         lc_str_ieq(coding, LC_STR("compress"));

        if (!is_chunked && !is_packed && !lc_str_ieq(coding, LC_STR("identity")))
            return lc_h1_fail(f->ps, LC_H1_CODING, field->value);
        if (f->req->is_chunked) /* chunked again, or something after it */
            return lc_h1_fail_name(f->ps, LC_H1_HEADER, field->name);
        f->req->is_chunked = is_chunked;
        f->req->must_close |= is_packed;
    }
    return LC_OK;
}

static enum lc_rc take_expect(struct framing *f, const struct lc_field *field)
{
    if (!lc_str_ieq(lc_req_text(f->req, field->value), LC_STR("100-continue")))
        return lc_h1_fail(f->ps, LC_H1_EXPECT, field->value);
    f->req->want_continue = is_modern(f->req);
    return LC_OK;
}

static void take_connection(struct framing *f, const struct lc_field *field)
{
    struct lc_str rest = lc_req_text(f->req, field->value), option;

    while (lc_str_next_element(&rest, &option)) {
        if (lc_str_ieq(option, LC_STR("close")))
            f->options |= WANT_CLOSE;
        else if (lc_str_ieq(option, LC_STR("keep-alive")))
            f->options |= WANT_KEEP_ALIVE;
        else if (lc_str_ieq(option, LC_STR("upgrade")))
            f->options |= WANT_UPGRADE;
    }
}

static bool is_special(unsigned token)
{
    switch (token) {
    case LC_TOKEN_HOST:
    case LC_TOKEN_CONTENT_TYPE:
    case LC_TOKEN_CONTENT_LENGTH:
    case LC_TOKEN_TRANSFER_ENCODING:
    case LC_TOKEN_EXPECT:
    case LC_TOKEN_CONNECTION:
    case LC_TOKEN_UPGRADE:
        return true;
    default:
        return false;
    }
}

static enum lc_rc take_special(struct framing *f, const struct lc_field *field)
{
    if (field->flags & LC_FIELD_FOLDED)
        return lc_h1_fail_name(f->ps, LC_H1_FOLDING, field->name);
    switch (field->token) {
    case LC_TOKEN_HOST:
        return take_once(f, field, SEEN_HOST);
    case LC_TOKEN_CONTENT_TYPE:
        return take_once(f, field, SEEN_TYPE);
    case LC_TOKEN_CONTENT_LENGTH:
        return take_length(f, field);
    case LC_TOKEN_TRANSFER_ENCODING:
        return take_coding(f, field);
    case LC_TOKEN_EXPECT:
        return take_expect(f, field);
    case LC_TOKEN_CONNECTION:
        take_connection(f, field);
        return LC_OK;
    default:
        f->seen |= SEEN_UPGRADE;
        return LC_OK;
    }
}

/* What holds only between fields. */
static enum lc_rc judge_together(struct framing *f)
{
    struct lc_request *req = f->req;
    bool is_bad_coding = f->coding != NULL && (!req->is_chunked || !is_modern(req));

    if (is_bad_coding)
        return lc_h1_fail_name(f->ps, LC_H1_HEADER, f->coding->name);
    if (f->coding != NULL && f->length != NULL)
        return lc_h1_fail_name(f->ps, LC_H1_HEADER, f->length->name);
    req->has_host = (f->seen & SEEN_HOST) != 0;
    if (f->ps->limits->strict_host && is_modern(req) && !req->has_host)
        return lc_h1_fail(f->ps, LC_H1_HOST, (struct lc_span){f->ps->at, 0});
    req->want_upgrade = (f->options & WANT_UPGRADE) && (f->seen & SEEN_UPGRADE) && is_modern(req);
    req->is_keep_alive =
        !(f->options & WANT_CLOSE) && (is_modern(req) || (f->options & WANT_KEEP_ALIVE));
    return LC_OK;
}

enum lc_rc lc_h1_framing(struct lc_h1_parser *ps, struct lc_request *req)
{
    struct framing f = {.ps = ps, .req = req};
    enum lc_rc rc;

    for (uint32_t i = 0; i < req->nfields; i++) {
        if (is_special(req->fields[i].token) && (rc = take_special(&f, &req->fields[i])) != LC_OK)
            return rc;
    }
    return judge_together(&f);
}
