/* http1/test/feed.h - runs the parsers over bytes that arrive in pieces, and compares what came
 * out.
 *
 * Used by the unit tests and by the fuzz targets.  Each piece lies in a block of its own that ends
 * where the bytes end, so that AddressSanitizer sees one byte too many, and that moves from call to
 * call. */
#ifndef LC_HTTP1_TEST_FEED_H
#define LC_HTTP1_TEST_FEED_H

#include "http1/chunked.h"
#include "http1/parse.h"

enum { FEED_FIELDS_MAX = 256 };

struct head_outcome {
    enum lc_rc rc;
    size_t head_len;
    struct lc_h1_parser ps;
    struct lc_request req; /* base is the whole input again */
    struct lc_field fields[FEED_FIELDS_MAX];
    uint32_t cap_first; /* in: room for fields to begin with; it grows on LC_ENOMEM */
    bool is_trailers;   /* in */
};

/* Feeds prefixes of [p, p+n) that end at cuts[0] < cuts[1] < ..., then all of it, until there is a
 * verdict. */
void feed_head(struct head_outcome *o, const struct lc_limits *limits, struct lc_str in,
               const size_t *cuts, size_t ncuts);
/* NULL when both say the same (but for the length quoted by size errors), else what differs. */
const char *head_difference(const struct head_outcome *a, const struct head_outcome *b);
/* NULL when every span lies where it should, else which one does not. */
const char *head_violation(const struct head_outcome *o, const struct lc_limits *limits, size_t n);

struct body_outcome {
    enum lc_rc rc; /* LC_CLOSED, LC_AGAIN, LC_EPROTO, LC_ELIMIT */
    enum lc_h1_err err;
    size_t used; /* bytes consumed in all */
    size_t n;    /* decoded bytes at data */
    char *data;  /* the caller's, room for the whole input */
};

/* Feeds [0, cuts[0]), [cuts[0], cuts[1]), ... to the decoder. */
void feed_body(struct body_outcome *o, uint32_t line_max, struct lc_str in, const size_t *cuts,
               size_t ncuts);

#endif
