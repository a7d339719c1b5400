/* bench/load/hostile.c - the hostile clients, all in one event-driven process:
 * hostile PORT HEADS BODIES DEAF [CHURN PORT ...].
 *
 *   head   sends a request head a byte a second and never ends it
 *   body   sends a head at once, then of its 1 MB body a byte a second
 *   deaf   asks for 10 MB and never reads
 *
 * Whoever is closed comes back a second later.  With CHURN, so many a second are closed from here: what a server that
 * closes them costs this process, where none does; they are spread over all the ports.  The bytes are spread evenly over the second, two or three a millisecond:
 * this process shares a core with the normal client, and a burst of work here would be measured there.  For the same
 * reason it is C.
 *
 * Prints READY when every client was connected once, and on SIGTERM one line of JSON: what became of them. */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum {
    SLOTS = 1000,
    EVENTS_MAX = 256,
    CLIENTS_MAX = 60000,
    PORTS_MAX = 16,
    READY_MS = 15000,
    BACK_MS = 1000
};
enum kind { HEAD, BODY, DEAF, KINDS };

static const char *const names[KINDS] = {"head", "body", "deaf"};
static const char head_text[] = "GET / HTTP/1.1\r\nHost: localhost\r\nX-Slow: ";
static const char body_text[] =
    "POST /echo HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1000000\r\n\r\n";
static const char deaf_text[] = "GET /huge HTTP/1.1\r\nHost: localhost\r\n\r\n";

struct client {
    enum kind kind;
    int fd; /* -1: none */
    bool is_connected, was_connected;
    uint32_t at; /* bytes of the head that were sent */
    uint64_t retry_ms;
};

struct hostile {
    int epoll_fd, nclients, nready; /* nready: were connected once */
    int nports, next_port;
    struct sockaddr_in to[PORTS_MAX];
    long churn, owed; /* owed: of a close, in thousandths */
    int next_closed;
    uint64_t connected, refused, sent, closed[KINDS], answered[KINDS];
    struct client clients[CLIENTS_MAX];
};

static volatile sig_atomic_t is_stopped;

static void on_term(int signo)
{
    (void)signo;
    is_stopped = 1;
}

static void die(const char *what)
{
    perror(what);
    exit(1);
}

static uint64_t now_ms(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000 + (uint64_t)t.tv_nsec / 1000000;
}

static void watch(struct hostile *h, struct client *c, int op, uint32_t events)
{
    struct epoll_event ev = {.events = events | EPOLLRDHUP, .data.ptr = c};

    if (epoll_ctl(h->epoll_fd, op, c->fd, &ev) != 0)
        die("epoll_ctl");
}

static void lose(struct hostile *h, struct client *c)
{
    close(c->fd);
    c->fd = -1;
    h->closed[c->kind] += c->is_connected;
    c->is_connected = false;
    c->retry_ms = now_ms() + BACK_MS;
}

static void send_bytes(struct hostile *h, struct client *c, const char *p, size_t n)
{
    ssize_t sent = send(c->fd, p, n, MSG_NOSIGNAL | MSG_DONTWAIT);

    if (sent > 0)
        h->sent += (uint64_t)sent;
    else if (errno != EAGAIN)
        lose(h, c);
}

static void open_client(struct hostile *h, struct client *c)
{
    int small = 4096;

    if ((c->fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0)) < 0)
        die("socket");
    c->at = 0;
    if (c->kind == DEAF)
        setsockopt(c->fd, SOL_SOCKET, SO_RCVBUF, &small, sizeof small);
    h->next_port = (h->next_port + 1) % h->nports;
    if (connect(c->fd, (struct sockaddr *)&h->to[h->next_port], sizeof h->to[0]) != 0 &&
        errno != EINPROGRESS) {
        h->refused++;
        lose(h, c);
        return;
    }
    watch(h, c, EPOLL_CTL_ADD, EPOLLOUT);
}

static void on_connected(struct hostile *h, struct client *c)
{
    h->connected++;
    h->nready += !c->was_connected;
    c->is_connected = c->was_connected = true;
    watch(h, c, EPOLL_CTL_MOD, c->kind == DEAF ? 0 : EPOLLIN);
    if (c->kind == BODY)
        send_bytes(h, c, body_text, sizeof body_text - 1);
    else if (c->kind == DEAF)
        send_bytes(h, c, deaf_text, sizeof deaf_text - 1);
}

static void on_event(struct hostile *h, struct client *c, uint32_t events)
{
    static char waste[65536];

    if (events & EPOLLIN) {
        ssize_t got = recv(c->fd, waste, sizeof waste, MSG_DONTWAIT);

        if (got > 0)
            h->answered[c->kind]++;
        else if (got == 0 || errno != EAGAIN)
            lose(h, c);
    } else if (events & (EPOLLERR | EPOLLHUP | EPOLLRDHUP)) {
        lose(h, c);
    } else if (events & EPOLLOUT) {
        on_connected(h, c);
    }
}

/* This client's turn in the second. */
static void act(struct hostile *h, struct client *c)
{
    char byte = 'a';

    if (c->fd < 0) {
        if (now_ms() >= c->retry_ms)
            open_client(h, c);
        return;
    }
    if (!c->is_connected || c->kind == DEAF)
        return;
    if (c->kind == HEAD && c->at < sizeof head_text - 1)
        byte = head_text[c->at++];
    send_bytes(h, c, &byte, 1);
}

static void serve_events(struct hostile *h, int timeout_ms)
{
    struct epoll_event events[EVENTS_MAX];
    int n = epoll_wait(h->epoll_fd, events, EVENTS_MAX, timeout_ms);

    for (int i = 0; i < n; i++) {
        struct client *c = events[i].data.ptr;

        if (c->fd >= 0)
            on_event(h, c, events[i].events);
    }
}

/* A slot's share of the churn. */
static void churn(struct hostile *h)
{
    for (h->owed += h->churn; h->owed >= SLOTS; h->owed -= SLOTS) {
        struct client *c = &h->clients[h->next_closed];

        h->next_closed = (h->next_closed + 1) % h->nclients;
        if (c->is_connected)
            lose(h, c);
    }
}

static void run(struct hostile *h)
{
    uint64_t begun = now_ms(), due = begun;
    bool is_ready = false;
    int slot = 0;

    while (!is_stopped) {
        uint64_t now = now_ms();

        serve_events(h, now < due ? (int)(due - now) : 0);
        if ((now = now_ms()) < due)
            continue;
        for (int i = slot; i < h->nclients; i += SLOTS)
            act(h, &h->clients[i]);
        if (is_ready)
            churn(h);
        slot = (slot + 1) % SLOTS;
        due++;
        if (due + 1000 < now)
            due = now; /* so far behind, the pace is lost */
        if (!is_ready && (h->nready == h->nclients || now - begun > READY_MS)) {
            is_ready = true;
            puts("READY");
            fflush(stdout);
        }
    }
}

static void tell(const struct hostile *h)
{
    int open = 0;

    for (int i = 0; i < h->nclients; i++)
        open += h->clients[i].is_connected;
    printf("{\"connected\": %llu, \"refused\": %llu, \"bytes sent\": %llu",
           (unsigned long long)h->connected, (unsigned long long)h->refused,
           (unsigned long long)h->sent);
    for (int k = 0; k < KINDS; k++)
        printf(", \"%s closed\": %llu, \"%s answered\": %llu", names[k],
               (unsigned long long)h->closed[k], names[k], (unsigned long long)h->answered[k]);
    printf(", \"open at the end\": %d}\n", open);
}

static long number(const char *text)
{
    char *end;
    long n = strtol(text, &end, 10);

    if (*text == '\0' || *end != '\0' || n < 0 || n > 65535) {
        fprintf(stderr, "hostile: not a number from 0 to 65535: %s\n", text);
        exit(2);
    }
    return n;
}

static void add_port(struct hostile *h, const char *text)
{
    h->to[h->nports++] = (struct sockaddr_in){.sin_family = AF_INET,
                                              .sin_port = htons((uint16_t)number(text)),
                                              .sin_addr = {htonl(INADDR_LOOPBACK)}};
}

int main(int argc, char **argv)
{
    static struct hostile h;
    struct rlimit lim;
    struct sigaction sa = {.sa_handler = on_term};

    if (argc < 5 || argc > 5 + PORTS_MAX) {
        fputs("usage: hostile PORT HEADS BODIES DEAF [CHURN PORT ...]\n", stderr);
        return 2;
    }
    add_port(&h, argv[1]);
    h.churn = argc > 5 ? number(argv[5]) : 0;
    for (int i = 6; i < argc; i++)
        add_port(&h, argv[i]);
    for (int kind = 0; kind < KINDS; kind++) {
        for (long i = number(argv[2 + kind]); i > 0 && h.nclients < CLIENTS_MAX; i--)
            h.clients[h.nclients++] = (struct client){.kind = kind, .fd = -1};
    }
    if (getrlimit(RLIMIT_NOFILE, &lim) == 0) {
        lim.rlim_cur = lim.rlim_max;
        setrlimit(RLIMIT_NOFILE, &lim);
    }
    sigaction(SIGTERM, &sa, NULL);
    if ((h.epoll_fd = epoll_create1(0)) < 0)
        die("epoll_create1");
    run(&h);
    tell(&h);
    return 0;
}
