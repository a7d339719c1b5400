/* http1/cork.c - small answers of one wake-up leave together.   Runs in: worker, owner of the engine.
 *
 * Why: a send wakes the client.  Between two calls of an application that client has answered and fallen asleep again,
 * so each send pays for a wake-up, on some machines more than for all the rest of the I/O.  While further requests of
 * the same wake-up wait to be served anyway, an answer may wait with them, but only shortly:
 *   I1  nothing is corked longer than until the turn ends, or LC_H1_CORK_NS and the call under way have passed.
 *   I2  calls so short that the client stays awake are not corked: it would only idle.
 *   I3  a corked connection is in SEND, in h1->corked, and owns the block that its answer lies in. */
#include "http1/conn_int.h"

bool lc_h1_may_cork(const struct lc_h1_conn *c)
{
    const struct lc_h1 *h1 = c->h1;

    return h1->call_ns >= LC_H1_CORK_CALL_NS && h1->is_turn && lc_loop_has_more(h1->loop) &&
           lc_outq_is_empty(&c->out) && c->wire == c->in.len;
}

void lc_h1_cork(struct lc_h1_conn *c, struct lc_buf *block, uint32_t from)
{
    struct lc_h1 *h1 = c->h1;

    c->cork = *block;
    c->cork_from = from;
    *block = (struct lc_buf){0};
    if (lc_list_is_empty(&h1->corked))
        h1->cork_since_ns = lc_loop_ns();
    lc_list_remove(&c->link);
    lc_list_append(&h1->corked, &c->link);
    lc_loop_defer(h1->loop, &h1->uncork);
}

static void send_corked(struct lc_h1_conn *c)
{
    struct lc_h1 *h1 = c->h1;
    struct lc_buf block = c->cork;
    uint32_t from = c->cork_from;

    lc_list_remove(&c->link);
    c->cork = (struct lc_buf){0};
    lc_h1_say(c, block.p + from, block.len - from);
    if (c->state == LC_H1_CALL && h1->handler->on_end)
        c->req->x.res.block = block; /* its fields are still to be told */
    else
        lc_buf_release(&block, &h1->blocks);
    if (c->state == LC_H1_SEND)
        lc_h1_answered(c);
    else if (c->state == LC_H1_CALL)
        lc_h1_settle(c);
}

void lc_h1_uncork_one(struct lc_h1_conn *c)
{
    if (c->cork.p)
        send_corked(c);
}

void lc_h1_uncork(struct lc_h1 *h1)
{
    while (!lc_list_is_empty(&h1->corked))
        send_corked(LC_CONTAINER_OF(h1->corked.next, struct lc_h1_conn, link));
}

void lc_h1_uncork_task(struct lc_task *t)
{
    lc_h1_uncork(LC_CONTAINER_OF(t, struct lc_h1, uncork));
}

uint64_t lc_h1_call_began(struct lc_h1 *h1)
{
    return h1->ncalls++ % LC_H1_SAMPLE == 0 || !lc_list_is_empty(&h1->corked) ? lc_loop_ns() : 0;
}

void lc_h1_call_ended(struct lc_h1 *h1, uint64_t began)
{
    uint64_t now;

    if (began == 0)
        return;
    now = lc_loop_ns();
    h1->call_ns = (3 * h1->call_ns + (now - began)) / 4;
    if (!lc_list_is_empty(&h1->corked) && now - h1->cork_since_ns > LC_H1_CORK_NS)
        lc_h1_uncork(h1);
}
