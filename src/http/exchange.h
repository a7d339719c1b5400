/* http/exchange.h - THE SEAM.  One request and its answer, between a protocol (HTTP/1 today) and whoever runs applications.
 *
 * A protocol makes exchanges and gives each to a handler when its head, and its body unless streamed, has arrived.  The
 * handler answers through the lc_exchange_* calls, from the thread that owns the engine, and ends with exactly one of
 * lc_exchange_finish, lc_exchange_cut, lc_exchange_fail or lc_exchange_drop; after that the exchange is gone.
 *
 * The handler never learns which protocol it serves; the protocol never learns what runs above it. */
#ifndef LC_HTTP_EXCHANGE_H
#define LC_HTTP_EXCHANGE_H

#include "base/arena.h"
#include "base/base.h"
#include "base/list.h"
#include "http/body.h"
#include "http/request.h"
#include "http/response.h"
#include "net/outq.h"

#define LC_EXCHANGE_FIELDS 48 /* fields without a further allocation */
#define LC_EXCHANGE_ARENA  1024

struct lc_addr;
struct lc_exchange;

struct lc_exchange_ops {
    enum lc_rc (*write)(struct lc_exchange *x, const struct lc_piece *v, int n, bool is_last);
    enum lc_rc (*write_file)(struct lc_exchange *x, int fd, int64_t off, int64_t n);
    enum lc_rc (*informational)(struct lc_exchange *x, const char *text, size_t n);
    enum lc_rc (*read)(struct lc_exchange *x, char *dst, size_t cap, size_t *got);
    bool (*is_readable)(struct lc_exchange *x); /* read would not say LC_AGAIN */
    bool (*is_writable)(struct lc_exchange *x); /* less waits than must hold the application */
    bool (*is_gone)(struct lc_exchange *x);
    int (*lend_fd)(
        struct lc_exchange *x); /* the engine stops reading it; a number, still the engine's */
    /* Bytes that came behind the request and were read already: they belong to whoever takes the connection. */
    size_t (*take_early)(struct lc_exchange *x, char *dst, size_t cap);
    void (*finish)(struct lc_exchange *x);
    void (*cut)(struct lc_exchange *x);
    void (*fail)(struct lc_exchange *x, int status, const char *mesg);
    void (*drop)(struct lc_exchange *x);
    void (*rest)(struct lc_exchange *x);
};

/* How an exchange ended. */
struct lc_exchange_end {
    int status;     /* the answer's, also of the server's own; 0: there was none */
    bool is_broken; /* the answer was not given whole, or the client has left */
    int64_t sent;   /* bytes of its body given to the connection; framing does not count */
    struct lc_str
        fields; /* "Name: value\r\n" ..., the application's; none of the server's own answer */
};

/* Whoever runs applications.  Its functions run in the thread that owns the engine. */
struct lc_handler {
    void *ctx;
    /* A complete request.  True: answered, or kept for long.  False: the handler ends it or says lc_exchange_rest before
     * the engine waits again; until then the protocol spares itself what only a waiting connection needs. */
    bool (*on_request)(struct lc_handler *h, struct lc_exchange *x);
    /* The client left before its answer: nothing reaches it any more.  The exchange still waits for its end, which may
     * come from within, but not where this is said from within one of the handler's own calls.  May be NULL. */
    void (*on_gone)(struct lc_handler *h, struct lc_exchange *x);
    /* Exactly once for each exchange, also one that on_request never saw (refused, or its client left; its request may
     * then be incomplete): its answer is decided, and its memory is still there.  It may look, and call nothing of x.
     * May be NULL. */
    void (*on_end)(struct lc_handler *h, struct lc_exchange *x, const struct lc_exchange_end *end);
};

struct lc_exchange {
    uint32_t magic;
    uint32_t listener; /* index: where it came in */
    const struct lc_exchange_ops *ops;
    void *conn;                 /* the protocol's */
    const struct lc_addr *peer; /* lives as long as the exchange */
    struct lc_request req;
    struct lc_body body;
    struct lc_response res;
    bool is_https;       /* by the listener, or by a trusted peer's word */
    bool is_trusted;     /* the peer may speak for clients */
    bool is_head;        /* HEAD: an answer without a body */
    bool is_handed;      /* a sibling worker had it first; ready_ms is from there */
    uint64_t started_ms; /* when its first byte came */
    struct lc_list link; /* the handler's: its queue */
    uint64_t ready_ms;   /* the handler's: when the request was complete; 0: never */
    uint64_t ready_ns;   /* the handler's: the same, finer; 0: as it is called */
    void *call;          /* the handler's: who runs it */
    uint64_t called_ns;  /* the handler's: when its application was called; 0: it was not */
    uint64_t
        done_ns; /* the handler's: when its answer was complete, if its end comes later; else 0 */
    struct lc_arena arena; /* goes with the exchange */
    struct lc_field fields[LC_EXCHANGE_FIELDS];
    char first[LC_EXCHANGE_ARENA]; /* the arena's first chunk */
};

/* Sends pieces; the head goes with the first.  Takes every piece's obj.  is_last: nothing follows (finish comes at once).
 *   LC_OK      accepted
 *   LC_AGAIN   accepted, but so much waits that the application must pause until is_writable
 *   LC_CLOSED  the client is gone; what was given is dropped
 *   LC_ENOMEM  the answer cannot be completed */
LC_MUST_USE static inline enum lc_rc
lc_exchange_write(struct lc_exchange *x, const struct lc_piece *v, int n, bool is_last)
{
    return x->ops->write(x, v, n, is_last);
}

/* Sends n bytes of a file from off; takes fd. */
LC_MUST_USE static inline enum lc_rc lc_exchange_write_file(struct lc_exchange *x, int fd,
                                                            int64_t off, int64_t n)
{
    return x->ops->write_file(x, fd, off, n);
}

/* Sends a whole 1xx head (status line, fields, empty line) now.  LC_EINVAL once the final head has left. */
LC_MUST_USE static inline enum lc_rc lc_exchange_informational(struct lc_exchange *x,
                                                               const char *text, size_t n)
{
    return x->ops->informational(x, text, n);
}

/* Body bytes.  LC_OK with *got == 0: the end.  LC_AGAIN: wait until is_readable.  LC_CLOSED: it broke off. */
LC_MUST_USE static inline enum lc_rc lc_exchange_read(struct lc_exchange *x, char *dst, size_t cap,
                                                      size_t *got)
{
    return x->ops->read(x, dst, cap, got);
}

/* The answer is complete. */
static inline void lc_exchange_finish(struct lc_exchange *x)
{
    x->ops->finish(x);
}

/* The answer broke off after its head left: the connection is closed so that nobody takes it for whole. */
static inline void lc_exchange_cut(struct lc_exchange *x)
{
    x->ops->cut(x);
}

/* No answer was begun: the server's own page with this status, then close. */
static inline void lc_exchange_fail(struct lc_exchange *x, int status, const char *mesg)
{
    x->ops->fail(x, status, mesg);
}

/* The answer will take a while: the connection is watched and timed meanwhile.  See on_request. */
static inline void lc_exchange_rest(struct lc_exchange *x)
{
    x->ops->rest(x);
}

/* The application took the connection over (hijack): the server's descriptor is closed without a word. */
static inline void lc_exchange_drop(struct lc_exchange *x)
{
    x->ops->drop(x);
}

#endif
