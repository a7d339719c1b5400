/* Stream sockets that stay in blocking mode and are never waited for. */
#include "base/test/support.h"

#include "os/sock.h"
#include "os/test/no_fds.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <string.h>
#include <sys/un.h>
#include <unistd.h>

static int listen_on(const struct sockaddr *sa, socklen_t n)
{
    int fd = socket(sa->sa_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

    if (fd == -1 || bind(fd, sa, n) == -1 || listen(fd, 8) == -1)
        lc_fd_close(&fd);
    return fd;
}

static int listen_ip4(void)
{
    struct sockaddr_in sa = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    int fd = listen_on((struct sockaddr *)&sa, sizeof(sa));

    assert_int_not_equal(fd, -1);
    return fd;
}

static int connect_to(int listen_fd)
{
    struct sockaddr_storage ss;
    socklen_t n = sizeof(ss);
    int fd;

    assert_int_equal(getsockname(listen_fd, (struct sockaddr *)&ss, &n), 0);
    fd = socket(ss.ss_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_int_equal(connect(fd, (struct sockaddr *)&ss, n), 0);
    return fd;
}

/* Both ends of a TCP connection: ours[0] as accepted, ours[1] the peer's. */
static void tcp_pair(int ours[2])
{
    struct lc_addr peer;
    int listen_fd = listen_ip4();

    ours[1] = connect_to(listen_fd);
    assert_int_equal(lc_sock_accept(listen_fd, &ours[0], &peer), LC_OK);
    lc_fd_close(&listen_fd);
}

static void close_pair(int fds[2])
{
    lc_fd_close(&fds[0]);
    lc_fd_close(&fds[1]);
}

static uint16_t port_of(int fd)
{
    struct sockaddr_in sa;
    socklen_t n = sizeof(sa);

    assert_int_equal(getsockname(fd, (struct sockaddr *)&sa, &n), 0);
    return ntohs(sa.sin_port);
}

static void an_accepted_connection_is_blocking_private_and_named(void **state)
{
    int listen_fd = listen_ip4(), client, fd;
    struct lc_addr peer;
    char ip[LC_ADDR_TEXT_MAX];

    (void)state;
    assert_int_equal(lc_sock_accept(listen_fd, &fd, &peer), LC_AGAIN);
    assert_int_equal(fd, -1);
    client = connect_to(listen_fd);
    assert_int_equal(lc_sock_accept(listen_fd, &fd, &peer), LC_OK);
    assert_true(fcntl(fd, F_GETFD) & FD_CLOEXEC);
    assert_false(fcntl(fd, F_GETFL) & O_NONBLOCK);
    assert_int_equal(peer.family, LC_ADDR_IP4);
    lc_addr_ip(&peer, ip);
    assert_string_equal(ip, "127.0.0.1");
    assert_int_equal(lc_addr_port(&peer), port_of(client));
    lc_fd_close(&fd);
    lc_fd_close(&client);
    lc_fd_close(&listen_fd);
}

static void an_ip6_peer_has_a_name_too(void **state)
{
    struct sockaddr_in6 sa = {.sin6_family = AF_INET6, .sin6_addr = IN6ADDR_LOOPBACK_INIT};
    int listen_fd = listen_on((struct sockaddr *)&sa, sizeof(sa)), client, fd;
    struct lc_addr peer;
    char ip[LC_ADDR_TEXT_MAX];

    (void)state;
    if (listen_fd == -1)
        skip(); /* a machine without IPv6 */
    client = connect_to(listen_fd);
    assert_int_equal(lc_sock_accept(listen_fd, &fd, &peer), LC_OK);
    assert_int_equal(peer.family, LC_ADDR_IP6);
    lc_addr_ip(&peer, ip);
    assert_string_equal(ip, "::1");
    assert_int_not_equal(lc_addr_port(&peer), 0);
    lc_fd_close(&fd);
    lc_fd_close(&client);
    lc_fd_close(&listen_fd);
}

static void a_unix_peer_has_none(void **state)
{
    struct sockaddr_un sa = {.sun_family = AF_UNIX};
    /* Only a family: Linux picks a free abstract name. */
    int listen_fd = listen_on((struct sockaddr *)&sa, sizeof(sa.sun_family)), client, fd;
    struct lc_addr peer;
    char ip[LC_ADDR_TEXT_MAX];

    (void)state;
    client = connect_to(listen_fd);
    assert_int_equal(lc_sock_accept(listen_fd, &fd, &peer), LC_OK);
    assert_int_equal(peer.family, LC_ADDR_UNIX);
    lc_addr_ip(&peer, ip);
    assert_string_equal(ip, "");
    assert_int_equal(lc_addr_port(&peer), 0);
    lc_sock_set_nodelay(fd); /* means nothing here, does nothing */
    lc_fd_close(&fd);
    lc_fd_close(&client);
    lc_fd_close(&listen_fd);
}

static void the_longest_address_fits(void **state)
{
    struct lc_addr a = {.family = LC_ADDR_IP6};
    char ip[LC_ADDR_TEXT_MAX];

    (void)state;
    a.u.ip6.sin6_family = AF_INET6;
    assert_int_equal(inet_pton(AF_INET6, "::ffff:192.168.100.200", &a.u.ip6.sin6_addr), 1);
    lc_addr_ip(&a, ip);
    assert_string_equal(ip, "::ffff:192.168.100.200");
    memset(&a.u.ip6.sin6_addr, 0xfe, sizeof(a.u.ip6.sin6_addr));
    lc_addr_ip(&a, ip);
    assert_string_equal(ip, "fefe:fefe:fefe:fefe:fefe:fefe:fefe:fefe");
}

static void no_descriptors_left_keeps_the_connection_waiting(void **state)
{
    int listen_fd = listen_ip4(), client = connect_to(listen_fd), fd;
    struct lc_addr peer;
    enum lc_rc rc;

    (void)state;
    WITHOUT_FDS(rc = lc_sock_accept(listen_fd, &fd, &peer));
    assert_int_equal(rc, LC_ENOFD);
    assert_int_equal(lc_sock_accept(listen_fd, &fd, &peer), LC_OK);
    lc_fd_close(&fd);
    lc_fd_close(&client);
    lc_fd_close(&listen_fd);
    assert_int_equal(lc_sock_accept(listen_fd, &fd, &peer), LC_EIO);
}

static void recv_tells_nothing_bytes_end_and_reset_apart(void **state)
{
    struct linger reset = {.l_onoff = 1, .l_linger = 0};
    int fds[2];
    char bytes[8];
    size_t got = 99;

    (void)state;
    tcp_pair(fds);
    assert_int_equal(lc_sock_recv(fds[0], bytes, sizeof(bytes), &got), LC_AGAIN);
    assert_int_equal(got, 0);
    assert_int_equal(send(fds[1], "abc", 3, 0), 3);
    assert_int_equal(lc_sock_recv(fds[0], bytes, sizeof(bytes), &got), LC_OK);
    assert_int_equal(got, 3);
    assert_int_equal(shutdown(fds[1], SHUT_WR), 0);
    assert_int_equal(lc_sock_recv(fds[0], bytes, sizeof(bytes), &got), LC_CLOSED);
    assert_int_equal(got, 0);
    close_pair(fds);

    tcp_pair(fds);
    assert_int_equal(setsockopt(fds[1], SOL_SOCKET, SO_LINGER, &reset, sizeof(reset)), 0);
    lc_fd_close(&fds[1]);
    assert_int_equal(lc_sock_recv(fds[0], bytes, sizeof(bytes), &got), LC_EIO);
    assert_int_equal(got, 0);
    close_pair(fds);
}

static void peeking_sees_who_left_and_takes_nothing(void **state)
{
    struct linger reset = {.l_onoff = 1, .l_linger = 0};
    int fds[2];
    char bytes[8];
    size_t got;

    (void)state;
    tcp_pair(fds);
    assert_false(lc_sock_peek_gone(fds[0]));
    assert_int_equal(send(fds[1], "abc", 3, 0), 3);
    assert_int_equal(shutdown(fds[1], SHUT_WR), 0);
    assert_false(lc_sock_peek_gone(fds[0])); /* there is something to read first */
    assert_int_equal(lc_sock_recv(fds[0], bytes, sizeof(bytes), &got), LC_OK);
    assert_int_equal(got, 3);
    assert_true(lc_sock_peek_gone(fds[0]));
    close_pair(fds);

    tcp_pair(fds);
    assert_int_equal(setsockopt(fds[1], SOL_SOCKET, SO_LINGER, &reset, sizeof(reset)), 0);
    lc_fd_close(&fds[1]);
    assert_true(lc_sock_peek_gone(fds[0]));
    close_pair(fds);
}

static void a_full_socket_says_again_though_it_is_in_blocking_mode(void **state)
{
    static char bytes[100000];
    struct iovec v[2] = {{bytes, 1000}, {bytes, 2000}};
    int fds[2];
    size_t sent;
    enum lc_rc rc;

    (void)state;
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds), 0);
    assert_int_equal(lc_sock_send(fds[0], bytes, 0, &sent), LC_OK);
    assert_int_equal(sent, 0);
    assert_int_equal(lc_sock_sendv(fds[0], v, 2, &sent), LC_OK);
    assert_int_equal(sent, 3000);
    while ((rc = lc_sock_send(fds[0], bytes, sizeof(bytes), &sent)) == LC_OK)
        assert_true(sent > 0);
    assert_int_equal(rc, LC_AGAIN);
    assert_int_equal(sent, 0);
    assert_int_equal(lc_sock_sendv(fds[0], v, 2, &sent), LC_AGAIN);
    assert_int_equal(sent, 0);
    close_pair(fds);
}

static void sending_to_who_left_is_closed_and_raises_nothing(void **state)
{
    char x[] = "x";
    struct iovec v = {x, 1};
    int fds[2];
    size_t sent = 99;

    (void)state;
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds), 0);
    lc_fd_close(&fds[1]);
    assert_int_equal(lc_sock_send(fds[0], "x", 1, &sent), LC_CLOSED);
    assert_int_equal(sent, 0);
    assert_int_equal(lc_sock_sendv(fds[0], &v, 1, &sent), LC_CLOSED);
    close_pair(fds);

    tcp_pair(fds);
    lc_sock_shut_write(fds[0]);
    assert_int_equal(lc_sock_send(fds[0], "x", 1, &sent), LC_CLOSED);
    assert_int_equal(recv(fds[1], &(char){0}, 1, 0), 0);
    close_pair(fds);
    lc_sock_shut_write(-1);
}

static void the_mode_is_set_for_every_duplicate(void **state)
{
    int fds[2], twin;

    (void)state;
    tcp_pair(fds);
    twin = dup(fds[0]);
    assert_int_equal(lc_sock_set_nonblock(fds[0], true), LC_OK);
    assert_true(fcntl(twin, F_GETFL) & O_NONBLOCK);
    assert_int_equal(lc_sock_set_nonblock(fds[0], false), LC_OK);
    assert_false(fcntl(twin, F_GETFL) & O_NONBLOCK);
    lc_fd_close(&twin);
    close_pair(fds);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_accepted_connection_is_blocking_private_and_named),
        cmocka_unit_test(an_ip6_peer_has_a_name_too),
        cmocka_unit_test(a_unix_peer_has_none),
        cmocka_unit_test(the_longest_address_fits),
        cmocka_unit_test(no_descriptors_left_keeps_the_connection_waiting),
        cmocka_unit_test(recv_tells_nothing_bytes_end_and_reset_apart),
        cmocka_unit_test(peeking_sees_who_left_and_takes_nothing),
        cmocka_unit_test(a_full_socket_says_again_though_it_is_in_blocking_mode),
        cmocka_unit_test(sending_to_who_left_is_closed_and_raises_nothing),
        cmocka_unit_test(the_mode_is_set_for_every_duplicate),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
