/* http1/settle.c - what a connection at rest waits for: its list, its deadline, its interest.
 * Runs in: worker, owner of the engine.
 *
 * A deadline is only written down; the timer in the wheel fires at or before it, looks again and goes back.  So a
 * kept-alive request moves no timer.  Interest in reading is left on until it fires unwanted, for the same reason. */
#include "http1/conn_int.h"

#define COMPUTED_MS 5000 /* between two waits for a body: more is the application's own time */

static void set_deadline(struct lc_h1_conn *c, uint64_t in_ms)
{
    uint64_t due = c->h1->loop->now_ms + in_ms;

    if (in_ms == 0) { /* a limit that is switched off */
        c->deadline_ms = 0;
        return;
    }
    c->deadline_ms = due;
    if (!lc_timer_is_set(&c->timer) || c->timer.due_ms > due)
        lc_timer_set(&c->h1->loop->timers, &c->timer, due);
}

static void enlist(struct lc_h1_conn *c, struct lc_list *list)
{
    lc_list_remove(&c->link);
    lc_list_append(list, &c->link);
    c->since_ms = c->h1->loop->now_ms;
}

static void settle_idle(struct lc_h1_conn *c)
{
    struct lc_h1 *h1 = c->h1;

    if (c->at == c->in.len)
        lc_buf_release(&c->in, &h1->blocks);
    if (h1->is_draining && c->in.len == 0) {
        lc_h1_close(c);
        return;
    }
    enlist(c, &h1->idle);
    set_deadline(c, h1->limits->idle_ms);
}

static void settle_new_state(struct lc_h1_conn *c)
{
    struct lc_h1 *h1 = c->h1;
    const struct lc_limits *lim = h1->limits;

    c->moved = 0;
    switch ((enum lc_h1_state)c->state) {
    case LC_H1_HEAD:
        if (c->in.len == 0)
            lc_buf_release(&c->in, &h1->blocks);
        enlist(c, &h1->reading);
        set_deadline(c, lim->header_ms);
        break;
    case LC_H1_BODY:
    case LC_H1_DRAIN:
        enlist(c, &h1->reading);
        set_deadline(c, lim->rate_window_ms);
        break;
    case LC_H1_LINGER:
        enlist(c, &h1->reading);
        lc_buf_release(&c->in, &h1->blocks);
        set_deadline(c, lim->linger_ms);
        break;
    default:
        enlist(c, &h1->other);
        set_deadline(c, lim->rate_window_ms);
        break;
    }
}

static bool want_read(const struct lc_h1_conn *c)
{
    const struct lc_body *b;

    switch ((enum lc_h1_state)c->state) {
    case LC_H1_IDLE:
    case LC_H1_HEAD:
    case LC_H1_BODY:
    case LC_H1_DRAIN:
    case LC_H1_LINGER:
        return !c->is_eof;
    case LC_H1_CALL:
        b = &c->req->x.body;
        return c->wants_body && !b->is_done && !b->is_failed && lc_body_here(b) == 0;
    default:
        return false;
    }
}

/* While its request waits or is being served, a connection that the poller does not know yet would be reset unheard. */
static bool hears_of_reset(const struct lc_h1_conn *c)
{
    return c->state == LC_H1_CALL && !c->is_watched && !c->is_lent && !c->is_eof;
}

static void watch(struct lc_h1_conn *c, uint32_t events)
{
    if (c->watch.fd < 0 || c->is_gone)
        return;
    if (lc_loop_watch(c->h1->loop, &c->watch, events) != LC_OK) {
        lc_h1_lost(c); /* the kernel has no room to watch it: one connection is the price */
        return;
    }
    c->is_watched = true;
}

void lc_h1_settle(struct lc_h1_conn *c)
{
    uint32_t want;

    if (c->state == LC_H1_CLOSED || c->cork.p || c->is_soon) /* not at rest */
        return;
    if (c->state == LC_H1_IDLE)
        settle_idle(c);
    else if (c->state != c->settled)
        settle_new_state(c);
    if (c->state == LC_H1_CLOSED)
        return;
    c->settled = c->state;
    want = lc_outq_is_empty(&c->out) ? 0 : LC_WRITE;
    if (want_read(c) || hears_of_reset(c) || (c->watch.events & LC_READ && !c->is_lent))
        want |= LC_READ;
    if (want != c->watch.events)
        watch(c, want);
}

void lc_h1_settle_call(struct lc_h1_conn *c)
{
    c->is_soon = false;
    lc_h1_settle(c);
}

/* What the application computed meanwhile is not the client's fault: after a pause the window begins anew.  Waits that
 * follow each other closely are one, or a client could feed it a byte at a time for ever. */
void lc_h1_await_body(struct lc_h1_conn *c)
{
    lc_loop_refresh(c->h1->loop);
    c->wants_body = true;
    if (c->settled == LC_H1_CALL && c->h1->loop->now_ms - c->since_ms > COMPUTED_MS)
        settle_new_state(c);
    lc_h1_settle_call(c);
    c->since_ms = c->h1->loop->now_ms;
}

void lc_h1_settle_interest(struct lc_h1_conn *c, uint32_t events)
{
    if (c->state == LC_H1_CLOSED || c->is_soon || !(events & (LC_READ | LC_HUP)) || want_read(c))
        return;
    watch(c, lc_outq_is_empty(&c->out) ? 0 : LC_WRITE);
}

/* A minimum rate, not a total: honest slow clients live. */
static bool is_too_slow(struct lc_h1_conn *c, uint32_t min_rate)
{
    uint64_t least = (uint64_t)min_rate * c->h1->limits->rate_window_ms / 1000;
    bool is_slow = c->moved < least;

    c->moved = 0;
    set_deadline(c, c->h1->limits->rate_window_ms);
    return is_slow;
}

static void judge_call(struct lc_h1_conn *c)
{
    const struct lc_limits *lim = c->h1->limits;
    struct lc_body *b = &c->req->x.body;
    bool is_awaited = c->wants_body || c->h1->loop->now_ms - c->since_ms <= COMPUTED_MS;
    bool waits_for_body =
        is_awaited && b->is_streamed && !b->is_done && !b->is_failed && lc_body_here(b) == 0;
    bool waits_for_send = !lc_outq_is_empty(&c->out);
    bool is_slow = is_too_slow(c, waits_for_send ? lim->send_min_rate : lim->body_min_rate);

    if (is_slow && waits_for_send)
        lc_h1_lost(c);
    else if (is_slow && waits_for_body) {
        lc_h1_body_broke(c, LC_AGAIN);
        b->fail_status = 408;
    }
}

static void on_deadline(struct lc_h1_conn *c)
{
    const struct lc_limits *lim = c->h1->limits;

    switch ((enum lc_h1_state)c->state) {
    case LC_H1_HEAD:
        if (c->req)
            lc_h1_refuse(c, 408, "Request head was not complete in time", NULL);
        else
            lc_h1_close(c);
        break;
    case LC_H1_BODY:
        if (is_too_slow(c, lim->body_min_rate))
            lc_h1_refuse(c, 408, "Request body arrives too slowly", NULL);
        break;
    case LC_H1_SEND:
        if (is_too_slow(c, lim->send_min_rate))
            lc_h1_close(c);
        break;
    case LC_H1_CALL:
        judge_call(c);
        break;
    default:
        lc_h1_close(c);
        break;
    }
    lc_h1_settle(c);
}

void lc_h1_on_timer(struct lc_timer *t, uint64_t now_ms)
{
    struct lc_h1_conn *c = LC_CONTAINER_OF(t, struct lc_h1_conn, timer);

    LC_OBJ(c, CONN);
    if (c->deadline_ms == 0)
        return;
    if (c->cork.p) { /* its answer is on the way: that deadline was another state's */
        lc_timer_set(&c->h1->loop->timers, t, now_ms + LC_TIMER_TICK_MS);
        return;
    }
    if (now_ms < c->deadline_ms)
        lc_timer_set(&c->h1->loop->timers, t, c->deadline_ms);
    else
        on_deadline(c);
}
