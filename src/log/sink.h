/* log/sink.h - where lines go that must never hold up who makes them: one buffer, written once a wake-up.
 *
 *     a regular file         write(2); what does not fit on the disk is dropped
 *     a pipe, a terminal     opened anew without blocking (the inherited one is shared with others), written in pieces
 *                            of at most 4,096 bytes that end at a line's end, so that lines of several processes do not
 *                            mix; what it does not take waits in the buffer
 *     a socket               the same, by MSG_DONTWAIT
 *     any other, or a pipe   a thread of its own writes, and may block
 *     that cannot be reopened
 *
 * The buffer is bounded: beyond it lines are dropped and counted.  The error log hears of it at once and then every
 * minute, and when lines pass again. */
#ifndef LC_LOG_SINK_H
#define LC_LOG_SINK_H

#include "log/log.h"

#define LC_SINK_LINE_MAX 65536u /* of a file's lines */
#define LC_SINK_PIPE_MAX \
    4096u /* of others', and of one write: what a pipe takes whole or not at all */
#define LC_SINK_MAX (1u << 20) /* bytes that wait */

enum lc_sink_kind { LC_SINK_FILE, LC_SINK_PIPE, LC_SINK_SOCKET, LC_SINK_THREAD };

struct lc_sink_writer;

struct lc_sink {
    enum lc_sink_kind kind;
    int fd; /* of FILE, SOCKET and THREAD: borrowed, and the same number when the log is rotated */
    bool is_fd_owned; /* a pipe's, opened anew */
    char *buf;
    size_t len, cap;
    bool is_torn;           /* the first line in buf is the rest of one that was written in part */
    bool is_failing;        /* the error log was told */
    bool has_passed;        /* lines were written since the last drop */
    bool is_over;           /* ... that nobody reads it any more: not said twice */
    enum lc_rc why;         /* of the last drop */
    uint64_t dropped, lost; /* lines: not said yet, and all since it failed */
    uint64_t say_ms, dropped_ms;
    struct lc_sink_writer *writer;
    const struct lc_log *log;
    const char *name; /* "The access log" */
};

/* SIGPIPE must be ignored.  LC_EIO: fd is not open.  LC_ENOMEM. */
LC_MUST_USE enum lc_rc lc_sink_open(struct lc_sink *s, int fd, const char *name,
                                    const struct lc_log *log);
/* The same, with a thread whatever fd is. */
LC_MUST_USE enum lc_rc lc_sink_open_threaded(struct lc_sink *s, int fd, const char *name,
                                             const struct lc_log *log);
/* Writes what it can within the time, and ends it. */
void lc_sink_close(struct lc_sink *s, uint64_t patience_ms);
/* The longest line, with its LF. */
static inline size_t lc_sink_line_max(const struct lc_sink *s)
{
    return s->kind == LC_SINK_FILE ? LC_SINK_LINE_MAX : LC_SINK_PIPE_MAX;
}
/* Room for one line, to be followed by lc_sink_add; NULL: it is dropped, and was counted. */
char *lc_sink_room(struct lc_sink *s);
static inline void lc_sink_add(struct lc_sink *s, size_t n)
{
    s->len += n;
}
/* The end of a wake-up. */
void lc_sink_flush_now(struct lc_sink *s, uint64_t now_ms);
static inline void lc_sink_flush(struct lc_sink *s, uint64_t now_ms)
{
    if (s->len > 0 || s->is_failing || s->dropped > 0 || s->writer)
        lc_sink_flush_now(s, now_ms);
}
/* Lines wait for their reader: flush again soon. */
static inline bool lc_sink_is_waiting(const struct lc_sink *s)
{
    return s->len > 0 && s->kind != LC_SINK_FILE;
}

#endif
