/* net/outq.h - what was produced for a client and not sent yet.
 *
 * Three kinds of waiting bytes, sent in order: objects of the guest kept by reference (a whole body: no bound), copies
 * in memory (bounded by mem_max), and regions of files (the application's own file, or the spool: one unlinked file a
 * connection that takes what exceeds mem_max, bounded by spool_max).  The fast path never comes here: the writer sends
 * at once and queues only what the socket did not take. */
#ifndef LC_NET_OUTQ_H
#define LC_NET_OUTQ_H

#include "base/base.h"
#include "base/list.h"
#include "loop/host.h"
#include "net/spool.h"
#include "net/stream.h"

struct lc_piece {
    const char *p;
    size_t n;
    void *
        obj; /* keeps p alive; given to host.release once sent or dropped; NULL: copied if it must wait */
    bool
        is_whole; /* part of a body that the application has handed over whole: kept by reference, not spooled */
};

struct lc_outq_conf {
    const struct lc_host *host; /* may be NULL when no piece has an obj */
    const char *spool_dir;      /* NULL: the system's */
    size_t mem_max;
    int64_t spool_max;
};

struct lc_outq {
    const struct lc_outq_conf *conf;
    struct lc_list items;
    int64_t pending;    /* bytes not sent yet, of all kinds */
    size_t mem_pending; /* those held in memory and counted against mem_max */
    struct lc_spool spool;
    int64_t spool_pending;
    bool is_spool_broken; /* no disk: memory alone is left, and the application is held sooner */
};

void lc_outq_init(struct lc_outq *q, const struct lc_outq_conf *conf);
void lc_outq_fini(struct lc_outq *q); /* drops what waits */

static inline bool lc_outq_is_empty(const struct lc_outq *q)
{
    return lc_list_is_empty(&q->items);
}

/* Queues the piece from `skip` on; takes piece->obj in every case.  LC_ENOMEM: the response cannot be completed. */
LC_MUST_USE enum lc_rc lc_outq_push(struct lc_outq *q, const struct lc_piece *piece, size_t skip);
/* Queues n bytes of a file; takes fd in every case. */
LC_MUST_USE enum lc_rc lc_outq_push_file(struct lc_outq *q, int fd, int64_t off, int64_t n);
/* Sends as much as the stream takes.  LC_OK: empty.  LC_AGAIN: the rest waits.  LC_CLOSED: the client is gone, or a file
 * ended before its promised length.  *sent is what went out. */
LC_MUST_USE enum lc_rc lc_outq_flush(struct lc_outq *q, struct lc_stream *s, size_t *sent);
/* True once so much waits that the application must be held; it may go on when this is false again. */
bool lc_outq_is_full(const struct lc_outq *q);

#endif
