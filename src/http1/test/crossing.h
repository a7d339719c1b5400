/* What the tests of parcels share: two hosts, one client, and what crosses between them. */
#ifndef LC_HTTP1_TEST_CROSSING_H
#define LC_HTTP1_TEST_CROSSING_H

#include "talk.h"

#include "http1/parcel.h"

#include <stdlib.h>
#include <unistd.h>

#define POST(length) "POST /p HTTP/1.1\r\nHost: h\r\nContent-Length: " length "\r\n\r\n"

/* What crosses: bytes of just this length, so that a read past them is seen. */
struct crossing {
    char *p;
    size_t n;
    int file_fd;
};

static inline struct crossing wrap(struct lc_exchange *x)
{
    struct lc_parcel parcel;
    struct crossing it = {.file_fd = -1};

    assert_int_equal(lc_parcel_wrap(x, &parcel), LC_OK);
    for (int i = 0; i < LC_PARCEL_PIECES; i++)
        it.n += parcel.v[i].iov_len;
    it.p = malloc(it.n);
    it.n = 0;
    for (int i = 0; i < LC_PARCEL_PIECES; i++) {
        if (parcel.v[i].iov_len > 0)
            memcpy(it.p + it.n, parcel.v[i].iov_base, parcel.v[i].iov_len);
        it.n += parcel.v[i].iov_len;
    }
    if (parcel.nfds > 1)
        it.file_fd = dup(parcel.fds[1]);
    return it;
}

static inline void send_off(struct talk *from)
{
    lc_parcel_sent(from->x);
    from->x = NULL;
    from->h.nbegun = 0; /* its end is told elsewhere */
}

/* The request that `from` keeps goes on as client 0 of `to`. */
static inline void hand_over(struct talk *from, struct talk *to)
{
    struct lc_stream_mem *unread = &from->c[0].mem;
    struct crossing it = wrap(from->x);

    send_off(from);
    if (unread->in_at < unread->in_len)
        host_send(&to->c[0], unread->in + unread->in_at, unread->in_len - unread->in_at);
    assert_int_equal(host_receive(&to->h, &to->c[0], it.file_fd, it.p, it.n), LC_OK);
    free(it.p);
    host_pump(&from->h);
    host_pump(&to->h);
}

/* The descriptors of one host must not count as lost by the other: both begin and end together. */
static inline void open_two(struct talk *from, struct talk *to,
                            void (*app)(struct talk *t, struct lc_exchange *x))
{
    talk_init(from, app_keep);
    talk_init(to, app);
    talk_start(from);
    talk_start(to);
}

static inline void end_two(struct talk *from, struct talk *to)
{
    from->h.nfds = to->h.nfds = -1;
    talk_end(from);
    talk_end(to);
}

#endif
