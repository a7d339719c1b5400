/* os/sock.c - stream sockets in blocking mode, with calls that never wait.
 *
 *   I1  EINTR is retried here: a call that does not wait has nothing to look up for.
 *   I2  *got and *sent are set on every return, and are 0 unless LC_OK. */
#include "os/sock.h"

#include "base/str.h"
#include "os/errno_int.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <string.h>
#include <unistd.h>

#ifndef MSG_NOSIGNAL
#    define MSG_NOSIGNAL 0 /* SO_NOSIGPIPE is set at accept there */
#endif

/* inet_ntop goes through printf: ten times the cost of a request's other words. */
static void ip4_text(const uint8_t *bytes, char *out)
{
    for (int i = 0; i < 4; i++) {
        out += lc_u64_to_dec(bytes[i], out);
        *out++ = i < 3 ? '.' : '\0';
    }
}

void lc_addr_ip(const struct lc_addr *a, char out[LC_ADDR_TEXT_MAX])
{
    out[0] = '\0';
    if (a->family == LC_ADDR_IP4)
        ip4_text((const uint8_t *)&a->u.ip4.sin_addr, out);
    else if (a->family == LC_ADDR_IP6)
        LC_CHECK(inet_ntop(AF_INET6, &a->u.ip6.sin6_addr, out, LC_ADDR_TEXT_MAX) != NULL);
}

uint16_t lc_addr_port(const struct lc_addr *a)
{
    switch (a->family) {
    case LC_ADDR_IP4:
        return ntohs(a->u.ip4.sin_port);
    case LC_ADDR_IP6:
        return ntohs(a->u.ip6.sin6_port);
    default:
        return 0;
    }
}

static struct lc_addr addr_of(const struct sockaddr_storage *ss)
{
    struct lc_addr a = {.family = LC_ADDR_UNIX};

    if (ss->ss_family == AF_INET) {
        a.family = LC_ADDR_IP4;
        memcpy(&a.u.ip4, ss, sizeof(a.u.ip4));
    } else if (ss->ss_family == AF_INET6) {
        a.family = LC_ADDR_IP6;
        memcpy(&a.u.ip6, ss, sizeof(a.u.ip6));
    }
    return a;
}

#ifdef __linux__
static int accept_cloexec(int listen_fd, struct sockaddr *sa, socklen_t *n)
{
    return accept4(listen_fd, sa, n, SOCK_CLOEXEC);
}
#else
/* The BSDs hand the listener's non-blocking mode on, and macOS has no accept4. */
static int accept_cloexec(int listen_fd, struct sockaddr *sa, socklen_t *n)
{
    int fd = accept(listen_fd, sa, n);

    if (fd == -1)
        return -1;
    (void)fcntl(fd, F_SETFD, FD_CLOEXEC);
    (void)lc_fd_set_nonblock(fd, false);
#    ifdef SO_NOSIGPIPE
    (void)setsockopt(fd, SOL_SOCKET, SO_NOSIGPIPE, &(int){1}, sizeof(int));
#    endif
    return fd;
}
#endif

/* Linux reports through accept what already happened to the connection itself. */
static enum lc_rc accept_rc(int error)
{
    switch (error) {
    case ECONNABORTED:
    case ENETDOWN:
    case EPROTO:
    case ENOPROTOOPT:
    case EHOSTDOWN:
    case EHOSTUNREACH:
    case ENETUNREACH:
#ifdef ENONET
    case ENONET:
#endif
    case EPERM: /* a firewall's rule */
        return LC_CLOSED;
    default:
        return lc_os_rc(error);
    }
}

enum lc_rc lc_sock_accept(int listen_fd, int *fd, struct lc_addr *peer)
{
    struct sockaddr_storage ss;
    socklen_t n;

    do {
        n = sizeof(ss);
        ss.ss_family = AF_UNIX; /* a nameless unix peer writes nothing at all on some systems */
        *fd = accept_cloexec(listen_fd, (struct sockaddr *)&ss, &n);
    } while (*fd == -1 && errno == EINTR);
    if (*fd == -1)
        return accept_rc(errno);
    *peer = addr_of(&ss);
    return LC_OK;
}

enum lc_rc lc_sock_recv(int fd, void *p, size_t n, size_t *got)
{
    ssize_t r;

    LC_CHECK(n != 0);
    *got = 0;
    do {
        r = recv(fd, p, n, MSG_DONTWAIT);
    } while (r == -1 && errno == EINTR);
    if (r == -1)
        return lc_os_rc(errno);
    *got = (size_t)r;
    return r != 0 ? LC_OK : LC_CLOSED;
}

bool lc_sock_peek_gone(int fd)
{
    char byte;
    ssize_t r;

    do {
        r = recv(fd, &byte, 1, MSG_PEEK | MSG_DONTWAIT);
    } while (r == -1 && errno == EINTR);
    if (r == -1)
        return errno != EAGAIN && errno != EWOULDBLOCK;
    return r == 0;
}

enum lc_rc lc_sock_send(int fd, const void *p, size_t n, size_t *sent)
{
    ssize_t r;

    *sent = 0;
    do {
        r = send(fd, p, n, MSG_DONTWAIT | MSG_NOSIGNAL);
    } while (r == -1 && errno == EINTR);
    if (r == -1)
        return lc_os_send_rc(errno);
    *sent = (size_t)r;
    return LC_OK;
}

enum lc_rc lc_sock_sendv(int fd, const struct iovec *v, int nv, size_t *sent)
{
    /* The cast drops const for a field that sendmsg only reads. */
    struct msghdr msg = {.msg_iov = (struct iovec *)(uintptr_t)v};
    ssize_t r;

    msg.msg_iovlen = (__typeof__(msg.msg_iovlen))nv; /* size_t here, int elsewhere */
    *sent = 0;
    do {
        r = sendmsg(fd, &msg, MSG_DONTWAIT | MSG_NOSIGNAL);
    } while (r == -1 && errno == EINTR);
    if (r == -1)
        return lc_os_send_rc(errno);
    *sent = (size_t)r;
    return LC_OK;
}

enum lc_rc lc_sock_set_nonblock(int fd, bool is_nonblocking)
{
    return lc_fd_set_nonblock(fd, is_nonblocking);
}

void lc_sock_set_nodelay(int fd)
{
    (void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &(int){1}, sizeof(int));
}

void lc_sock_shut_write(int fd)
{
    (void)shutdown(fd, SHUT_WR);
}

void lc_sock_shut_both(int fd)
{
    if (shutdown(fd, SHUT_RDWR) != 0) {
        /* the other side was faster */
    }
}
