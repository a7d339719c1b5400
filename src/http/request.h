/* http/request.h - one request as every protocol delivers it, without any guest language.
 *
 * All texts are offsets into one block of bytes, `base`: an HTTP/1 head stays where it was received
 * and the block may move while it grows (only base changes then). */
#ifndef LC_HTTP_REQUEST_H
#define LC_HTTP_REQUEST_H

#include "base/base.h"
#include "base/str.h"
#include "http/token.h"

struct lc_span {
    uint32_t off, len;
};

enum lc_field_flag {
    LC_FIELD_UNDERSCORE = 1, /* the name holds '_' */
    LC_FIELD_DROPPED = 2,    /* by policy: the application must not see it */
    LC_FIELD_FOLDED = 4      /* obs-fold was permitted: the value needs lc_field_unfold() */
};

struct lc_field {
    struct lc_span name, value; /* name as sent; value without surrounding blanks */
    uint16_t token;             /* enum lc_token, LC_TOKEN_NONE for names we do not know */
    uint16_t flags;
};

struct lc_request {
    const char *base;
    struct lc_field *fields; /* in wire order */
    uint32_t nfields, fields_cap;

    struct lc_span method, target;
    struct lc_span path, query; /* parts of target, undecoded, without '?'; authority: no path */
    /* enum lc_method, LC_METHOD_OTHER.  Under casefold_http_method it is that of the upper-cased
     * text while `method` is what was sent: callers show lc_method_name(method_id), and upper-case
     * `method` themselves for OTHER. */
    uint16_t method_id;
    uint8_t version_major, version_minor;
    uint8_t target_form; /* enum lc_target_form */
    bool is_keep_alive;  /* the client's wish, by version and Connection; must_close overrides it */
    bool is_chunked;
    bool want_continue; /* Expect: 100-continue */
    bool want_upgrade;  /* Connection lists upgrade and Upgrade is there */
    bool has_host;
    bool must_close;           /* CONNECT, or a transfer coding other than chunked was applied */
    int64_t content_length;    /* -1 when absent */
    struct lc_field *trailers; /* after the body, in the arena of the request; NULL when none */
    uint32_t ntrailers;
};

static inline struct lc_str lc_req_text(const struct lc_request *r, struct lc_span s)
{
    return (struct lc_str){r->base + s.off, s.len};
}

/* The value of a folded field on one line: each line break and the blanks around it become one
 * space (RFC 9112 5.2).  dst has room for raw.n bytes and may equal raw.p; returns the count. */
size_t lc_field_unfold(struct lc_str raw, char *dst);

#endif
