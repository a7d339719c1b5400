/* A stream over a real socket pair. */
#include "base/test/support.h"

#include "net/stream.h"
#include "os/fs.h"
#include "os/sock.h"

#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <unistd.h>

struct pair {
    struct lc_stream s;
    int peer;
};

static void pair_open(struct pair *p)
{
    int fds[2];

    signal(SIGPIPE, SIG_IGN); /* as every process of ours does: sendfile has no flag against it */
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds), 0);
    lc_stream_tcp_init(&p->s, fds[0]);
    p->peer = fds[1];
}

static void pair_close(struct pair *p)
{
    lc_stream_close(&p->s);
    assert_int_equal(p->s.fd, -1);
    lc_fd_close(&p->peer);
}

static bool is_nonblock(int fd)
{
    return (fcntl(fd, F_GETFL) & O_NONBLOCK) != 0;
}

static void reads_what_is_there_and_never_waits(void **state)
{
    struct pair p;
    char text[8];
    size_t got;

    (void)state;
    pair_open(&p);
    assert_int_equal(lc_stream_read(&p.s, text, sizeof text, &got), LC_AGAIN);
    assert_int_equal(write(p.peer, "abc", 3), 3);
    assert_int_equal(lc_stream_read(&p.s, text, sizeof text, &got), LC_OK);
    assert_int_equal(got, 3);
    lc_fd_close(&p.peer);
    assert_int_equal(lc_stream_read(&p.s, text, sizeof text, &got), LC_CLOSED);
    assert_false(is_nonblock(p.s.fd)); /* an application that takes it finds a blocking socket */
    pair_close(&p);
}

static void gathers_and_stops_when_the_socket_is_full(void **state)
{
    static char big[1 << 20];
    struct iovec v[2] = {{(void *)(uintptr_t) "he", 2}, {(void *)(uintptr_t) "llo", 3}};
    struct iovec much = {big, sizeof big};
    struct pair p;
    char text[8];
    size_t sent, total = 0;
    enum lc_rc rc;

    (void)state;
    pair_open(&p);
    assert_int_equal(lc_stream_writev(&p.s, v, 2, &sent), LC_OK);
    assert_int_equal(sent, 5);
    assert_int_equal(read(p.peer, text, sizeof text), 5);
    assert_memory_equal(text, "hello", 5);
    while ((rc = lc_stream_writev(&p.s, &much, 1, &sent)) == LC_OK)
        total += sent;
    assert_int_equal(rc, LC_AGAIN);
    assert_true(total > 0);
    lc_fd_close(&p.peer);
    assert_int_equal(lc_stream_writev(&p.s, v, 2, &sent), LC_CLOSED);
    pair_close(&p);
}

static void sendfile_alone_changes_the_mode_and_it_can_be_given_back(void **state)
{
    struct pair p;
    char text[8];
    size_t sent;
    int64_t off = 1;
    int file;

    (void)state;
    pair_open(&p);
    assert_int_equal(lc_tmpfile_open("/tmp", &file), LC_OK);
    assert_int_equal(lc_pwrite_all(file, "abcdef", 6, 0), LC_OK);
    assert_int_equal(p.s.ops->sendfile(&p.s, file, &off, 3, &sent), LC_OK);
    assert_int_equal(sent, 3);
    assert_int_equal(off, 4);
    assert_int_equal(read(p.peer, text, sizeof text), 3);
    assert_memory_equal(text, "bcd", 3);
    assert_int_equal(p.s.ops->sendfile(&p.s, file, &off, 100, &sent), LC_OK);
    assert_int_equal(sent, 2);
    assert_int_equal(p.s.ops->sendfile(&p.s, file, &off, 98, &sent), LC_EIO); /* it ended early */
    assert_true(is_nonblock(p.s.fd));
    assert_true(lc_stream_set_blocking(&p.s));
    assert_false(is_nonblock(p.s.fd));
    lc_fd_close(&file);
    pair_close(&p);
}

static void a_departed_peer_is_seen_without_reading(void **state)
{
    struct pair p;

    (void)state;
    pair_open(&p);
    assert_false(p.s.ops->is_gone(&p.s));
    assert_int_equal(write(p.peer, "x", 1), 1);
    assert_false(p.s.ops->is_gone(&p.s));
    lc_fd_close(&p.peer);
    pair_close(&p);
    assert_true(p.s.ops->is_gone(&p.s));
    pair_open(&p);
    lc_fd_close(&p.peer);
    assert_true(p.s.ops->is_gone(&p.s));
    pair_close(&p);
}

static void shutting_tells_the_peer_even_if_others_hold_the_socket(void **state)
{
    struct pair p;
    char text[4];
    int held;

    (void)state;
    pair_open(&p);
    held = dup(p.s.fd);
    p.s.ops->shut_write(&p.s);
    assert_int_equal(read(p.peer, text, sizeof text), 0);
    assert_int_equal(write(p.peer, "x", 1), 1);
    p.s.ops->shut_both(&p.s);
    assert_int_equal(send(p.peer, "x", 1, MSG_NOSIGNAL), -1);
    lc_fd_close(&held);
    pair_close(&p);
}

#define EACH(name) cmocka_unit_test(name)

int main(void)
{
    const struct CMUnitTest tests[] = {
        EACH(reads_what_is_there_and_never_waits),
        EACH(gathers_and_stops_when_the_socket_is_full),
        EACH(sendfile_alone_changes_the_mode_and_it_can_be_given_back),
        EACH(a_departed_peer_is_seen_without_reading),
        EACH(shutting_tells_the_peer_even_if_others_hold_the_socket),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
