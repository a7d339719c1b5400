/* bench/ceiling/floor.c - the floor: the least a server on this kernel can do for one request.
 *
 * Why: a figure in microseconds belongs to one machine on one day. Its ratio to a program that does
 * only what no server can avoid (wait, recv, send; accept and close when the connection is new)
 * can be compared. So nothing here parses, allocates or formats once it serves, and nothing here is
 * slower than it must be: a lazy floor would flatter whoever stands on it.
 *   I1  one thread, one epoll set, level-triggered, each connection registered once.
 *   I2  one recv and one send a request; what was received is never looked at.
 *   I3  TCP_NODELAY is set on the listener: Linux hands it down to what it accepts.
 *
 *        accept -> READ -> (need bytes are in) -> SEND -> READ          kept alive
 *                                                  |  \-> close         --close
 *                                                  \-> EPOLLOUT until the answer is out, when it is large
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <getopt.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

enum { FDS_MAX = 65536, EVENTS_MAX = 256, HEAD_MAX = 512, IN_MAX = 65536 };

struct floor_conn {
    size_t in_len;   /* bytes of the open request so far; only counted when --request asks */
    size_t out_left; /* bytes of the answer the socket did not take yet */
};

struct floor {
    int epoll_fd;
    int listen_fd;
    bool want_close;    /* close after each answer */
    size_t request_len; /* answer once so many bytes are in; 0: after every recv */
    size_t answer_len;
    char *answer;
    struct floor_conn conns[FDS_MAX];
    char in[IN_MAX];
};

static void die(const char *what)
{
    perror(what);
    exit(1);
}

static void conn_watch(struct floor *f, int fd, int op, uint32_t events)
{
    struct epoll_event ev = {.events = events, .data.fd = fd};

    if (epoll_ctl(f->epoll_fd, op, fd, &ev) != 0)
        die("epoll_ctl");
}

/* The rest of an answer that did not fit in the socket buffer at once. */
static void conn_flush(struct floor *f, int fd)
{
    struct floor_conn *c = &f->conns[fd];
    ssize_t n = send(fd, f->answer + f->answer_len - c->out_left, c->out_left, MSG_NOSIGNAL);

    if (n < 0 && errno != EAGAIN) {
        close(fd);
        return;
    }
    c->out_left -= n > 0 ? (size_t)n : 0;
    if (c->out_left > 0)
        return;
    if (f->want_close)
        close(fd);
    else
        conn_watch(f, fd, EPOLL_CTL_MOD, EPOLLIN);
}

static void conn_answer(struct floor *f, int fd)
{
    ssize_t n = send(fd, f->answer, f->answer_len, MSG_NOSIGNAL);

    if (n == (ssize_t)f->answer_len) {
        if (f->want_close)
            close(fd);
        return;
    }
    if (n < 0 && errno != EAGAIN) {
        close(fd);
        return;
    }
    f->conns[fd].out_left = f->answer_len - (n > 0 ? (size_t)n : 0);
    conn_watch(f, fd, EPOLL_CTL_MOD, EPOLLOUT);
}

static void on_readable(struct floor *f, int fd)
{
    ssize_t n = recv(fd, f->in, sizeof f->in, 0);

    if (n <= 0) {
        if (n == 0 || errno != EAGAIN)
            close(fd);
        return;
    }
    if (f->request_len > 0) {
        struct floor_conn *c = &f->conns[fd];

        c->in_len += (size_t)n;
        if (c->in_len < f->request_len)
            return;
        c->in_len = 0;
    }
    conn_answer(f, fd);
}

static void on_accept(struct floor *f)
{
    int fd;

    while ((fd = accept4(f->listen_fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC)) >= 0) {
        if (fd >= FDS_MAX) {
            close(fd);
            continue;
        }
        f->conns[fd] = (struct floor_conn){0};
        conn_watch(f, fd, EPOLL_CTL_ADD, EPOLLIN);
    }
}

static void serve(struct floor *f)
{
    struct epoll_event events[EVENTS_MAX];

    for (;;) {
        int n = epoll_wait(f->epoll_fd, events, EVENTS_MAX, -1);

        for (int i = 0; i < n; i++) {
            int fd = events[i].data.fd;

            if (fd == f->listen_fd)
                on_accept(f);
            else if (events[i].events & EPOLLOUT)
                conn_flush(f, fd);
            else
                on_readable(f, fd);
        }
    }
}

static void listener_open(struct floor *f, int port)
{
    struct sockaddr_in a = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};
    int one = 1;

    a.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    f->listen_fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (f->listen_fd < 0)
        die("socket");
    if (setsockopt(f->listen_fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one) != 0 ||
        setsockopt(f->listen_fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one) != 0)
        die("setsockopt");
    if (bind(f->listen_fd, (struct sockaddr *)&a, sizeof a) != 0)
        die("bind");
    if (listen(f->listen_fd, 4096) != 0)
        die("listen");
}

/* A head of the size a real answer has; with body_len 0 the body is that of the hello. */
static void answer_make(struct floor *f, size_t body_len)
{
    static const char hello[] = "Hello, World!";
    char head[HEAD_MAX];
    size_t len = body_len > 0 ? body_len : sizeof hello - 1;
    int n = snprintf(head, sizeof head,
                     "HTTP/1.1 200 OK\r\n"
                     "Server: floor\r\n"
                     "Date: Sat, 01 Jan 2000 00:00:00 GMT\r\n"
                     "Connection: %s\r\n"
                     "Content-Type: text/plain\r\n"
                     "Content-Length: %zu\r\n"
                     "\r\n",
                     f->want_close ? "close" : "keep-alive", len);

    f->answer_len = (size_t)n + len;
    f->answer = malloc(f->answer_len);
    if (f->answer == NULL)
        die("malloc");
    memcpy(f->answer, head, (size_t)n);
    if (body_len > 0)
        memset(f->answer + n, 'x', body_len);
    else
        memcpy(f->answer + n, hello, len);
}

static size_t number(const char *text)
{
    char *end;
    unsigned long v = strtoul(text, &end, 10);

    if (*text == '\0' || *end != '\0') {
        fprintf(stderr, "floor: not a number: %s\n", text);
        exit(2);
    }
    return v;
}

int main(int argc, char **argv)
{
    static const struct option options[] = {
        {"port", required_argument, NULL, 'p'},    {"close", no_argument, NULL, 'c'},
        {"request", required_argument, NULL, 'r'}, {"body", required_argument, NULL, 'b'},
        {NULL, 0, NULL, 0},
    };
    struct floor *f = calloc(1, sizeof *f);
    size_t body_len = 0;
    int port = 8000;
    int opt;

    if (f == NULL)
        die("calloc");
    while ((opt = getopt_long(argc, argv, "", options, NULL)) != -1) {
        if (opt == 'p')
            port = (int)number(optarg);
        else if (opt == 'c')
            f->want_close = true;
        else if (opt == 'r')
            f->request_len = number(optarg);
        else if (opt == 'b')
            body_len = number(optarg);
        else
            return 2;
    }
    answer_make(f, body_len);
    listener_open(f, port);
    if ((f->epoll_fd = epoll_create1(EPOLL_CLOEXEC)) < 0)
        die("epoll_create1");
    conn_watch(f, f->listen_fd, EPOLL_CTL_ADD, EPOLLIN);
    serve(f);
    return 0;
}
