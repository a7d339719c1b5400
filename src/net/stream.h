/* net/stream.h - one connection's bytes, whatever carries them: a socket here, TLS later, memory in tests.
 *
 * A stream never blocks.  It does not know the poller: who owns it watches the descriptor. */
#ifndef LC_NET_STREAM_H
#define LC_NET_STREAM_H

#include "base/base.h"

#include <sys/uio.h>

struct lc_stream;

struct lc_stream_ops {
    /* LC_OK with *got > 0; LC_AGAIN; LC_CLOSED at orderly end; LC_EIO when it was reset. */
    enum lc_rc (*read)(struct lc_stream *s, char *p, size_t n, size_t *got);
    /* LC_OK with *sent > 0, perhaps less than all; LC_AGAIN; LC_CLOSED. */
    enum lc_rc (*writev)(struct lc_stream *s, const struct iovec *v, int n, size_t *sent);
    /* Sends up to n bytes of file_fd from *off, which moves on.  LC_EIO with *sent 0: the file ended early. */
    enum lc_rc (*sendfile)(struct lc_stream *s, int file_fd, int64_t *off, size_t n, size_t *sent);
    void (*shut_write)(struct lc_stream *s);
    /* Both directions, at once, also where other processes or objects hold the descriptor. */
    void (*shut_both)(struct lc_stream *s);
    void (*close)(struct lc_stream *s);
    bool (*is_gone)(
        struct lc_stream *s); /* the peer has closed or reset, without reading anything */
    bool
        is_plain; /* all that the connection is lies in its descriptor: another process can go on with it */
};

struct lc_stream {
    const struct lc_stream_ops *ops;
    int fd;           /* -1 in memory */
    bool is_nonblock; /* O_NONBLOCK was set, for sendfile alone */
    void *impl;
};

/* Takes fd. */
void lc_stream_tcp_init(struct lc_stream *s, int fd);
/* Blocking mode, as sockets have it by default: for an application that takes the descriptor.  False: it cannot be set. */
bool lc_stream_set_blocking(struct lc_stream *s);

static inline enum lc_rc lc_stream_read(struct lc_stream *s, char *p, size_t n, size_t *got)
{
    return s->ops->read(s, p, n, got);
}

static inline enum lc_rc lc_stream_writev(struct lc_stream *s, const struct iovec *v, int n,
                                          size_t *sent)
{
    return s->ops->writev(s, v, n, sent);
}

static inline void lc_stream_close(struct lc_stream *s)
{
    s->ops->close(s);
}

#endif
