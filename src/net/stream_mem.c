/* net/stream_mem.c - the in-memory stream.   Runs in: tests and fuzz targets. */
#include "net/stream_mem.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static enum lc_rc mem_read(struct lc_stream *s, char *p, size_t n, size_t *got)
{
    struct lc_stream_mem *m = s->impl;
    size_t take = LC_MIN(n, m->in_len - m->in_at);

    *got = 0;
    if (m->is_peer_gone)
        return LC_EIO;
    if (take == 0)
        return m->is_in_ended ? LC_CLOSED : LC_AGAIN;
    if (m->read_max > 0)
        take = LC_MIN(take, m->read_max);
    memcpy(p, m->in + m->in_at, take);
    m->in_at += take;
    *got = take;
    return LC_OK;
}

static bool out_append(struct lc_stream_mem *m, const char *p, size_t n)
{
    if (m->out_len + n > m->out_cap) {
        size_t cap = LC_MAX(m->out_cap * 2, m->out_len + n);
        char *grown = realloc(m->out, cap);

        if (grown == NULL)
            return false;
        m->out = grown;
        m->out_cap = cap;
    }
    memcpy(m->out + m->out_len, p, n);
    m->out_len += n;
    return true;
}

static enum lc_rc mem_writev(struct lc_stream *s, const struct iovec *v, int n, size_t *sent)
{
    struct lc_stream_mem *m = s->impl;

    *sent = 0;
    if (m->is_peer_gone || m->is_write_shut)
        return LC_CLOSED;
    for (int i = 0; i < n && m->write_room > 0; i++) {
        size_t take = LC_MIN(v[i].iov_len, m->write_room);

        if (!out_append(m, v[i].iov_base, take))
            return LC_CLOSED;
        if (m->write_room != SIZE_MAX)
            m->write_room -= take;
        *sent += take;
    }
    return *sent > 0 ? LC_OK : LC_AGAIN;
}

static enum lc_rc mem_sendfile(struct lc_stream *s, int file_fd, int64_t *off, size_t n,
                               size_t *sent)
{
    char chunk[4096];
    ssize_t got = pread(file_fd, chunk, LC_MIN(n, sizeof chunk), *off);
    struct iovec v = {chunk, got > 0 ? (size_t)got : 0};
    enum lc_rc rc;

    *sent = 0;
    if (got <= 0)
        return LC_EIO;
    rc = mem_writev(s, &v, 1, sent);
    *off += (int64_t)*sent;
    return rc;
}

static void mem_shut_write(struct lc_stream *s)
{
    ((struct lc_stream_mem *)s->impl)->is_write_shut = true;
}

static void mem_close(struct lc_stream *s)
{
    ((struct lc_stream_mem *)s->impl)->is_closed = true;
}

static bool mem_is_gone(struct lc_stream *s)
{
    return ((struct lc_stream_mem *)s->impl)->is_peer_gone;
}

static const struct lc_stream_ops mem_ops = {
    .read = mem_read,
    .writev = mem_writev,
    .sendfile = mem_sendfile,
    .shut_write = mem_shut_write,
    .shut_both = mem_shut_write,
    .close = mem_close,
    .is_gone = mem_is_gone,
    .is_plain = true,
};

void lc_stream_mem_init(struct lc_stream *s, struct lc_stream_mem *m)
{
    *s = (struct lc_stream){.ops = &mem_ops, .fd = -1, .impl = m};
    if (m->write_room == 0)
        m->write_room = SIZE_MAX;
}

void lc_stream_mem_fini(struct lc_stream_mem *m)
{
    free(m->out);
    m->out = NULL;
}
