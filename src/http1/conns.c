/* http1/conns.c - all HTTP/1 connections of a worker: how they begin, which one makes room, how they drain and end.
 * Runs in: worker, owner of the engine. */
#include "http1/conn_int.h"

#include <string.h>

#define IDLE_GRACE_MS \
    1000 /* a connection idle for less is not the one to close when room is needed */

/* The one to close for a newcomer, or NULL. */
static struct lc_h1_conn *victim(struct lc_h1 *h1)
{
    struct lc_h1_conn *idle = LC_LIST_FIRST(&h1->idle, struct lc_h1_conn, link);
    struct lc_h1_conn *slow = LC_LIST_FIRST(&h1->reading, struct lc_h1_conn, link);

    if (idle == NULL || (slow && h1->loop->now_ms - idle->since_ms < IDLE_GRACE_MS))
        return slow;
    return idle;
}

bool lc_h1_has_room(struct lc_h1 *h1)
{
    return h1->nconns < h1->conns_max || victim(h1) != NULL;
}

static void make_room(struct lc_h1 *h1)
{
    struct lc_h1_conn *c = h1->nconns < h1->conns_max ? NULL : victim(h1);

    if (c)
        lc_h1_close(c);
}

struct lc_h1_conn *lc_h1_conn_new(struct lc_h1 *h1, struct lc_stream *s, const struct lc_addr *peer,
                                  uint32_t listener)
{
    struct lc_h1_conn *c;

    make_room(h1);
    if ((c = lc_pool_take(&h1->conns)) == NULL) {
        lc_stream_close(s);
        return NULL;
    }
    *c = (struct lc_h1_conn){
        .magic = LC_MAGIC_CONN,
        .state = LC_H1_HEAD,
        .settled = LC_H1_CLOSED,
        .listener = listener,
        .h1 = h1,
        .stream = *s,
        .watch = {.fd = s->fd, .fn = lc_h1_on_event},
        .peer = *peer,
    };
    lc_list_init(&c->link);
    lc_timer_init(&c->timer, lc_h1_on_timer);
    lc_task_init(&c->later, lc_h1_advance_later);
    lc_outq_init(&c->out, &h1->out);
    h1->nconns++;
    h1->counts[LC_H1_HEAD]++;
    return c;
}

bool lc_h1_open(struct lc_h1 *h1, struct lc_stream *s, const struct lc_addr *peer,
                uint32_t listener)
{
    struct lc_h1_conn *c = lc_h1_conn_new(h1, s, peer, listener);

    if (c == NULL)
        return false;
    lc_h1_read_head(
        c); /* what came with the handshake is served before the poller even knows the connection */
    return true;
}

static void close_list(struct lc_list *l)
{
    while (!lc_list_is_empty(l))
        lc_h1_close(LC_CONTAINER_OF(l->next, struct lc_h1_conn, link));
}

/* Between requests, or new and silent. */
static bool has_no_request(const struct lc_h1_conn *c)
{
    return c->state == LC_H1_IDLE || (c->state == LC_H1_HEAD && c->req == NULL);
}

static void move_silent(struct lc_list *from, struct lc_list *to)
{
    struct lc_list *next;

    for (struct lc_list *e = from->next; e != from; e = next) {
        next = e->next;
        if (!has_no_request(LC_CONTAINER_OF(e, struct lc_h1_conn, link)))
            continue;
        lc_list_remove(e);
        lc_list_append(to, e);
    }
}

/* Connections without a request in hand: a last look at what may have arrived, then closed. */
void lc_h1_drain(struct lc_h1 *h1)
{
    struct lc_list batch;

    h1->is_draining = true;
    lc_list_init(&batch);
    move_silent(&h1->idle, &batch);
    move_silent(&h1->reading, &batch);
    while (!lc_list_is_empty(&batch)) {
        struct lc_h1_conn *c = LC_CONTAINER_OF(batch.next, struct lc_h1_conn, link);

        lc_list_remove(&c->link);
        lc_h1_read_head(c);
        if (has_no_request(c))
            lc_h1_close(c);
    }
}

void lc_h1_init(struct lc_h1 *h1)
{
    const struct lc_limits *lim = h1->limits;
    uint64_t fields = lim->fields && lim->fields <= 32768 ? lim->fields : 32768;
    uint64_t size = lim->field_size ? lim->field_size : 8190;
    uint64_t head =
        (lim->request_line ? lim->request_line : 1u << 20) + fields * (size + 2) + LC_BLOCK_SIZE;

    h1->head_max = (uint32_t)LC_MIN(head, (uint64_t)1 << 30);
    h1->nconns = 0;
    memset(h1->counts, 0, sizeof h1->counts);
    h1->fixed_s = 0;
    lc_list_init(&h1->idle);
    lc_list_init(&h1->reading);
    lc_list_init(&h1->other);
    lc_list_init(&h1->corked);
    lc_task_init(&h1->uncork, lc_h1_uncork_task);
    h1->call_ns = h1->ncalls = 0;
    h1->parcel = NULL;
    lc_pool_init(&h1->blocks, LC_BLOCK_SIZE, 64);
    lc_pool_init(&h1->requests, sizeof(struct lc_h1_request), 64);
    lc_pool_init(&h1->conns, sizeof(struct lc_h1_conn), 256);
    h1->out = (struct lc_outq_conf){.host = h1->host,
                                    .spool_dir = h1->tmp_dir,
                                    .mem_max = lim->out_memory,
                                    .spool_max = lim->out_file};
}

void lc_h1_fini(struct lc_h1 *h1)
{
    h1->on_room = NULL;
    close_list(&h1->idle);
    close_list(&h1->reading);
    close_list(&h1->corked);
    lc_task_cancel(&h1->uncork);
    close_list(&h1->other);
    lc_loop_step(h1->loop, 0); /* the closed ones are freed at the end of a turn */
    lc_pool_fini(&h1->blocks);
    lc_pool_fini(&h1->requests);
    lc_pool_fini(&h1->conns);
}
