/* http1/parcel.c - see parcel.h.   Runs in: worker, owner of the engine.
 *
 * Opening fills a new connection's input as if the client had just sent it, and lets the machine of conn.c run; the one
 * difference is the body, which lc_parcel_body sets up where otherwise input.c would begin to decode it. */
#include "http1/parcel.h"

#include "http1/conn_int.h"

#include <string.h>

#define MAGIC   0x4c435052u
#define VERSION 1

_Static_assert(sizeof(struct lc_parcel_head) == 80, "no padding: it goes to another process");
_Static_assert(sizeof(((struct lc_addr *)0)->u) <= sizeof(((struct lc_parcel_head *)0)->peer),
               "an address fits");

/* --- wrapping ------------------------------------------------------------------------------------------------- */

static bool can_move(const struct lc_h1_conn *c)
{
    const struct lc_exchange *x = &c->req->x;

    if (c->state != LC_H1_CALL || x->is_handed || !x->body.is_done || x->body.is_failed)
        return false;
    if (c->is_gone || c->is_lent || c->is_answering || c->want_close || x->res.is_head_sent)
        return false;
    return c->stream.fd >= 0 && c->stream.ops->is_plain && lc_outq_is_empty(&c->out) && !c->cork.p;
}

static size_t size_of(const struct lc_h1_conn *c, uint32_t head_len)
{
    const struct lc_body *b = &c->req->x.body;

    return sizeof(struct lc_parcel_head) + head_len + (b->mem_len - b->mem_off) +
           (c->in.len - c->wire);
}

/* Where the head ends is where its body's window began. */
static uint32_t head_len_of(const struct lc_h1_conn *c)
{
    return (uint32_t)(c->req->x.body.mem - c->in.p) - c->at;
}

enum lc_rc lc_parcel_wrap(struct lc_exchange *x, struct lc_parcel *p)
{
    struct lc_h1_conn *c = x->conn;
    struct lc_body *b = &x->body;
    uint32_t head_len;
    enum lc_rc rc;

    LC_OBJ(c, CONN);
    if (!can_move(c))
        return LC_EUNSUP;
    head_len = head_len_of(c);
    if (size_of(c, head_len) > LC_PARCEL_MAX && b->mem_len > b->mem_off &&
        (rc = lc_body_spill(b, c->h1->tmp_dir)) != LC_OK)
        return rc;
    if (size_of(c, head_len) > LC_PARCEL_MAX)
        return LC_ELIMIT;
    p->head = (struct lc_parcel_head){
        .magic = MAGIC,
        .version = VERSION,
        .is_eof = c->is_eof,
        .family = c->peer.family,
        .listener = c->listener,
        .head_len = head_len,
        .body_len = b->mem_len - b->mem_off,
        .rest_len = c->in.len - c->wire,
        .file_len = (uint64_t)lc_spool_here(&b->file),
        .started_ms = x->started_ms,
        .ready_ms = x->ready_ms,
    };
    memcpy(p->head.peer, &c->peer.u, sizeof c->peer.u);
    p->v[0] = (struct iovec){&p->head, sizeof p->head};
    p->v[1] = (struct iovec){c->in.p + c->at, head_len};
    p->v[2] = (struct iovec){b->mem + b->mem_off, p->head.body_len};
    p->v[3] = (struct iovec){c->in.p + c->wire, p->head.rest_len};
    p->fds[0] = c->stream.fd;
    p->fds[1] = b->file.fd;
    p->nfds = p->head.file_len > 0 ? 2 : 1;
    return LC_OK;
}

void lc_parcel_sent(struct lc_exchange *x)
{
    struct lc_h1_conn *c = x->conn;

    LC_OBJ(c, CONN);
    c->req->is_told = true; /* it does not end here, */
    c->is_taken = true;     /* and the connection is closed, but not shut */
    lc_h1_close(c);
}

/* --- opening -------------------------------------------------------------------------------------------------- */

struct lc_parcel_in {
    struct lc_parcel_head head;
    int file_fd;
};

static bool is_address(const struct lc_parcel_head *h)
{
    return h->family == LC_ADDR_UNIX || h->family == LC_ADDR_IP4 || h->family == LC_ADDR_IP6;
}

static bool is_sound(const struct lc_h1 *h1, const struct lc_parcel_head *h, size_t n,
                     bool has_file)
{
    uint64_t all = (uint64_t)h->head_len + h->body_len + h->rest_len;

    if (h->magic != MAGIC || h->version != VERSION || h->reserved != 0 || !is_address(h))
        return false;
    if (all != n - sizeof *h || h->head_len == 0 || h->listener >= h1->nlisteners)
        return false;
    return h->file_len <= INT64_MAX - LC_PARCEL_MAX && has_file == (h->file_len > 0);
}

static void address_of(const struct lc_parcel_head *h, struct lc_addr *peer)
{
    memset(peer, 0, sizeof *peer);
    peer->family = h->family;
    if (h->family == LC_ADDR_IP4) {
        memcpy(&peer->u.ip4, h->peer, sizeof peer->u.ip4);
        peer->u.ip4.sin_family = AF_INET;
    } else if (h->family == LC_ADDR_IP6) {
        memcpy(&peer->u.ip6, h->peer, sizeof peer->u.ip6);
        peer->u.ip6.sin6_family = AF_INET6;
    }
}

/* In place of lc_h1_body_begin.  The spool's descriptor changes hands here. */
enum lc_rc lc_parcel_body(struct lc_h1_conn *c, size_t head_len)
{
    struct lc_parcel_in *in = c->h1->parcel;
    const struct lc_parcel_head *h = &in->head;
    struct lc_exchange *x = &c->req->x;
    struct lc_body *b = &x->body;
    int64_t max = c->h1->limits->body, length = LC_MAX(x->req.content_length, 0);

    c->h1->parcel = NULL;
    lc_body_init(b, x->req.is_chunked ? -1 : length);
    b->mem = c->in.p + head_len;
    b->received = (int64_t)(h->file_len + h->body_len);
    if (head_len != h->head_len || (b->length >= 0 && b->received != b->length))
        return LC_CLOSED; /* not what it says it is */
    if (max > 0 && b->received > max)
        return LC_ELIMIT;
    b->mem_len = h->body_len;
    b->file = (struct lc_spool){.fd = in->file_fd, .write_at = (int64_t)h->file_len};
    in->file_fd = -1;
    b->is_done = true;
    c->wire = (uint32_t)head_len + h->body_len;
    x->req.want_continue = false; /* it has sent its body */
    x->started_ms = h->started_ms;
    x->ready_ms = h->ready_ms;
    x->is_handed = true;
    return LC_OK;
}

static enum lc_rc fill(struct lc_h1_conn *c, const char *p, size_t n)
{
    enum lc_rc rc = lc_buf_reserve(&c->in, &c->h1->blocks, n, n);

    if (rc != LC_OK)
        return rc;
    memcpy(c->in.p, p, n);
    c->in.len = (uint32_t)n;
    return LC_OK;
}

/* Takes the stream, and in->file_fd if the request is what it should be. */
static enum lc_rc admit(struct lc_h1 *h1, struct lc_parcel_in *in, struct lc_stream *s,
                        struct lc_str bytes)
{
    struct lc_h1_conn *c;
    struct lc_addr peer;
    bool is_other;

    address_of(&in->head, &peer);
    if ((c = lc_h1_conn_new(h1, s, &peer, in->head.listener)) == NULL)
        return LC_ENOMEM;
    if (fill(c, bytes.p, bytes.n) != LC_OK) {
        lc_h1_close(c);
        return LC_ENOMEM;
    }
    c->is_eof = in->head.is_eof != 0;
    h1->parcel = in;
    lc_h1_advance_later(&c->later);
    is_other = h1->parcel != NULL && c->state == LC_H1_HEAD; /* no whole head */
    h1->parcel = NULL;
    if (is_other)
        lc_h1_close(c);
    return LC_OK;
}

enum lc_rc lc_parcel_open(struct lc_h1 *h1, struct lc_stream *s, int file_fd, const char *p,
                          size_t n)
{
    struct lc_parcel_in in = {.file_fd = file_fd};
    bool is_parcel = n >= sizeof in.head && n <= LC_PARCEL_MAX;
    enum lc_rc rc = LC_EPROTO;

    if (is_parcel)
        memcpy(&in.head, p, sizeof in.head);
    if (is_parcel && is_sound(h1, &in.head, n, file_fd >= 0))
        rc = admit(h1, &in, s, lc_str_of(p + sizeof in.head, n - sizeof in.head));
    else
        lc_stream_close(s);
    if (in.file_fd >= 0)
        lc_file_drop(in.file_fd);
    return rc;
}
