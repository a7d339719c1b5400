/* http1/parcel.h - a complete request that waits for a thread, as bytes and descriptors for a sibling worker that has one.
 *
 *      [struct lc_parcel_head][head, as it was received][body in memory, decoded][what followed the request]
 *      descriptors: the connection, then the file of a spooled body
 *
 * The sibling parses the head again, by its own limits, and takes the body as it is; from then on the connection is its
 * own.  Numbers are in the machine's order: both ends are forks of one master.  Opening a parcel trusts none of them all
 * the same.
 *
 *   I1  wrapping changes nothing that the client or the application could see: a parcel that finds no taker is dropped.
 *   I2  a request moves once (is_handed): two busy workers do not play ball with it. */
#ifndef LC_HTTP1_PARCEL_H
#define LC_HTTP1_PARCEL_H

#include "http1/conn.h"

#include <sys/uio.h>

#define LC_PARCEL_MAX    131072 /* bytes in all: one message, within the usual socket buffer */
#define LC_PARCEL_PIECES 4
#define LC_PARCEL_FDS    2

/* No padding anywhere. */
struct lc_parcel_head {
    uint32_t magic;
    uint16_t version;
    uint8_t is_eof; /* the client's side has ended */
    uint8_t family; /* enum lc_addr_family */
    uint32_t listener;
    uint8_t peer[28]; /* sockaddr_in or sockaddr_in6 */
    uint32_t head_len, body_len, rest_len;
    uint32_t reserved; /* 0 */
    uint64_t file_len;
    uint64_t started_ms, ready_ms; /* on the clock that all processes share */
};

struct lc_parcel {
    struct lc_parcel_head head;
    struct iovec v[LC_PARCEL_PIECES]; /* points to head, and into the connection */
    int fds[LC_PARCEL_FDS];           /* the connection's, still */
    int nfds;
};

/* Describes a waiting request for one sendmsg; p is good until the exchange or the connection is touched.  LC_EUNSUP: it
 * cannot move (it moved before, an answer has begun, its client is gone, its body is still arriving, it has no plain
 * socket).  LC_ELIMIT: too long.  LC_ENOSPC, LC_ENOFD: a long body could not be put into a file. */
LC_MUST_USE enum lc_rc lc_parcel_wrap(struct lc_exchange *x, struct lc_parcel *p);
/* It is with the sibling: the exchange and the connection are gone from here, and the client has noticed nothing. */
void lc_parcel_sent(struct lc_exchange *x);

/* What arrived becomes a connection whose request the handler is given at once.  Takes the stream and the file (-1: none
 * came), also where they find no use.  LC_EPROTO: no parcel; LC_ENOMEM. */
LC_MUST_USE enum lc_rc lc_parcel_open(struct lc_h1 *h1, struct lc_stream *s, int file_fd,
                                      const char *p, size_t n);

#endif
