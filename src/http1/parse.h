/* http1/parse.h - one HTTP/1 request head, judged in one place and strictly (RFC 9112 2.2, 3, 5, 6,
 * 7). Pure.
 *
 * Resumable by line: a head that arrives in pieces costs one pass over each complete line and a
 * rescan of the last, incomplete one (bounded by the limits).  Never allocates, never reads past n,
 * keeps no pointers into the input (offsets only), so that the caller may move the bytes between
 * calls. */
#ifndef LC_HTTP1_PARSE_H
#define LC_HTTP1_PARSE_H

#include "http/limits.h"
#include "http/request.h"

enum lc_h1_err {
    LC_H1_OK = 0,
    LC_H1_REQUEST_LINE,      /* 400  Invalid Request Line 'Invalid HTTP request line: '...'' */
    LC_H1_REQUEST_LINE_LF,   /* 400  ... 'bare LF as line terminator' */
    LC_H1_REQUEST_LINE_SIZE, /* 414  Request Line is too large (N > M) */
    LC_H1_METHOD,            /* 400  Invalid Method 'Invalid HTTP method: '...'' */
    LC_H1_VERSION,           /* 400  Invalid HTTP Version '...' */
    LC_H1_HEADER,            /* 400  Invalid HTTP Header: '...' */
    LC_H1_HEADER_NAME,       /* 400  Invalid HTTP header name: '...' */
    LC_H1_FOLDING,           /* 400  Obsolete line folding is unacceptable: '...' */
    LC_H1_FIELDS,            /* 431  Error parsing headers: 'limit request headers fields' */
    LC_H1_FIELD_SIZE,        /* 431  Error parsing headers: 'limit request headers fields size' */
    LC_H1_HEAD_SIZE,  /* 431  ... 'max buffer headers': for callers whose buffer is full, fields and
                         sizes bound us */
    LC_H1_CODING,     /* 501  Unsupported transfer coding: '...' */
    LC_H1_EXPECT,     /* 417  Unable to comply with expectation: '...' */
    LC_H1_HOST,       /* 400  Invalid HTTP Header: 'HOST' (none came, under strict_host) */
    LC_H1_CHUNK_SIZE, /* 400  Invalid chunk size: b'...' */
    LC_H1_CHUNK_EXT,  /* 400  Invalid chunk extension: b'...' */
    LC_H1_CHUNK_END,  /* 400  Invalid chunk terminator is not '\r\n': b'...' */
    LC_H1_ERR_COUNT
};

struct lc_h1_parser {
    const struct lc_limits *limits;
    uint32_t at;         /* start of the first line not yet judged */
    uint32_t scanned;    /* private: no LF in [at, scanned) */
    uint32_t head_start; /* after the one leading CRLF that is tolerated */
    uint8_t phase;       /* private: enum in parse.c */
    bool quote_upper;    /* private: the message shows a name in capitals */
    enum lc_h1_err err;
    struct lc_span where; /* what the message quotes */
};

/* Begins a head.  req->base, fields and fields_cap are the caller's; everything else of req is
 * reset.  base and fields may change between calls (same content), nothing else of req may. */
void lc_h1_parse_init(struct lc_h1_parser *ps, const struct lc_limits *limits,
                      struct lc_request *req);

/* Parses what [req->base, +n) holds so far.
 *   LC_OK      complete; *head_len is where the body, or the next request, begins
 *   LC_AGAIN   more bytes are needed
 *   LC_ENOMEM  req->fields is full: give more (contents kept, fields_cap raised) and call again
 *   LC_EPROTO, LC_ELIMIT   ps->err and ps->where say why; final */
LC_MUST_USE enum lc_rc lc_h1_parse(struct lc_h1_parser *ps, struct lc_request *req, size_t n,
                                   size_t *head_len);

/* The same grammar for the trailer section after the last chunk: fields only, forbidden names
 * refused (Host, Content-Length, Transfer-Encoding, Trailer, Authorization, TE).  trailers->base is
 * the section's first byte, trailers->fields is where they go; then lc_h1_parse() as for a head. */
void lc_h1_parse_trailers_init(struct lc_h1_parser *ps, const struct lc_limits *limits,
                               struct lc_request *trailers);

/* The HTTP status of an error (400, 414, 417, 431, 501). */
int lc_h1_err_status(enum lc_h1_err err);
/* Gunicorn's message for it, as its error page shows it, NUL-terminated within cap (cap > 0); base
 * is what ps->where points into.  Quotes look like Python's repr() and are cut at 200 bytes.
 * Returns the length. */
size_t lc_h1_err_text(const struct lc_h1_parser *ps, const char *base, char *out, size_t cap);
/* The same as Gunicorn's log has it: "Invalid HTTP request line: '...'" without the page's words
 * around it. */
size_t lc_h1_err_log(const struct lc_h1_parser *ps, const char *base, char *out, size_t cap);

#endif
