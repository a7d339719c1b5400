/* http/body.h - a request's body: where its bytes are and how many are still to come.
 *
 *      [file: not yet read part) then [window: mem + mem_off .. mem + mem_len) then the wire
 *
 * The window lies in the connection's input, right behind the head, so a body that arrived with its head is never
 * copied.  Past body_memory it is spilled to an unlinked file.  Who feeds it (HTTP/1 here) owns the window. */
#ifndef LC_HTTP_BODY_H
#define LC_HTTP_BODY_H

#include "base/base.h"
#include "net/spool.h"

struct lc_body {
    int64_t length;   /* announced; -1: chunked */
    int64_t received; /* decoded bytes so far */
    char *mem;        /* the window's start */
    uint32_t mem_off, mem_len;
    struct lc_spool file;
    bool is_done;     /* the last byte has arrived */
    bool is_failed;   /* broken framing or a client that left: what has arrived is all there is */
    bool is_streamed; /* the application reads while it arrives */
    uint16_t fail_status; /* why it failed, as an answer: 400, 408, 413; 0: the client left */
};

void lc_body_init(struct lc_body *b, int64_t length);
void lc_body_fini(struct lc_body *b);

/* Moves the window's bytes to the file (opened in dir at need); the window is empty afterwards. LC_ENOSPC, LC_ENOFD. */
LC_MUST_USE enum lc_rc lc_body_spill(struct lc_body *b, const char *dir);
/* Copies what is here, at most cap bytes; 0 with LC_OK: nothing now. */
LC_MUST_USE enum lc_rc lc_body_take(struct lc_body *b, char *dst, size_t cap, size_t *got);
/* Decoded bytes that can be taken without waiting. */
static inline int64_t lc_body_here(const struct lc_body *b)
{
    return lc_spool_here(&b->file) + (int64_t)(b->mem_len - b->mem_off);
}

#endif
