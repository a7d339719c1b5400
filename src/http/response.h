/* http/response.h - the head of an answer while the application writes it.
 *
 * Fields are judged and serialised as they are given ("Name: value\r\n", the form HTTP/1 sends and other protocols can
 * walk), so nothing of the guest is kept.  The block leaves LC_HEAD_ROOM bytes free in front: status line, Server, Date,
 * Connection and Transfer-Encoding are written there, right-aligned, when the first body byte decides the framing; a
 * small body is appended behind, and head and body leave in one send. */
#ifndef LC_HTTP_RESPONSE_H
#define LC_HTTP_RESPONSE_H

#include "base/base.h"
#include "base/buf.h"
#include "base/str.h"

#define LC_HEAD_ROOM \
    640 /* 9 + LC_STATUS_MAX + 2 + Server and Date (247) + Connection (24) + Transfer-Encoding (28) */
#define LC_HEAD_MAX   (1u << 20) /* a head beyond this is the application's mistake: 500 */
#define LC_STATUS_MAX 256        /* bytes of "200 OK" */

struct lc_response {
    struct lc_buf block; /* [LC_HEAD_ROOM free][fields] */
    struct lc_pool *pool;
    int status;
    uint16_t line_len;        /* of line */
    char line[LC_STATUS_MAX]; /* "200 OK" */
    int64_t content_length;   /* -1: none was given */
    int64_t sent;             /* body bytes accepted from the application, after clipping */
    uint32_t fields_end;      /* once the head is sent: where in block the fields end */
    bool is_started;          /* a status was given */
    bool is_head_sent;        /* too late to change anything */
    bool is_bodiless;         /* HEAD, 1xx, 204, 304 */
    bool is_chunked;
    bool is_upgrade;       /* Connection: upgrade came from the application */
    bool was_dropped_told; /* the warning about a body without place was given */
};

void lc_response_init(struct lc_response *r, struct lc_pool *pool);
void lc_response_fini(struct lc_response *r);
/* Begins (again): forgets all fields.  line is "200 OK" or "200".  LC_EINVAL when it is no status line. */
LC_MUST_USE enum lc_rc lc_response_begin(struct lc_response *r, struct lc_str line,
                                         bool is_head_request);
/* Adds a field.  Hop-by-hop ones, Server and Date are the server's: dropped with LC_OK.  LC_EINVAL: the name is no token,
 * the value holds a control character, or Content-Length is no number. */
LC_MUST_USE enum lc_rc lc_response_field(struct lc_response *r, struct lc_str name,
                                         struct lc_str value);
/* Clips n body bytes to what Content-Length has left, counts them, returns how many to send. */
size_t lc_response_clip(struct lc_response *r, size_t n);

#endif
