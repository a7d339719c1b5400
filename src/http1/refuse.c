/* http1/refuse.c - requests that never reach the application, and what their clients and the log are told.
 * Runs in: worker, owner of the engine. */
#include "http1/conn_int.h"

#include "http/errorpage.h"

static size_t head_len(const char *page, size_t n)
{
    const char *body = memmem(page, n, "\r\n\r\n", 4);

    return body ? (size_t)(body - page) + 4 : n;
}

void lc_h1_refuse(struct lc_h1_conn *c, int status, const char *mesg, const char *why)
{
    char page[LC_ERRORPAGE_MAX], ip[LC_ADDR_TEXT_MAX];
    size_t n = lc_errorpage_write(status, lc_str_of(mesg, strlen(mesg)), page, sizeof page);
    size_t head = head_len(page, n);

    if (why) {
        lc_addr_ip(&c->peer, ip);
        lc_log_write(c->h1->log, LC_WARNING, "Invalid request from ip=%s: %s", ip, why);
    }
    if (c->req && c->req->x.req.method_id == LC_METHOD_HEAD)
        n = head; /* RFC 9110 9.3.2 */
    c->h1->refused[status / 100 % 6]++;
    c->want_close = true;
    c->want_linger = c->req == NULL || !c->req->x.body.is_done || c->state != LC_H1_CALL;
    if (c->req)
        lc_h1_tell_end(c, (struct lc_exchange_end){.status = status, .sent = (int64_t)(n - head)});
    lc_h1_say(c, page, n);
    if (c->state != LC_H1_CLOSED)
        lc_h1_answered(c);
}

void lc_h1_refuse_parse(struct lc_h1_conn *c, const struct lc_h1_parser *ps, const char *base)
{
    char mesg[1024], why[1024];

    lc_h1_err_text(ps, base, mesg, sizeof mesg);
    lc_h1_err_log(ps, base, why, sizeof why);
    lc_h1_refuse(c, lc_h1_err_status(ps->err), mesg, why);
}

static bool is_trusted(struct lc_h1_conn *c)
{
    const uint8_t *addr = NULL;

    if (c->trust == 0) {
        if (c->peer.family == LC_ADDR_IP4)
            addr = (const uint8_t *)&c->peer.u.ip4.sin_addr;
        else if (c->peer.family == LC_ADDR_IP6)
            addr = (const uint8_t *)&c->peer.u.ip6.sin6_addr;
        c->trust = lc_policy_is_trusted(c->h1->policy, c->peer.family, addr) ? 2 : 1;
    }
    return c->trust == 2;
}

/* Gunicorn quotes names in upper case. */
static void refuse_name(struct lc_h1_conn *c, struct lc_h1_parser *ps, struct lc_str name)
{
    char upper[256];

    name.n = LC_MIN(name.n, sizeof upper);
    for (size_t i = 0; i < name.n; i++)
        upper[i] = name.p[i] >= 'a' && name.p[i] <= 'z' ? (char)(name.p[i] - 32) : name.p[i];
    ps->err = LC_H1_HEADER_NAME;
    ps->where = (struct lc_span){0, (uint32_t)name.n};
    lc_h1_refuse_parse(c, ps, upper);
}

bool lc_h1_judge_policy(struct lc_h1_conn *c)
{
    struct lc_exchange *x = &c->req->x;
    struct lc_h1_parser *ps = &c->req->parser;

    x->is_trusted = is_trusted(c);
    switch (lc_policy_apply(c->h1->policy, &x->req, x->is_trusted, &ps->where)) {
    case LC_POLICY_HTTPS:
        x->is_https = true;
        break;
    case LC_POLICY_HTTP:
        x->is_https = false;
        break;
    case LC_POLICY_NO_SCHEME:
        break;
    case LC_POLICY_CONTRADICTION:
        lc_h1_refuse(c, 400, "Contradictory scheme headers", "Contradictory scheme headers");
        return false;
    case LC_POLICY_REFUSED:
        refuse_name(c, ps, lc_req_text(&x->req, ps->where));
        return false;
    }
    return true;
}

void lc_h1_body_broke(struct lc_h1_conn *c, enum lc_rc rc)
{
    struct lc_h1_request *r = c->req;

    r->x.body.is_failed = true;
    c->want_close = true;
    if (rc == LC_EPROTO || rc == LC_ELIMIT)
        r->x.body.fail_status =
            r->parser.err == LC_H1_OK ? 413 : (uint16_t)lc_h1_err_status(r->parser.err);
}

void lc_h1_refuse_body(struct lc_h1_conn *c, enum lc_rc rc)
{
    struct lc_h1_request *r = c->req;

    if (rc == LC_CLOSED || rc == LC_EIO) {
        lc_h1_close(c); /* the client left before its request was whole */
        return;
    }
    if (rc == LC_ENOSPC || rc == LC_ENOFD || rc == LC_ENOMEM) {
        lc_log_limited(c->h1->log, &c->h1->trouble, c->h1->loop->now_ms, LC_ERROR,
                       rc == LC_ENOSPC ? "A request body could not be buffered: no space in "
                                         "tmp_upload_dir, or it cannot be written to"
                       : rc == LC_ENOFD
                           ? "A request body could not be buffered: no descriptors left"
                           : "A request body could not be buffered: no memory");
        lc_h1_refuse(c, 503, "", NULL);
        return;
    }
    if (rc == LC_ELIMIT && r->parser.err == LC_H1_OK)
        lc_h1_refuse(c, 413, "Request body is too large", "Request body is too large");
    else if (r->parser.err != LC_H1_OK)
        lc_h1_refuse_parse(c, &r->parser, r->phase == LC_H1_TRAILERS ? r->trailers.base : c->in.p);
    else
        lc_h1_refuse(c, 400, "", "Invalid request body");
}
