/* http1/chunked.h - the chunked transfer coding (RFC 9112 7.1), decoded as it arrives and encoded.
 * Pure.
 *
 * The decoder consumes bytes and says which of them are data, without copying: the caller moves or
 * stores them. */
#ifndef LC_HTTP1_CHUNKED_H
#define LC_HTTP1_CHUNKED_H

#include "base/base.h"
#include "base/str.h"
#include "http1/parse.h"

struct lc_chunked {
    uint64_t left;     /* data bytes left in the current chunk */
    uint32_t line_len; /* bytes of the size line so far */
    uint32_t line_max; /* limit_request_field_size: bytes of a size line without CRLF */
    uint8_t state;     /* private */
    enum lc_h1_err err;
    struct lc_span where; /* what a message quotes, within the p of the call that failed (ps->where
                             of lc_h1_err_text) */
};

void lc_chunked_init(struct lc_chunked *d, uint32_t line_max);

/* The size may have any number of leading zeros within line_max and must fit 63 bits.  Extensions
 * follow RFC 9112 7.1.1, *( BWS ";" BWS token [ BWS "=" BWS ( token / quoted-string ) ] ), and are
 * ignored.
 * Looks at [p, p+n): consumes *used bytes, of which [p + data->off, + data->len) are body bytes (at
 * most one run a call; the length may be 0).
 *   LC_AGAIN   all n bytes were consumed, more are needed (data->len may be > 0)
 *   LC_OK      a run of data ended before n: call again with the rest
 *   LC_CLOSED  the last chunk's line was consumed: the trailer section begins at p + *used
 *   LC_EPROTO, LC_ELIMIT (size line too long)   d->err says why; final, *used is the bad byte */
LC_MUST_USE enum lc_rc lc_chunked_decode(struct lc_chunked *d, const char *p, size_t n,
                                         size_t *used, struct lc_span *data);

/* Writes "SIZE\r\n" in upper-case hex at `at` (room for 18 bytes); returns the count. */
size_t lc_chunk_head(size_t size, char *at);

#endif
