/* http1/write.c - from an application's answer to bytes on the wire.   Runs in: worker, owner of the engine.
 *
 * The framing is decided with the first body byte (RFC 9112 6): bodiless, Content-Length, chunked, or until close.  Head
 * and body of a small answer lie in one block and leave in one send; a larger one is gathered in one sendmsg.  Only what
 * the socket does not take is queued. */
#include "http1/conn_int.h"
#include "http/date.h"

#include <stdio.h>

#define COPY_MAX \
    8192u /* bodies up to this are copied behind the head: cheaper than a gathered send */
#define PIECES_MAX 16

static struct lc_h1_conn *conn_of(struct lc_exchange *x)
{
    struct lc_h1_conn *c = x->conn;

    LC_OBJ(c, CONN);
    return c;
}

static void release_obj(struct lc_h1_conn *c, void *obj)
{
    if (obj && c->h1->host && c->h1->host->release)
        c->h1->host->release(c->h1->host->ctx, obj);
}

static void release_all(struct lc_h1_conn *c, const struct lc_piece *v, int n)
{
    for (int i = 0; i < n; i++)
        release_obj(c, v[i].obj);
}

/* "Server: ...\r\nDate: ...\r\n", made once a second. */
static void refresh_fixed(struct lc_h1 *h1)
{
    time_t now = h1->loop->wall_s;
    char date[LC_DATE_LEN];
    int n;

    if (now == h1->fixed_s)
        return;
    lc_date_http(now, date);
    n = snprintf(h1->fixed, sizeof h1->fixed, "Server: %.200s\r\nDate: %.29s\r\n", h1->server,
                 date);
    h1->fixed_len = (uint32_t)n;
    h1->fixed_s = now;
}

static char *put_back(char *end, const char *p, size_t n)
{
    memcpy(end - n, p, n);
    return end - n;
}

#define PUT_BACK_LIT(end, lit) put_back(end, lit, sizeof(lit) - 1)

/* A streamed body whose end the connection may not live to see: it still waits for its 100, has no known end, or is too
 * long to be drained.  Said with the head, for later is too late. */
static bool leaves_too_much(const struct lc_exchange *x)
{
    const struct lc_body *b = &x->body;

    return !b->is_done &&
           (x->req.want_continue || b->length < 0 || b->length - b->received > LC_H1_DRAIN_MAX);
}

static void choose_framing(struct lc_h1_conn *c, struct lc_exchange *x)
{
    struct lc_response *r = &x->res;
    bool is_delimited = r->is_bodiless || r->content_length >= 0;

    r->is_chunked = !is_delimited && !r->is_upgrade && x->req.version_minor > 0;
    is_delimited = is_delimited || r->is_chunked;
    if (!x->req.is_keep_alive || !is_delimited || leaves_too_much(x) || x->req.must_close ||
        r->is_upgrade || r->status == 101 || c->h1->is_draining || c->h1->limits->idle_ms == 0 ||
        x->body.is_failed)
        c->want_close = true;
}

/* Completes the head in its block: the fixed lines before the fields, the empty line behind.  The head then lies in
 * [*head, block end). */
static enum lc_rc finish_head(struct lc_h1_conn *c, struct lc_exchange *x, char **head)
{
    struct lc_response *r = &x->res;
    struct lc_h1 *h1 = c->h1;
    char version[12] = "HTTP/1.1 ";
    enum lc_rc rc;
    char *at;

    lc_loop_refresh(
        h1->loop); /* the call may have taken long: Date, and the deadlines that follow */
    choose_framing(c, x);
    if ((size_t)r->block.len + 2 > r->block.cap &&
        (rc = lc_buf_reserve(&r->block, r->pool, (size_t)r->block.len + 2, LC_HEAD_MAX + 2)) !=
            LC_OK)
        return rc;
    r->fields_end = r->block.len;
    memcpy(r->block.p + r->block.len, "\r\n", 2);
    r->block.len += 2;
    refresh_fixed(h1);
    at = r->block.p + LC_HEAD_ROOM;
    if (r->is_chunked)
        at = PUT_BACK_LIT(at, "Transfer-Encoding: chunked\r\n");
    if (r->is_upgrade)
        at = PUT_BACK_LIT(at, "Connection: upgrade\r\n");
    else if (c->want_close)
        at = PUT_BACK_LIT(at, "Connection: close\r\n");
    else
        at = PUT_BACK_LIT(at, "Connection: keep-alive\r\n");
    at = put_back(at, h1->fixed, h1->fixed_len);
    at = PUT_BACK_LIT(at, "\r\n");
    at = put_back(at, r->line, r->line_len);
    version[5] = (char)('0' + x->req.version_major % 10);
    version[7] = (char)('0' + x->req.version_minor % 10);
    *head = put_back(at, version, 9);
    r->is_head_sent = true;
    c->is_answering = true;
    return LC_OK;
}

static enum lc_rc flush_now(struct lc_h1_conn *c)
{
    size_t sent = 0;
    enum lc_rc rc = lc_outq_flush(&c->out, &c->stream, &sent);

    c->moved += sent;
    if (rc == LC_CLOSED) {
        lc_h1_lost(c);
        return LC_CLOSED;
    }
    return LC_OK;
}

/* Sends what v holds, queues the rest, takes every obj. */
static enum lc_rc send_pieces(struct lc_h1_conn *c, const struct lc_piece *v, int n)
{
    struct iovec iov[PIECES_MAX + 4];
    size_t sent = 0;
    enum lc_rc rc = LC_OK, queued = LC_OK;

    LC_CHECK(n > 0 && n <= PIECES_MAX + 4);
    if (!lc_outq_is_empty(&c->out) &&
        flush_now(c) != LC_OK) { /* nobody else does while a call computes */
        release_all(c, v, n);
        return LC_CLOSED;
    }
    if (lc_outq_is_empty(&c->out)) {
        for (int i = 0; i < n; i++)
            iov[i] = (struct iovec){(void *)(uintptr_t)v[i].p, v[i].n};
        rc = lc_stream_writev(&c->stream, iov, n, &sent);
        c->moved += sent;
        if (rc != LC_OK && rc != LC_AGAIN) {
            release_all(c, v, n);
            lc_h1_lost(c);
            return LC_CLOSED;
        }
    }
    for (int i = 0; i < n; i++) {
        size_t skip = LC_MIN(sent, v[i].n);

        sent -= skip;
        if (skip == v[i].n)
            release_obj(c, v[i].obj);
        else if (queued == LC_OK)
            queued = lc_outq_push(&c->out, &v[i], skip);
        else
            release_obj(c, v[i].obj);
    }
    if (queued != LC_OK) {
        lc_h1_lost(c);
        return queued;
    }
    return lc_outq_is_full(&c->out) ? LC_AGAIN : LC_OK;
}

/* Small answer, whole: the body goes into the head's block. */
static enum lc_rc send_small(struct lc_h1_conn *c, struct lc_exchange *x,
                             const struct lc_piece *piece, bool is_last)
{
    struct lc_response *r = &x->res;
    struct lc_piece one = {0};
    char *head, *at;
    enum lc_rc rc;

    if ((rc = finish_head(c, x, &head)) != LC_OK) {
        release_obj(c, piece->obj);
        return rc;
    }
    at = r->block.p + r->block.len;
    if (r->is_chunked && piece->n > 0)
        at += lc_chunk_head(piece->n, at);
    if (piece->n > 0)
        at = (char *)memcpy(at, piece->p, piece->n) + piece->n;
    if (r->is_chunked && piece->n > 0)
        at = (char *)memcpy(at, "\r\n", 2) + 2;
    if (r->is_chunked && is_last)
        at = (char *)memcpy(at, "0\r\n\r\n", 5) + 5;
    release_obj(c, piece->obj);
    if (is_last && lc_h1_may_cork(c)) {
        r->block.len = (uint32_t)(at - r->block.p);
        lc_h1_cork(c, &r->block, (uint32_t)(head - r->block.p));
        return LC_OK;
    }
    one.p = head;
    one.n = (size_t)(at - head);
    return send_pieces(c, &one, 1);
}

static enum lc_rc send_gathered(struct lc_h1_conn *c, struct lc_exchange *x,
                                const struct lc_piece *v, int n, bool is_last)
{
    struct lc_response *r = &x->res;
    struct lc_piece out[PIECES_MAX + 4];
    char size_line[24];
    size_t total = 0;
    int m = 0;
    enum lc_rc rc;
    char *head;

    for (int i = 0; i < n; i++)
        total += v[i].n;
    if (!r->is_head_sent) {
        if ((rc = finish_head(c, x, &head)) != LC_OK) {
            release_all(c, v, n);
            return rc;
        }
        out[m++] = (struct lc_piece){.p = head, .n = (size_t)(r->block.p + r->block.len - head)};
    }
    if (r->is_chunked && total > 0)
        out[m++] = (struct lc_piece){.p = size_line, .n = lc_chunk_head(total, size_line)};
    for (int i = 0; i < n; i++)
        out[m++] = v[i];
    if (r->is_chunked && total > 0)
        out[m++] = (struct lc_piece){.p = "\r\n", .n = 2};
    if (r->is_chunked && is_last)
        out[m++] = (struct lc_piece){.p = "0\r\n\r\n", .n = 5};
    return m > 0 ? send_pieces(c, out, m) : LC_OK;
}

static void drop_bodiless(struct lc_h1_conn *c, struct lc_exchange *x, const struct lc_piece *v,
                          int n)
{
    struct lc_str method = lc_req_text(&x->req, x->req.method);
    bool has_bytes = false;

    for (int i = 0; i < n; i++)
        has_bytes = has_bytes || v[i].n > 0;
    release_all(c, v, n);
    if (!has_bytes || x->res.was_dropped_told)
        return;
    x->res.was_dropped_told = true;
    lc_log_write(c->h1->log, LC_WARNING,
                 "WSGI app sent body bytes on a no-body response (method=%.*s status=%d); dropping "
                 "per RFC 9110.",
                 (int)LC_MIN(method.n, 40), method.p, x->res.status);
}

static bool fits_behind_head(const struct lc_response *r, size_t n)
{
    return n <= COPY_MAX && (size_t)r->block.len + n + 32 <= r->block.cap;
}

/* v holds at most PIECES_MAX pieces, already clipped and without empty ones. */
static enum lc_rc write_some(struct lc_h1_conn *c, struct lc_exchange *x, struct lc_piece *v, int n,
                             bool is_last)
{
    struct lc_piece none = {0};

    if (x->res.content_length == x->res.sent) /* no more can follow, said or not */
        is_last = true;
    if (is_last)
        ((struct lc_h1_request *)(void *)x)->is_ended = true;
    if (!x->res.is_head_sent && n <= 1 && fits_behind_head(&x->res, n ? v[0].n : 0))
        return send_small(c, x, n ? &v[0] : &none, is_last);
    return send_gathered(c, x, v, n, is_last);
}

/* Up to PIECES_MAX pieces, clipped and without empty ones; returns how many, *taken is how many were looked at. */
static int next_batch(struct lc_h1_conn *c, struct lc_exchange *x, const struct lc_piece *v, int n,
                      struct lc_piece *batch, int *taken)
{
    int m = 0, i;

    for (i = 0; i < n && m < PIECES_MAX; i++) {
        batch[m] = v[i];
        batch[m].n = lc_response_clip(&x->res, v[i].n);
        if (batch[m].n > 0)
            m++;
        else
            release_obj(c, v[i].obj);
    }
    *taken = i;
    return m;
}

static enum lc_rc write_all(struct lc_h1_conn *c, struct lc_exchange *x, const struct lc_piece *v,
                            int n, bool is_last)
{
    struct lc_piece batch[PIECES_MAX];
    enum lc_rc rc = LC_OK;
    int i = 0, taken;

    do {
        int m = next_batch(c, x, v + i, n - i, batch, &taken);

        i += taken;
        if (m > 0 || (is_last && i == n))
            rc = write_some(c, x, batch, m, is_last && i == n);
    } while (i < n && (rc == LC_OK || rc == LC_AGAIN));
    if (i < n)
        release_all(c, v + i, n - i);
    return rc;
}

static enum lc_rc h1_write(struct lc_exchange *x, const struct lc_piece *v, int n, bool is_last)
{
    static const struct lc_piece none; /* NULL plus an offset is undefined, even of zero */
    struct lc_h1_conn *c = conn_of(x);
    enum lc_rc rc;

    if (c->is_gone || ((struct lc_h1_request *)(void *)x)->is_ended) {
        release_all(c, v, n);
        return c->is_gone ? LC_CLOSED : LC_OK;
    }
    if (x->res.is_bodiless) {
        drop_bodiless(c, x, v, n);
        n = 0;
    }
    rc = write_all(c, x, n ? v : &none, n, is_last);
    /* What waits leaves when the socket takes it, also while the call goes on. */
    if (!lc_outq_is_empty(&c->out) && !c->is_gone)
        lc_h1_settle_call(c);
    return rc;
}

static enum lc_rc h1_write_file(struct lc_exchange *x, int fd, int64_t off, int64_t n)
{
    struct lc_h1_conn *c = conn_of(x);
    struct lc_piece pieces[2];
    char size_line[24];
    char *head;
    int m = 0;
    enum lc_rc rc;

    n = x->res.is_bodiless || c->is_gone ? 0 : (int64_t)lc_response_clip(&x->res, (size_t)n);
    if (n == 0) {
        lc_file_drop(fd);
        return c->is_gone ? LC_CLOSED : LC_OK;
    }
    if (!x->res.is_head_sent) {
        if ((rc = finish_head(c, x, &head)) != LC_OK) {
            lc_file_drop(fd);
            return rc;
        }
        pieces[m++] =
            (struct lc_piece){.p = head, .n = (size_t)(x->res.block.p + x->res.block.len - head)};
    }
    if (x->res.is_chunked)
        pieces[m++] = (struct lc_piece){.p = size_line, .n = lc_chunk_head((size_t)n, size_line)};
    rc = m > 0 ? send_pieces(c, pieces, m) : LC_OK;
    if (rc != LC_OK && rc != LC_AGAIN) {
        lc_file_drop(fd);
        return rc;
    }
    if ((rc = lc_outq_push_file(&c->out, fd, off, n)) != LC_OK)
        return rc;
    if (x->res.is_chunked) {
        pieces[0] = (struct lc_piece){.p = "\r\n", .n = 2};
        rc = lc_outq_push(&c->out, &pieces[0], 0);
    }
    return rc == LC_OK ? flush_now(c) : rc;
}

void lc_h1_say(struct lc_h1_conn *c, const char *p, size_t n)
{
    struct lc_piece piece = {.p = p, .n = n};

    if (send_pieces(c, &piece, 1) == LC_ENOMEM)
        c->want_close = true;
}

static enum lc_rc h1_informational(struct lc_exchange *x, const char *text, size_t n)
{
    struct lc_h1_conn *c = conn_of(x);

    if (x->res.is_head_sent)
        return LC_EINVAL;
    if (x->req.version_minor == 0 || c->is_gone)
        return LC_OK; /* HTTP/1.0 knows no interim answers (RFC 9110 15.2) */
    lc_h1_say(c, text, n);
    return LC_OK;
}

static enum lc_rc h1_read(struct lc_exchange *x, char *dst, size_t cap, size_t *got)
{
    static const char go_on[] = "HTTP/1.1 100 Continue\r\n\r\n";
    struct lc_h1_conn *c = conn_of(x);
    struct lc_body *b = &x->body;
    enum lc_rc rc = LC_OK;

    *got = 0;
    c->wants_body = false;
    if (lc_body_here(b) == 0 && !b->is_done && !b->is_failed) {
        if (x->req.want_continue && b->received == 0 && !x->res.is_head_sent) {
            x->req.want_continue = false;
            lc_h1_say(c, go_on, sizeof go_on - 1);
        }
        rc = c->is_gone ? LC_CLOSED : lc_h1_body_pump(c);
        if (rc == LC_AGAIN && lc_body_here(b) == 0) {
            lc_h1_await_body(c);
            return LC_AGAIN;
        }
        if (rc != LC_OK && rc != LC_AGAIN)
            lc_h1_body_broke(c, rc);
        lc_loop_refresh(c->h1->loop);
        c->since_ms = c->h1->loop->now_ms; /* when it was last asked for */
    }
    if (lc_body_here(b) > 0)
        return lc_body_take(b, dst, cap, got);
    return b->is_failed ? LC_CLOSED : LC_OK;
}

static bool h1_is_readable(struct lc_exchange *x)
{
    struct lc_h1_conn *c = conn_of(x);

    return c->is_gone || x->body.is_done || x->body.is_failed || lc_body_here(&x->body) > 0;
}

static bool h1_is_writable(struct lc_exchange *x)
{
    struct lc_h1_conn *c = conn_of(x);

    return c->is_gone || !lc_outq_is_full(&c->out);
}

static bool h1_is_gone(struct lc_exchange *x)
{
    struct lc_h1_conn *c = conn_of(x);

    return c->is_gone || c->is_eof || c->stream.ops->is_gone(&c->stream);
}

static size_t h1_take_early(struct lc_exchange *x, char *dst, size_t cap)
{
    struct lc_h1_conn *c = conn_of(x);
    size_t n = LC_MIN(cap, (size_t)(c->in.len - c->wire));

    if (n > 0)
        memcpy(dst, c->in.p + c->wire, n);
    c->wire += (uint32_t)n;
    return n;
}

static int h1_lend_fd(struct lc_exchange *x)
{
    struct lc_h1_conn *c = conn_of(x);

    lc_h1_uncork_one(c);
    c->is_lent = true;
    if (c->is_gone || !lc_stream_set_blocking(&c->stream))
        return -1;
    return c->stream.fd;
}

static void h1_finish(struct lc_exchange *x)
{
    struct lc_h1_conn *c = conn_of(x);
    struct lc_h1_request *r = (struct lc_h1_request *)(void *)x;
    bool is_broken = false;

    if (!c->is_gone && !r->is_ended && (!x->res.is_head_sent || x->res.is_chunked)) {
        if (h1_write(x, NULL, 0, true) == LC_ENOMEM)
            c->want_close = is_broken = true;
    }
    if (!x->res.is_bodiless && x->res.content_length > x->res.sent)
        c->want_close = is_broken = true; /* shorter than promised: only a close tells the client */
    lc_h1_tell_answered(c, is_broken || c->is_gone);
    lc_h1_answered(c);
}

static void h1_cut(struct lc_exchange *x)
{
    struct lc_h1_conn *c = conn_of(x);

    c->want_close = true;
    /* A pipelined request may be on its way: a reset would take the answer with it. */
    c->want_linger = true;
    lc_h1_tell_answered(c, true);
    lc_h1_answered(c);
}

static void h1_fail(struct lc_exchange *x, int status, const char *mesg)
{
    struct lc_h1_conn *c = conn_of(x);

    if (c->is_gone && !x->res.is_head_sent) /* nobody hears it, and yet it failed */
        lc_h1_tell_end(c, (struct lc_exchange_end){.status = status, .is_broken = true});
    if (x->res.is_head_sent || c->is_gone) {
        h1_cut(x);
        return;
    }
    lc_h1_refuse(c, status, mesg, NULL);
}

static void h1_drop(struct lc_exchange *x)
{
    struct lc_h1_conn *c = conn_of(x);

    lc_h1_uncork_one(c);
    c->is_taken = true;
    lc_h1_tell_answered(c, false);
    lc_h1_close(c);
}

static void h1_rest(struct lc_exchange *x)
{
    lc_h1_settle_call(conn_of(x));
}

const struct lc_exchange_ops lc_h1_exchange_ops = {
    .write = h1_write,
    .write_file = h1_write_file,
    .informational = h1_informational,
    .read = h1_read,
    .is_readable = h1_is_readable,
    .is_writable = h1_is_writable,
    .is_gone = h1_is_gone,
    .lend_fd = h1_lend_fd,
    .take_early = h1_take_early,
    .finish = h1_finish,
    .cut = h1_cut,
    .fail = h1_fail,
    .drop = h1_drop,
    .rest = h1_rest,
};
