/* ctl/proto.h - the control protocol, as bytes.  Pure.
 *
 *      4 bytes, big-endian: how long the rest is | JSON
 *      {"id": 1, "command": "worker add 2", "args": []}
 *      {"id": 1, "status": "ok", "data": {...}}     {"id": 1, "status": "error", "error": "..."}
 *
 * It is Gunicorn's, so that gunicornc speaks to us and licornectl to Gunicorn.  Either side may send up to 16 MiB there;
 * no command needs more than a line, so requests end at 8 KiB here, and a peer can make the master hold no more. */
#ifndef LC_CTL_PROTO_H
#define LC_CTL_PROTO_H

#include "ctl/json.h"

#define LC_CTL_HEAD        4
#define LC_CTL_REQUEST_MAX 8192       /* bytes after the head */
#define LC_CTL_REPLY_MAX   (16 << 20) /* with the head */
#define LC_CTL_WORDS_MAX   16

/* The first frame in [p, p+n).  LC_OK: *payload points into it, and with its head it has payload->n + LC_CTL_HEAD bytes;
 * LC_AGAIN: it is not all there; LC_ELIMIT: it is too long, which is known as soon as the head is. */
LC_MUST_USE enum lc_rc lc_ctl_frame(const char *p, size_t n, struct lc_str *payload);
void lc_ctl_frame_head(char head[LC_CTL_HEAD], uint32_t n);

struct lc_ctl_request {
    struct lc_str id; /* JSON, as it came; "0" without one */
    int nwords;
    struct lc_str words[LC_CTL_WORDS_MAX]; /* into text */
    const char *error;                     /* set unless LC_OK */
    char text[LC_CTL_REQUEST_MAX];
};

/* The words of a command are split as a shell would: quotes and backslashes.  r->id points into payload.
 * LC_EPROTO: it is not JSON of that shape, and the peer speaks another language; LC_EINVAL: the command cannot be split,
 * or has too many words. */
LC_MUST_USE enum lc_rc lc_ctl_request_parse(struct lc_str payload, struct lc_ctl_request *r);

/* A reply in out, which begins with nothing: frame, id and what `ok` or `fail` says.
 *
 *      lc_ctl_reply_begin -> values of data -> lc_ctl_reply_end        or lc_ctl_reply_fail at any time
 *
 * One that is too long, or that there was no memory for, becomes a failure; LC_ENOMEM: even that had no room. */
void lc_ctl_reply_begin(struct lc_json *out, const struct lc_ctl_request *r);
LC_MUST_USE enum lc_rc lc_ctl_reply_end(struct lc_json *out, const struct lc_ctl_request *r);
LC_MUST_USE enum lc_rc lc_ctl_reply_fail(struct lc_json *out, const struct lc_ctl_request *r,
                                         const char *error);

#endif
