/* net/stream_tcp.c - a stream over a socket, TCP or unix.   Runs in: worker, owner of the engine.
 *
 * The socket stays in blocking mode and every call says MSG_DONTWAIT: a descriptor that the application takes over is
 * ready for it without a system call.  Only sendfile has no such flag, so O_NONBLOCK is set at its first use. */
#include "net/stream.h"

#include "os/sock.h"

static enum lc_rc tcp_read(struct lc_stream *s, char *p, size_t n, size_t *got)
{
    return lc_sock_recv(s->fd, p, n, got);
}

static enum lc_rc tcp_writev(struct lc_stream *s, const struct iovec *v, int n, size_t *sent)
{
    if (n == 1)
        return lc_sock_send(s->fd, v[0].iov_base, v[0].iov_len, sent);
    return lc_sock_sendv(s->fd, v, n, sent);
}

static enum lc_rc tcp_sendfile(struct lc_stream *s, int file_fd, int64_t *off, size_t n,
                               size_t *sent)
{
    enum lc_rc rc;
    off_t at;

    if (!s->is_nonblock) {
        if ((rc = lc_sock_set_nonblock(s->fd, true)) != LC_OK)
            return rc;
        s->is_nonblock = true;
    }
    at = *off;
    rc = lc_sock_sendfile(s->fd, file_fd, &at, n, sent);
    *off = at;
    return rc;
}

static void tcp_shut_write(struct lc_stream *s)
{
    lc_sock_shut_write(s->fd);
}

static void tcp_shut_both(struct lc_stream *s)
{
    lc_sock_shut_both(s->fd);
}

static void tcp_close(struct lc_stream *s)
{
    lc_fd_close(&s->fd);
}

static bool tcp_is_gone(struct lc_stream *s)
{
    return s->fd < 0 || lc_sock_peek_gone(s->fd);
}

static const struct lc_stream_ops tcp_ops = {
    .read = tcp_read,
    .writev = tcp_writev,
    .sendfile = tcp_sendfile,
    .shut_write = tcp_shut_write,
    .shut_both = tcp_shut_both,
    .close = tcp_close,
    .is_gone = tcp_is_gone,
    .is_plain = true,
};

void lc_stream_tcp_init(struct lc_stream *s, int fd)
{
    *s = (struct lc_stream){.ops = &tcp_ops, .fd = fd};
}

bool lc_stream_set_blocking(struct lc_stream *s)
{
    if (s->is_nonblock && lc_sock_set_nonblock(s->fd, false) != LC_OK)
        return false;
    s->is_nonblock = false;
    return true;
}
