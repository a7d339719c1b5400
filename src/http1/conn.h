/* http1/conn.h - HTTP/1 connections of one worker: what the worker sets up once, and how connections begin and end. */
#ifndef LC_HTTP1_CONN_H
#define LC_HTTP1_CONN_H

#include "base/base.h"
#include "base/pool.h"
#include "http/exchange.h"
#include "http/limits.h"
#include "http/policy.h"
#include "log/log.h"
#include "loop/loop.h"
#include "net/listener.h"
#include "net/outq.h"
#include "net/stream.h"

#include <time.h>

#define LC_BLOCK_SIZE 16384 /* a busy connection's input, and the head of an answer */

struct lc_h1_conn;
struct lc_parcel_in;

enum lc_h1_state {
    LC_H1_IDLE,   /* between requests: nothing of the next is here */
    LC_H1_HEAD,   /* a head is arriving; also a new connection that has said nothing */
    LC_H1_BODY,   /* a body is arriving that must be whole before the application is called */
    LC_H1_CALL,   /* the handler has it */
    LC_H1_SEND,   /* answered; bytes wait for the client */
    LC_H1_DRAIN,  /* answered and sent; the rest of the request's body is read away */
    LC_H1_LINGER, /* our side is shut; what the client still sends is thrown away */
    LC_H1_CLOSED,
    LC_H1_STATES
};

/* One a worker.  The caller fills the first part; lc_h1_init the rest. */
struct lc_h1 {
    struct lc_loop *loop;
    const struct lc_limits *limits;
    const struct lc_policy *policy;
    struct lc_handler *handler;
    const struct lc_log *log;
    const struct lc_host *host;
    const char *tmp_dir; /* for spooled bodies and answers; NULL: the system's */
    const char *server;  /* the Server field's value */
    uint32_t conns_max;  /* worker_connections */
    uint32_t nlisteners; /* a request that a sibling hands over came in by one of them */

    uint32_t nconns;
    uint32_t counts[LC_H1_STATES]; /* connections by state */
    uint64_t refused[6];           /* answers with the server's own page, by class of status */
    bool is_draining;              /* answers say Connection: close, idle connections are closed */
    bool must_shut; /* a child holds our descriptors: a close must say so to the client */
    bool
        is_turn; /* the thread that steps the engine is inside a turn and may answer more before it waits */
    struct lc_pool blocks, requests, conns;
    struct lc_outq_conf out;
    struct lc_list idle;    /* connections between requests, longest first */
    struct lc_list reading; /* in a head or body, or lingering; longest first */
    struct lc_list other;   /* the rest */
    struct lc_list corked;  /* answered, and waiting for the end of this wake-up (cork.c) */
    struct lc_task uncork;
    uint64_t cork_since_ns; /* when the first of them was corked */
    uint64_t call_ns;       /* what application calls take, by samples */
    uint32_t ncalls;
    struct lc_log_limit complaint, trouble;
    struct lc_parcel_in *parcel; /* the one being opened, until its head is parsed (parcel.c) */
    uint32_t head_max;           /* most bytes of input for one head */
    time_t fixed_s;              /* the second that fixed tells */
    uint32_t fixed_len;
    char fixed[320];                   /* "Server: ...\r\nDate: ...\r\n" */
    void (*on_room)(struct lc_h1 *h1); /* a connection ended: accepting may go on */
    void *on_room_ctx;
};

void lc_h1_init(struct lc_h1 *h1);
void lc_h1_fini(struct lc_h1 *h1); /* closes every connection */

/* A new connection; takes the stream.  At conns_max the longest idle one, else the one longest in its head or body, is
 * closed for it.  Serves at once what has already arrived.  False: no memory. */
bool lc_h1_open(struct lc_h1 *h1, struct lc_stream *s, const struct lc_addr *peer,
                uint32_t listener);
/* Can one more be admitted?  False while all conns_max connections are inside the application or being answered. */
bool lc_h1_has_room(struct lc_h1 *h1);
/* Around an application call: now and then its time is taken, which decides how answers leave (cork.c). */
uint64_t lc_h1_call_began(struct lc_h1 *h1);
void lc_h1_call_ended(struct lc_h1 *h1, uint64_t began);
/* Sends what waits for the end of the turn. */
void lc_h1_uncork(struct lc_h1 *h1);
/* Begins to drain: see is_draining. */
void lc_h1_drain(struct lc_h1 *h1);

#endif
