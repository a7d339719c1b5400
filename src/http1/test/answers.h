/* http1/test/answers.h - a strict reader of what a server sent: a sequence of answers, each framed as RFC 9112 6 says. */
#ifndef LC_HTTP1_TEST_ANSWERS_H
#define LC_HTTP1_TEST_ANSWERS_H

#include "base/str.h"

struct answer {
    int status;
    struct lc_str line; /* status line without CRLF */
    struct lc_str head; /* all fields, each with its CRLF */
    struct lc_str body; /* as on the wire: with chunk lines when is_chunked */
    size_t body_len;    /* decoded */
    bool is_chunked, is_close, is_until_close;
    int64_t content_length; /* -1: none */
};

struct answers {
    struct lc_str rest; /* not read yet */
    bool is_ended;      /* the server has closed: an answer may then end with the connection */
};

/* The next answer, interim ones (1xx) included.  is_head: it answers a HEAD.  LC_OK; LC_AGAIN: what is there is the
 * beginning of one (or nothing); LC_EPROTO: no server may send this. */
LC_MUST_USE enum lc_rc answers_next(struct answers *a, bool is_head, struct answer *out);
/* The value of a field, LC_STR_NULL when it is not there. */
struct lc_str answer_field(const struct answer *a, const char *name);
/* Copies the body, decoded; dst has room for body_len bytes. */
void answer_body(const struct answer *a, char *dst);

#endif
