/* http1/conn_int.h - a connection as the files of this room share it. */
#ifndef LC_HTTP1_CONN_INT_H
#define LC_HTTP1_CONN_INT_H

#include "http1/chunked.h"
#include "http1/conn.h"
#include "http1/parse.h"

#define LC_H1_DRAIN_MAX 65536 /* of an unread body, to keep its connection */

enum lc_h1_phase { LC_H1_DATA, LC_H1_TRAILERS };

/* What exists only while a request is under way. */
struct lc_h1_request {
    struct lc_exchange x; /* first: an exchange of ours is a request of ours */
    struct lc_h1_parser parser;
    struct lc_chunked chunked;
    enum lc_h1_phase phase;
    struct lc_request trailers;
    int64_t drain_end; /* in DRAIN: more than this is not read away */
    bool is_ended;     /* the last chunk, or all of Content-Length, was written */
    bool is_told;      /* the handler has heard of its end */
};

struct lc_h1_conn {
    uint32_t magic;
    uint8_t state;        /* enum lc_h1_state; conn_goto alone writes it */
    uint8_t settled;      /* the state that lists, interest and deadline were last set for */
    uint8_t trust;        /* 0: not asked yet, 1: no, 2: yes */
    bool is_busy : 1;     /* inside advance(): calls from the application only note what happened */
    bool want_close : 1;  /* no request after this one */
    bool want_linger : 1; /* the client may still be sending: close slowly */
    bool is_eof : 1;      /* the client's side has ended */
    bool is_gone : 1;     /* reset, or a write failed: nothing can reach the client */
    bool is_lent : 1;     /* the application holds a duplicate of the descriptor */
    bool is_taken : 1;    /* ... and keeps it: our close must not end the connection */
    bool wants_body : 1;  /* the application waits for more of its body */
    bool is_watched : 1;  /* the poller knows it */
    bool is_answering : 1; /* an answer to the current request has begun */
    bool is_soon : 1;      /* in CALL: the handler said so, nothing is settled yet */
    uint32_t listener;
    struct lc_h1 *h1;
    struct lc_h1_request *req; /* NULL while idle */
    struct lc_buf in;          /* [at: the current request][wire: not judged yet][len */
    uint32_t at, wire;
    struct lc_stream stream;
    struct lc_watch watch;
    struct lc_list link;   /* in one of the lists of h1 */
    struct lc_timer timer; /* fires at or before deadline_ms and looks again */
    struct lc_task later;  /* goes on with pipelined requests, or frees a closed connection */
    uint64_t deadline_ms;  /* 0: none */
    uint64_t since_ms;     /* in this list since */
    uint64_t moved;        /* bytes in or out since the rate was last judged */
    struct lc_addr peer;
    struct lc_outq out;
    struct lc_buf
        cork; /* an answer that leaves with others of this wake-up (cork.c): [cork_from, len) */
    uint32_t cork_from;
};

/* conn.c */
void lc_h1_goto(struct lc_h1_conn *c, enum lc_h1_state to);
void lc_h1_close(struct lc_h1_conn *c);
/* The client cannot be reached any more. */
void lc_h1_lost(struct lc_h1_conn *c);
/* Twice the room for a head's or a trailer section's fields, from the exchange's arena. */
bool lc_h1_grow_fields(struct lc_exchange *x, struct lc_request *req);
/* Tells the handler, the first time, how the open exchange ended. */
void lc_h1_tell_end(struct lc_h1_conn *c, struct lc_exchange_end end);
/* The same, of the application's answer as far as it came. */
void lc_h1_tell_answered(struct lc_h1_conn *c, bool is_broken);
/* The exchange has ended: what the connection does next. */
void lc_h1_answered(struct lc_h1_conn *c);
void lc_h1_advance_later(struct lc_task *t);
/* Reads once, then serves what is here. */
void lc_h1_read_head(struct lc_h1_conn *c);

/* conns.c */
/* A connection that has read nothing yet; takes the stream.  NULL: no memory. */
struct lc_h1_conn *lc_h1_conn_new(struct lc_h1 *h1, struct lc_stream *s, const struct lc_addr *peer,
                                  uint32_t listener);

/* parcel.c */
/* The body of a request that a sibling handed over, in place of lc_h1_body_begin.  LC_CLOSED: it is not what it says. */
LC_MUST_USE enum lc_rc lc_parcel_body(struct lc_h1_conn *c, size_t head_len);

/* cork.c */
#define LC_H1_CORK_NS      500000u
#define LC_H1_CORK_CALL_NS 20000u
#define LC_H1_SAMPLE       16u
/* May this connection's small, complete answer wait for the others of this wake-up? */
bool lc_h1_may_cork(const struct lc_h1_conn *c);
/* Takes the block; the answer lies in it from `from` to its end. */
void lc_h1_cork(struct lc_h1_conn *c, struct lc_buf *block, uint32_t from);
void lc_h1_uncork_task(struct lc_task *t);
/* Sends this one's now. */
void lc_h1_uncork_one(struct lc_h1_conn *c);

/* refuse.c */
/* Answers with the server's own page and closes slowly.  mesg goes into the page, why into the log (NULL: not logged). */
void lc_h1_refuse(struct lc_h1_conn *c, int status, const char *mesg, const char *why);
void lc_h1_refuse_parse(struct lc_h1_conn *c, const struct lc_h1_parser *ps, const char *base);
/* Scheme, trust and underscores, once the head is complete.  False: refused. */
bool lc_h1_judge_policy(struct lc_h1_conn *c);
/* A body that cannot be taken, by what its pump said. */
void lc_h1_refuse_body(struct lc_h1_conn *c, enum lc_rc rc);
/* The same once the application reads it: its next read fails. */
void lc_h1_body_broke(struct lc_h1_conn *c, enum lc_rc rc);

/* settle.c */
/* Lists, deadline and interest for the state the connection has come to rest in. */
void lc_h1_settle(struct lc_h1_conn *c);
/* The same for a call that was to be over soon and is not. */
void lc_h1_settle_call(struct lc_h1_conn *c);
/* After an event: interest that fired although nobody wanted it is given up. */
void lc_h1_settle_interest(struct lc_h1_conn *c, uint32_t events);
/* The application waits for its body: from here on the client's pace is judged. */
void lc_h1_await_body(struct lc_h1_conn *c);
void lc_h1_on_timer(struct lc_timer *t, uint64_t now_ms);
void lc_h1_on_event(struct lc_watch *w, uint32_t events);

/* input.c */
LC_MUST_USE enum lc_rc lc_h1_fill(struct lc_h1_conn *c);
bool lc_h1_head_room(struct lc_h1_conn *c);
/* Sets up the body once the head is complete. */
LC_MUST_USE enum lc_rc lc_h1_body_begin(struct lc_h1_conn *c, size_t head_len);
/* Decodes what is here and reads on, until the body is done, nothing more is there, or (streamed) the window is full.
 * LC_OK: done or window full; LC_AGAIN; LC_CLOSED: broke off; LC_EPROTO, LC_ELIMIT, LC_ENOSPC ... */
LC_MUST_USE enum lc_rc lc_h1_body_pump(struct lc_h1_conn *c);

/* write.c */
extern const struct lc_exchange_ops lc_h1_exchange_ops;
/* Sends or queues bytes of our own that precede or replace an answer. */
void lc_h1_say(struct lc_h1_conn *c, const char *p, size_t n);

#endif
