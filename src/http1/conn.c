/* http1/conn.c - one HTTP/1 connection, from accept to close.   Runs in: worker, owner of the engine.
 *
 * Why a machine and not callbacks: a peer can stop at any byte, and so can the application.
 *
 *   I1  at most one request is open; pipelined bytes wait in c->in behind it.
 *   I2  c->req lives until its answer is complete, also when the client is long gone: the application may still look.
 *   I3  lists, interest and deadline are set in one place, lc_h1_settle, after the machine has come to rest: states that
 *       a fast request passes through within one wake-up cost nothing.
 *   I4  a closed connection's memory is freed at the end of the turn, when no event can name it.
 *
 *        accept -> HEAD -> BODY -> CALL -> SEND -> IDLE -> HEAD ...
 *                    \       \               \-> DRAIN -^
 *                     \-------\-----------\----> LINGER -> CLOSED          any -> CLOSED
 */
#include "http1/conn_int.h"

#define TURN_STEPS 64 /* of one connection before others get their turn */

static const uint16_t moves[LC_H1_STATES] = {
    [LC_H1_IDLE] = LC_BIT(LC_H1_HEAD) | LC_BIT(LC_H1_BODY) | LC_BIT(LC_H1_CALL) |
                   LC_BIT(LC_H1_SEND) | LC_BIT(LC_H1_LINGER) | LC_BIT(LC_H1_CLOSED),
    [LC_H1_HEAD] = LC_BIT(LC_H1_BODY) | LC_BIT(LC_H1_CALL) | LC_BIT(LC_H1_SEND) |
                   LC_BIT(LC_H1_LINGER) | LC_BIT(LC_H1_CLOSED),
    [LC_H1_BODY] =
        LC_BIT(LC_H1_CALL) | LC_BIT(LC_H1_SEND) | LC_BIT(LC_H1_LINGER) | LC_BIT(LC_H1_CLOSED),
    [LC_H1_CALL] = LC_BIT(LC_H1_SEND) | LC_BIT(LC_H1_DRAIN) | LC_BIT(LC_H1_IDLE) |
                   LC_BIT(LC_H1_LINGER) | LC_BIT(LC_H1_CLOSED),
    [LC_H1_SEND] =
        LC_BIT(LC_H1_DRAIN) | LC_BIT(LC_H1_IDLE) | LC_BIT(LC_H1_LINGER) | LC_BIT(LC_H1_CLOSED),
    [LC_H1_DRAIN] = LC_BIT(LC_H1_IDLE) | LC_BIT(LC_H1_LINGER) | LC_BIT(LC_H1_CLOSED),
    [LC_H1_LINGER] = LC_BIT(LC_H1_CLOSED),
};

void lc_h1_goto(struct lc_h1_conn *c, enum lc_h1_state to)
{
    LC_CHECK(moves[c->state] & LC_BIT(to));
    c->h1->counts[c->state]--;
    c->h1->counts[to]++;
    c->state = (uint8_t)to;
}

/* --- requests ------------------------------------------------------------------------------------------------- */

static bool begin_request(struct lc_h1_conn *c)
{
    struct lc_h1_request *r = lc_pool_take(&c->h1->requests);
    struct lc_exchange *x;

    if (r == NULL)
        return false;
    x = &r->x;
    x->magic = LC_MAGIC_EXCHANGE;
    x->ops = &lc_h1_exchange_ops;
    x->conn = c;
    x->listener = c->listener;
    x->peer = &c->peer;
    x->started_ms = c->h1->loop->now_ms;
    lc_list_init(&x->link);
    x->call = NULL;
    x->ready_ms = x->called_ns = x->done_ns = 0;
    x->is_https = x->is_head = x->is_trusted = x->is_handed = false;
    lc_arena_init(&x->arena, x->first, sizeof x->first, c->h1->head_max);
    lc_response_init(&x->res, &c->h1->blocks);
    lc_body_init(&x->body, 0);
    x->req.base = c->in.p + c->at;
    x->req.fields = x->fields;
    x->req.fields_cap = LC_EXCHANGE_FIELDS;
    lc_h1_parse_init(&r->parser, c->h1->limits, &x->req);
    r->trailers = (struct lc_request){0};
    r->is_ended = r->is_told = false;
    c->req = r;
    c->is_answering = false;
    return true;
}

/* The head's block lies with the connection while the answer is corked. */
static struct lc_str fields_of(const struct lc_h1_conn *c, const struct lc_response *res)
{
    const struct lc_buf *b = res->block.p ? &res->block : &c->cork;
    uint32_t end = res->is_head_sent ? res->fields_end : b->len;

    if (!res->is_started || b->p == NULL || end < LC_HEAD_ROOM)
        return LC_STR("");
    return lc_str_of(b->p + LC_HEAD_ROOM, end - LC_HEAD_ROOM);
}

void lc_h1_tell_end(struct lc_h1_conn *c, struct lc_exchange_end end)
{
    struct lc_handler *handler = c->h1->handler;
    struct lc_h1_request *r = c->req;

    if (handler->on_end == NULL || r->is_told)
        return;
    r->is_told = true;
    handler->on_end(handler, &r->x, &end);
}

void lc_h1_tell_answered(struct lc_h1_conn *c, bool is_broken)
{
    struct lc_response *res = &c->req->x.res;

    if (c->h1->handler->on_end == NULL)
        return;
    lc_h1_tell_end(c, (struct lc_exchange_end){.status = res->is_started ? res->status : 0,
                                               .is_broken = is_broken,
                                               .sent = res->sent,
                                               .fields = fields_of(c, res)});
}

static void end_request(struct lc_h1_conn *c)
{
    struct lc_h1_request *r = c->req;

    if (r == NULL)
        return;
    lc_h1_tell_answered(c, true); /* unless it was answered, and told */
    c->req = NULL;
    lc_response_fini(&r->x.res);
    lc_body_fini(&r->x.body);
    lc_arena_fini(&r->x.arena);
    r->x.magic = 0;
    lc_pool_give(&c->h1->requests, r);
}

/* More fields than lie in the exchange: twice the room, from its arena. */
bool lc_h1_grow_fields(struct lc_exchange *x, struct lc_request *req)
{
    uint32_t cap = req->fields_cap * 2;
    struct lc_field *more = lc_arena_alloc(&x->arena, (size_t)cap * sizeof *more);

    if (more == NULL)
        return false;
    memcpy(more, req->fields, (size_t)req->nfields * sizeof *more);
    req->fields = more;
    req->fields_cap = cap;
    return true;
}

/* --- the end of a connection ---------------------------------------------------------------------------------- */

static void free_later(struct lc_task *t)
{
    struct lc_h1_conn *c = LC_CONTAINER_OF(t, struct lc_h1_conn, later);

    c->magic = 0;
    lc_pool_give(&c->h1->conns, c);
}

/* Out of the kernel too: a duplicate of the descriptor, in a child or with the application, would keep it there. */
static void unwatch(struct lc_h1_conn *c)
{
    if (c->watch.fd < 0 || !c->is_watched)
        return;
    if (lc_loop_watch(c->h1->loop, &c->watch, 0) != LC_OK) {
        /* the kernel has forgotten it already */
    }
    lc_loop_forget(c->h1->loop, &c->watch);
    c->is_watched = false;
}

void lc_h1_close(struct lc_h1_conn *c)
{
    struct lc_h1 *h1 = c->h1;
    bool is_shared = !c->is_taken && (c->is_lent || h1->must_shut);

    if (c->state == LC_H1_CLOSED)
        return;
    lc_h1_goto(c, LC_H1_CLOSED);
    unwatch(c);
    if (is_shared)
        c->stream.ops->shut_both(&c->stream);
    lc_stream_close(&c->stream);
    lc_outq_fini(&c->out);
    end_request(c);
    lc_buf_release(&c->in, &h1->blocks);
    lc_buf_release(&c->cork, &h1->blocks);
    lc_timer_cancel(&c->timer);
    lc_list_remove(&c->link);
    lc_task_cancel(&c->later);
    c->later.fn = free_later;
    lc_loop_defer(h1->loop, &c->later);
    h1->nconns--;
    if (h1->on_room)
        h1->on_room(h1);
}

void lc_h1_lost(struct lc_h1_conn *c)
{
    struct lc_handler *handler = c->h1->handler;

    c->is_gone = true;
    if (c->state != LC_H1_CALL) {
        lc_h1_close(c);
        return;
    }
    unwatch(c); /* the application still has the exchange: I2 */
    lc_outq_fini(&c->out);
    lc_outq_init(&c->out, &c->h1->out);
    c->want_close = true;
    if (handler->on_gone)
        handler->on_gone(handler, &c->req->x);
}

/* Unread bytes in the kernel turn a close into a reset that can overtake the answer: shut our side first and read on. */
static void close_slowly(struct lc_h1_conn *c)
{
    bool has_unread = c->want_linger || c->wire < c->in.len || (c->req && !c->req->x.body.is_done);

    if (c->is_eof || c->is_gone || !has_unread) {
        lc_h1_close(c);
        return;
    }
    end_request(c);
    c->in.len = c->at = c->wire = 0;
    c->stream.ops->shut_write(&c->stream);
    lc_h1_goto(c, LC_H1_LINGER);
}

static bool want_drain(const struct lc_h1_conn *c)
{
    const struct lc_body *b = &c->req->x.body;

    return !b->is_done && !b->is_failed && b->length <= LC_H1_DRAIN_MAX + b->received;
}

/* The answer has left: what next. */
static void after_sent(struct lc_h1_conn *c)
{
    struct lc_h1_request *r = c->req;

    if (r && !r->x.body.is_done && !c->want_close) {
        if (c->state != LC_H1_DRAIN && want_drain(c)) {
            lc_h1_goto(c, LC_H1_DRAIN);
            r->drain_end = r->x.body.received + LC_H1_DRAIN_MAX;
            return;
        }
        c->want_close = true;
    }
    if (c->want_close) {
        close_slowly(c);
        return;
    }
    end_request(c);
    c->at = c->wire;
    if (c->at == c->in.len)
        c->at = c->wire = c->in.len = 0;
    lc_h1_goto(c, LC_H1_IDLE);
    c->settled =
        LC_H1_IDLE; /* the next request's call is not this one's, even within one wake-up */
    if (c->is_eof && c->in.len == 0)
        lc_h1_close(c);
}

static void advance(struct lc_h1_conn *c);

void lc_h1_answered(struct lc_h1_conn *c)
{
    c->is_soon = false;
    lc_loop_refresh(c->h1->loop);
    if (c->is_gone) {
        lc_h1_close(c);
        return;
    }
    if (!lc_outq_is_empty(&c->out) || c->cork.p) {
        if (c->state != LC_H1_SEND)
            lc_h1_goto(c, LC_H1_SEND);
    } else {
        after_sent(c);
    }
    if (!c->is_busy && c->state != LC_H1_CLOSED)
        advance(c);
}

/* --- the machine ---------------------------------------------------------------------------------------------- */

static bool dispatch(struct lc_h1_conn *c)
{
    struct lc_handler *handler = c->h1->handler;

    lc_h1_goto(c, LC_H1_CALL);
    if (!handler->on_request(handler, &c->req->x)) {
        c->is_soon = true;
        return false;
    }
    return c->state == LC_H1_IDLE || c->state == LC_H1_DRAIN;
}

static void say_continue(struct lc_h1_conn *c)
{
    static const char go_on[] = "HTTP/1.1 100 Continue\r\n\r\n";
    struct lc_exchange *x = &c->req->x;

    if (!x->req.want_continue || x->body.is_streamed || x->body.is_done)
        return;
    x->req.want_continue = false;
    if (c->in.len == c->wire) /* a client that does not wait needs no permission */
        lc_h1_say(c, go_on, sizeof go_on - 1);
}

static bool head_done(struct lc_h1_conn *c, size_t head_len)
{
    struct lc_exchange *x = &c->req->x;
    enum lc_rc rc;

    x->is_head = x->req.method_id == LC_METHOD_HEAD;
    if (!lc_h1_judge_policy(c))
        return false;
    rc = LC_UNLIKELY(c->h1->parcel != NULL) ? lc_parcel_body(c, head_len)
                                            : lc_h1_body_begin(c, head_len);
    if (rc != LC_OK) {
        c->req->parser.err = LC_H1_OK;
        lc_h1_refuse_body(c, rc);
        return false;
    }
    if (x->body.is_done)
        return dispatch(c);
    say_continue(c);
    if (c->state == LC_H1_CLOSED)
        return false;
    lc_h1_goto(c, LC_H1_BODY);
    return true;
}

static bool step_head(struct lc_h1_conn *c)
{
    size_t head_len = 0;
    struct lc_h1_request *r;
    enum lc_rc rc;

    if (c->at == c->in.len)
        return false;
    if (c->req == NULL && !begin_request(c)) {
        lc_h1_close(c);
        return false;
    }
    r = c->req;
    while ((rc = lc_h1_parse(&r->parser, &r->x.req, c->in.len - c->at, &head_len)) == LC_ENOMEM) {
        if (!lc_h1_grow_fields(&r->x, &r->x.req)) {
            lc_h1_refuse(c, 503, "", NULL);
            return false;
        }
    }
    if (rc == LC_OK)
        return head_done(c, head_len);
    if (rc != LC_AGAIN) {
        lc_h1_refuse_parse(c, &r->parser, r->x.req.base);
        return false;
    }
    if (c->state == LC_H1_IDLE)
        lc_h1_goto(c, LC_H1_HEAD);
    if (c->is_eof)
        lc_h1_close(c);
    return false;
}

static bool step_body(struct lc_h1_conn *c)
{
    struct lc_body *b = &c->req->x.body;
    enum lc_rc rc = LC_OK;

    if (!b->is_streamed)
        rc = lc_h1_body_pump(c);
    if (rc == LC_AGAIN && !b->is_streamed)
        return false;
    if (rc != LC_OK && rc != LC_AGAIN) {
        lc_h1_refuse_body(c, rc);
        return false;
    }
    return dispatch(c);
}

static bool step_drain(struct lc_h1_conn *c)
{
    struct lc_body *b = &c->req->x.body;
    enum lc_rc rc;

    do {
        b->mem_off = b->mem_len;
        rc = lc_h1_body_pump(c);
    } while (rc == LC_OK && !b->is_done && b->mem_len > b->mem_off &&
             b->received <= c->req->drain_end);
    if (rc == LC_AGAIN && b->received <= c->req->drain_end)
        return false;
    if (!b->is_done)
        c->want_close = true;
    after_sent(c);
    return c->state == LC_H1_IDLE;
}

static bool step(struct lc_h1_conn *c)
{
    switch ((enum lc_h1_state)c->state) {
    case LC_H1_IDLE:
    case LC_H1_HEAD:
        return step_head(c);
    case LC_H1_BODY:
        return step_body(c);
    case LC_H1_DRAIN:
        return step_drain(c);
    default:
        return false;
    }
}

/* Serves what is here until it comes to rest. */
static void advance(struct lc_h1_conn *c)
{
    int left = TURN_STEPS;

    c->is_busy = true;
    while (left > 0 && step(c))
        left--;
    c->is_busy = false;
    if (left == 0 && c->state != LC_H1_CLOSED)
        lc_loop_defer(c->h1->loop, &c->later);
    lc_h1_settle(c);
}

void lc_h1_advance_later(struct lc_task *t)
{
    advance(LC_CONTAINER_OF(t, struct lc_h1_conn, later));
}

/* --- events --------------------------------------------------------------------------------------------------- */

static void throw_away(struct lc_h1_conn *c)
{
    char waste[4096];
    size_t got;
    enum lc_rc rc = LC_OK;

    for (int i = 0; i < 16 && rc == LC_OK; i++)
        rc = lc_stream_read(&c->stream, waste, sizeof waste, &got);
    if (rc != LC_OK && rc != LC_AGAIN)
        lc_h1_close(c);
}

void lc_h1_read_head(struct lc_h1_conn *c)
{
    enum lc_rc rc;

    if (!lc_h1_head_room(c)) {
        lc_h1_close(c);
        return;
    }
    rc = lc_h1_fill(c);
    if (rc == LC_CLOSED) {
        c->is_eof = true;
        if (c->at == c->in.len || c->req) {
            lc_h1_close(c);
            return;
        }
    } else if (rc == LC_EIO || rc == LC_EPROTO) {
        lc_h1_close(c);
        return;
    }
    advance(c);
}

/* The application reads while the body arrives; the keeper fills its window. */
static void read_stream(struct lc_h1_conn *c)
{
    struct lc_body *b = &c->req->x.body;
    enum lc_rc rc = LC_OK;

    if (c->wants_body && !b->is_done && !b->is_failed && lc_body_here(b) == 0)
        rc = lc_h1_body_pump(c);
    if (rc != LC_OK && rc != LC_AGAIN)
        lc_h1_body_broke(c, rc);
}

static void on_readable(struct lc_h1_conn *c)
{
    switch ((enum lc_h1_state)c->state) {
    case LC_H1_IDLE:
    case LC_H1_HEAD:
        lc_h1_read_head(c);
        break;
    case LC_H1_BODY:
    case LC_H1_DRAIN:
        advance(c);
        break;
    case LC_H1_CALL:
        read_stream(c);
        break;
    case LC_H1_LINGER:
        throw_away(c);
        break;
    default:
        break;
    }
}

static void on_writable(struct lc_h1_conn *c)
{
    size_t sent = 0;
    enum lc_rc rc = lc_outq_flush(&c->out, &c->stream, &sent);

    c->moved += sent;
    if (rc == LC_AGAIN)
        return;
    if (rc != LC_OK) {
        lc_h1_lost(c);
        return;
    }
    if (c->state == LC_H1_SEND) {
        after_sent(c);
        if (c->state == LC_H1_IDLE || c->state == LC_H1_DRAIN)
            advance(c);
    }
}

void lc_h1_on_event(struct lc_watch *w, uint32_t events)
{
    struct lc_h1_conn *c = LC_CONTAINER_OF(w, struct lc_h1_conn, watch);

    LC_OBJ(c, CONN);
    if (c->state == LC_H1_CLOSED)
        return;
    if ((events & LC_WRITE) && !lc_outq_is_empty(&c->out))
        on_writable(c);
    if (c->state != LC_H1_CLOSED && (events & (LC_READ | LC_HUP)))
        on_readable(c);
    if (c->state == LC_H1_CLOSED)
        return;
    if ((events & LC_HUP) && (c->state == LC_H1_CALL || c->state == LC_H1_SEND))
        lc_h1_lost(c);
    lc_h1_settle(c);
    lc_h1_settle_interest(c, events);
}
