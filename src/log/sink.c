/* log/sink.c - see sink.h.   Runs in: worker, under the owner's lock; one thread of its own for a LC_SINK_THREAD.
 *
 *   I1  buf holds whole lines, but for the first when is_torn.
 *   I2  a line that was begun is finished before another: its rest is never dropped.
 *   I3  nothing here waits but the thread, and lc_sink_close for as long as it is told.
 *   I4  the writer's buffer is the thread's while `len` is not 0, the sink's otherwise. */
#include "log/sink.h"

#include "os/clock.h"
#include "os/fd.h"
#include "os/sock.h"
#include "os/thread.h"

#include <stdlib.h>
#include <string.h>

#define CAP_FIRST (2 * LC_SINK_LINE_MAX)
#define SAY_MS    60000 /* between two lines about what was dropped */
#define CALM_MS   1000  /* without a drop, before it is said that lines pass again */

struct lc_sink_writer {
    struct lc_thread thread;
    struct lc_mutex lock;
    struct lc_cond work, rest;
    char *buf;
    size_t len, cap;
    int fd;
    bool is_ending;
    enum lc_rc rc; /* of the last write that failed */
    uint64_t dropped;
    bool has_passed; /* the last buffer went out whole */
};

static uint64_t count_lines(const char *p, size_t n)
{
    uint64_t lines = 0;

    for (const char *at = p; n > 0 && (at = memchr(at, '\n', n - (size_t)(at - p))) != NULL; at++)
        lines++;
    return lines;
}

/* The longest beginning that is whole lines and at most one pipe's write; all of it if its first line is longer. */
static size_t piece_of(const char *p, size_t n)
{
    const char *end;

    if (n <= LC_SINK_PIPE_MAX)
        return n;
    end = memrchr(p, '\n', LC_SINK_PIPE_MAX);
    return end ? (size_t)(end - p) + 1 : LC_SINK_PIPE_MAX;
}

static const char *reason(enum lc_rc rc)
{
    switch (rc) {
    case LC_ENOSPC:
        return "no space is left";
    case LC_CLOSED:
        return "nobody reads it any more";
    case LC_AGAIN:
        return "its reader is too slow";
    case LC_ENOMEM:
        return "no memory";
    default:
        return "it cannot be written to";
    }
}

/* --- a thread that may block ---------------------------------------------------------------------------------- */

static void write_blocking(struct lc_sink_writer *w, size_t len)
{
    size_t at = 0, done;
    enum lc_rc rc = LC_OK;

    while (at < len && (rc == LC_OK || rc == LC_AGAIN)) {
        rc = lc_fd_write(w->fd, w->buf + at, piece_of(w->buf + at, len - at), &done);
        at += done;
        if (rc == LC_AGAIN) /* somebody made it non-blocking */
            lc_fd_await_room(w->fd, 100);
    }
    lc_mutex_lock(&w->lock);
    w->dropped += count_lines(w->buf + at, len - at);
    w->has_passed = at == len;
    if (rc != LC_OK)
        w->rc = rc;
    w->len = 0;
    lc_cond_broadcast(&w->rest);
}

static void run_writer(void *arg)
{
    struct lc_sink_writer *w = arg;
    size_t len;

    lc_mutex_lock(&w->lock);
    for (;;) {
        while (w->len == 0 && !w->is_ending)
            lc_cond_wait(&w->work, &w->lock);
        if (w->len == 0)
            break;
        len = w->len;
        lc_mutex_unlock(&w->lock);
        write_blocking(w, len); /* returns with the lock */
    }
    lc_mutex_unlock(&w->lock);
}

static enum lc_rc start_writer(struct lc_sink *s)
{
    struct lc_sink_writer *w = calloc(1, sizeof *w);
    enum lc_rc rc;

    if (w == NULL || (w->buf = malloc(CAP_FIRST)) == NULL) {
        free(w);
        return LC_ENOMEM;
    }
    w->cap = CAP_FIRST;
    w->fd = s->fd;
    lc_mutex_init(&w->lock);
    lc_cond_init(&w->work);
    lc_cond_init(&w->rest);
    if ((rc = lc_thread_start(&w->thread, run_writer, w)) != LC_OK) {
        free(w->buf);
        free(w);
        return rc;
    }
    s->writer = w;
    return LC_OK;
}

/* Gives it the buffer and takes the empty one; false while it is busy. */
static bool hand_over(struct lc_sink *s)
{
    struct lc_sink_writer *w = s->writer;
    char *empty;
    size_t cap;

    lc_mutex_lock(&w->lock);
    if (w->dropped > 0) {
        s->dropped += w->dropped;
        s->why = w->rc;
        s->has_passed = false;
        w->dropped = 0;
    }
    s->has_passed = s->has_passed || w->has_passed;
    w->has_passed = false;
    if (w->len > 0 || s->len == 0) {
        bool is_free = w->len == 0;

        lc_mutex_unlock(&w->lock);
        return is_free;
    }
    empty = w->buf;
    cap = w->cap;
    w->buf = s->buf;
    w->cap = s->cap;
    w->len = s->len;
    lc_cond_signal(&w->work);
    lc_mutex_unlock(&w->lock);
    s->buf = empty;
    s->cap = cap;
    s->len = 0;
    return true;
}

/* One that is stuck in its write is left behind with all that it uses: the process is about to end. */
static void end_writer(struct lc_sink *s, uint64_t due_ms)
{
    struct lc_sink_writer *w = s->writer;
    bool is_idle;

    lc_mutex_lock(&w->lock);
    while (w->len > 0 && lc_cond_wait_until(&w->rest, &w->lock, due_ms) == LC_OK) {
    }
    is_idle = w->len == 0;
    w->is_ending = true;
    lc_cond_signal(&w->work);
    lc_mutex_unlock(&w->lock);
    if (!is_idle) {
        lc_log_write(s->log, LC_WARNING, "%s was not written to its end: %s", s->name,
                     reason(LC_AGAIN));
        return;
    }
    lc_thread_join(&w->thread);
    lc_cond_fini(&w->work);
    lc_cond_fini(&w->rest);
    lc_mutex_fini(&w->lock);
    free(w->buf);
    free(w);
    s->writer = NULL;
}

/* --- what is lost --------------------------------------------------------------------------------------------- */

static void say(struct lc_sink *s, uint64_t now_ms)
{
    if (s->dropped > 0) {
        s->dropped_ms = now_ms;
        s->lost += s->dropped;
        if (now_ms >= s->say_ms && !s->is_over) {
            lc_log_write(s->log, LC_WARNING, "%s loses lines: %s (%llu lost so far)", s->name,
                         reason(s->why), (unsigned long long)s->lost);
            s->is_failing = true;
            s->is_over = s->why == LC_CLOSED;
            s->say_ms = now_ms + SAY_MS;
        }
        s->dropped = 0;
    } else if (s->is_failing && s->has_passed && s->len == 0 && now_ms >= s->dropped_ms + CALM_MS) {
        lc_log_write(s->log, LC_WARNING, "%s works again (%llu lines were lost)", s->name,
                     (unsigned long long)s->lost);
        s->is_failing = s->is_over = false;
        s->lost = 0;
    }
}

static void drop_all(struct lc_sink *s, enum lc_rc why)
{
    bool has_rest = s->is_torn && why != LC_CLOSED; /* nobody will read the rest of it either */
    const char *end = has_rest ? memchr(s->buf, '\n', s->len) : NULL;
    size_t keep = end ? (size_t)(end - s->buf) + 1 : 0;

    s->dropped += count_lines(s->buf + keep, s->len - keep);
    s->why = why;
    s->len = keep;
    s->is_torn = keep > 0;
    s->has_passed = false;
}

static void forget_written(struct lc_sink *s, size_t n)
{
    if (n == 0)
        return;
    s->is_torn = s->buf[n - 1] != '\n';
    memmove(s->buf, s->buf + n, s->len - n);
    s->len -= n;
}

/* --- writing -------------------------------------------------------------------------------------------------- */

static enum lc_rc write_piece(struct lc_sink *s, const char *p, size_t n, size_t *done)
{
    if (s->kind == LC_SINK_FILE)
        return lc_fd_write(s->fd, p, n, done);
    n = piece_of(p, n);
    return s->kind == LC_SINK_SOCKET ? lc_sock_send(s->fd, p, n, done)
                                     : lc_fd_write(s->fd, p, n, done);
}

static void write_out(struct lc_sink *s)
{
    size_t at = 0, done;
    enum lc_rc rc = LC_OK;

    while (at < s->len && rc == LC_OK) {
        rc = write_piece(s, s->buf + at, s->len - at, &done);
        at += done;
    }
    forget_written(s, at);
    s->has_passed = s->has_passed || at > 0;
    if (rc != LC_OK && rc != LC_AGAIN)
        drop_all(s, rc);
}

void lc_sink_flush_now(struct lc_sink *s, uint64_t now_ms)
{
    if (s->kind == LC_SINK_THREAD)
        (void)hand_over(s);
    else if (s->len > 0)
        write_out(s);
    say(s, now_ms);
}

static bool grow(struct lc_sink *s)
{
    size_t cap = s->cap * 2;
    char *more = cap <= LC_SINK_MAX ? realloc(s->buf, cap) : NULL;

    if (more == NULL)
        return false;
    s->buf = more;
    s->cap = cap;
    return true;
}

/* The buffer is full within one wake-up, or because nobody takes it. */
static char *make_room(struct lc_sink *s, size_t need)
{
    if (s->kind == LC_SINK_THREAD)
        (void)hand_over(s);
    else
        write_out(s);
    if (s->cap - s->len >= need || grow(s))
        return s->buf + s->len;
    s->dropped++;
    s->why = LC_AGAIN;
    s->has_passed = false;
    return NULL;
}

char *lc_sink_room(struct lc_sink *s)
{
    size_t need = lc_sink_line_max(s);

    if (LC_UNLIKELY(s->cap - s->len < need))
        return make_room(s, need);
    return s->buf + s->len;
}

/* --- begin and end -------------------------------------------------------------------------------------------- */

/* A socket's calls can be told not to wait, a pipe is opened anew; where that fails there is the thread. */
static enum lc_sink_kind choose_kind(struct lc_sink *s, enum lc_fd_kind kind)
{
    int fresh;

    if (kind == LC_FD_FILE)
        return LC_SINK_FILE;
    if (kind == LC_FD_SOCKET)
        return LC_SINK_SOCKET;
    if (lc_fd_reopen(s->fd, &fresh) != LC_OK)
        return LC_SINK_THREAD;
    s->fd = fresh;
    s->is_fd_owned = true;
    return LC_SINK_PIPE;
}

static enum lc_rc make_buffer(struct lc_sink *s)
{
    s->cap = CAP_FIRST;
    s->buf = malloc(s->cap);
    return s->buf ? LC_OK : LC_ENOMEM;
}

enum lc_rc lc_sink_open_threaded(struct lc_sink *s, int fd, const char *name,
                                 const struct lc_log *log)
{
    enum lc_rc rc;

    *s = (struct lc_sink){.kind = LC_SINK_THREAD, .fd = fd, .name = name, .log = log};
    if ((rc = make_buffer(s)) == LC_OK && (rc = start_writer(s)) != LC_OK)
        free(s->buf);
    return rc;
}

enum lc_rc lc_sink_open(struct lc_sink *s, int fd, const char *name, const struct lc_log *log)
{
    enum lc_fd_kind kind;
    enum lc_rc rc;

    *s = (struct lc_sink){.fd = fd, .name = name, .log = log};
    if ((rc = lc_fd_kind(fd, &kind)) != LC_OK)
        return rc;
    s->kind = choose_kind(s, kind);
    if (s->kind == LC_SINK_THREAD)
        return lc_sink_open_threaded(s, fd, name, log);
    if ((rc = make_buffer(s)) != LC_OK && s->is_fd_owned)
        lc_fd_close(&s->fd);
    return rc;
}

void lc_sink_close(struct lc_sink *s, uint64_t patience_ms)
{
    uint64_t now_ms = lc_clock_mono_ms(), due_ms = now_ms + patience_ms;

    lc_sink_flush_now(s, now_ms);
    while (s->len > 0 && s->kind != LC_SINK_FILE && (now_ms = lc_clock_mono_ms()) < due_ms) {
        if (s->writer == NULL) {
            lc_fd_await_room(s->fd, (int)(due_ms - now_ms));
        } else {
            lc_mutex_lock(&s->writer->lock);
            if (s->writer->len > 0 &&
                lc_cond_wait_until(&s->writer->rest, &s->writer->lock, due_ms) != LC_OK) {
                /* the clock tells */
            }
            lc_mutex_unlock(&s->writer->lock);
        }
        lc_sink_flush_now(s, now_ms);
    }
    if (s->writer)
        end_writer(s, due_ms);
    if (s->len > 0)
        drop_all(s, LC_AGAIN);
    s->say_ms = 0;
    if (s->dropped > 0)
        say(s, now_ms);
    if (s->is_fd_owned)
        lc_fd_close(&s->fd);
    free(s->buf);
    s->buf = NULL;
    s->len = s->cap = 0;
}
