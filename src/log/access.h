/* log/access.h - lines of the access log: Gunicorn's format, compiled once into operations, and applied to a record.
 *
 *     %(h)s %(l)s %(u)s %(t)s "%(r)s" %(s)s %(b)s "%(f)s" "%(a)s"
 *
 * What came from outside is escaped, so that one request is one line and a quoted field ends at its quote: `"` and `\`
 * get a `\` before them, control characters and bytes that are no UTF-8 become \xHH.  Pure; a format is used by one
 * thread at a time. */
#ifndef LC_LOG_ACCESS_H
#define LC_LOG_ACCESS_H

#include "base/base.h"
#include "base/str.h"

#include <sys/types.h>
#include <time.h>

#define LC_ACCESS_FORMAT_MAX 2048 /* bytes of a format */
#define LC_ACCESS_OPS_MAX    256
#define LC_ACCESS_LINE_MIN   4096 /* every line can be cut to this */

/* The texts of a record, by number; a format says which it needs. */
enum lc_access_text {
    LC_ACCESS_REMOTE, /* h; "" when the peer has no address */
    LC_ACCESS_METHOD,
    LC_ACCESS_TARGET, /* as it was sent */
    LC_ACCESS_PROTOCOL,
    LC_ACCESS_PATH, /* U, decoded */
    LC_ACCESS_QUERY,
    LC_ACCESS_AUTHORIZATION, /* the field: u is made of it */
    LC_ACCESS_REFERER,
    LC_ACCESS_AGENT,
    LC_ACCESS_TEXTS
};

#define LC_ACCESS_NEEDS_DURATION LC_BIT(LC_ACCESS_TEXTS)

enum lc_access_source { LC_ACCESS_IN, LC_ACCESS_OUT, LC_ACCESS_ENVIRON };

/* One request and its answer.  Where p of a text is NULL there is none, and the line says "-". */
struct lc_access_record {
    struct lc_str text[LC_ACCESS_TEXTS];
    int status; /* 0: none */
    int64_t sent;
    uint64_t took_ns;
    time_t now;
    pid_t pid;
    /* {name}i, {name}o, {name}e, in whatever case the format has it; may be NULL. */
    struct lc_str (*named)(void *ctx, enum lc_access_source from, struct lc_str name);
    void *ctx;
};

struct lc_access_op;

struct lc_access_format {
    struct lc_access_op *ops;
    size_t nops;
    uint32_t needs; /* LC_BIT of the texts, LC_ACCESS_NEEDS_DURATION */
    time_t stamp_s; /* the second that stamp tells */
    size_t stamp_len;
    char stamp[40];
    size_t text_len;
    char text[LC_ACCESS_FORMAT_MAX +
              16]; /* literals and names; 16 more: they are copied in pieces of that size */
};

/* LC_EINVAL: *at is where the format cannot be understood.  LC_ELIMIT: it is too long.  LC_ENOMEM. */
LC_MUST_USE enum lc_rc lc_access_compile(struct lc_access_format *f, struct lc_str text,
                                         size_t *at);
void lc_access_free(struct lc_access_format *f);
/* Writes the line with its LF, and perhaps more within cap; returns its length.  cap >= LC_ACCESS_LINE_MIN; a line that would be longer is cut in its
 * longest field, which then ends in "...". */
size_t lc_access_line(struct lc_access_format *f, const struct lc_access_record *r, char *dst,
                      size_t cap);

#endif
