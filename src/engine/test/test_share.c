/* Two workers of one server, each in a thread of its own, and their clients in the test's. */
#include "engine/test/conf.h"
#include "engine/worker.h"
#include "os/fd.h"
#include "os/fdpass.h"
#include "os/thread.h"

#include <arpa/inet.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/time.h>
#include <unistd.h>

/* After the seam: cmocka has a macro named fail. */
#include "base/test/support.h"

enum { WORKERS = 2, CLIENTS = 100 };

struct house;

struct one {
    struct house *house;
    int index;
    struct lc_engine_conf conf;
    struct lc_worker w;
    struct lc_app app;
    struct lc_server server;
    struct lc_thread thread;
};

struct house {
    struct lc_board board;
    int parcels[2], listener;
    struct sockaddr_in tcp;
    struct one one[WORKERS];
    struct lc_mutex lock; /* of what follows */
    struct lc_cond moved;
    int nheld[WORKERS]; /* calls that wait to be released */
    int nreleased[WORKERS];
    int fds[CLIENTS];
    int nfds;
};

/* --- the application ------------------------------------------------------------------------------------------ */

static void hold(struct house *h, int i)
{
    lc_mutex_lock(&h->lock);
    h->nheld[i]++;
    lc_cond_broadcast(&h->moved);
    while (h->nreleased[i] == 0)
        lc_cond_wait(&h->moved, &h->lock);
    h->nreleased[i]--;
    h->nheld[i]--;
    lc_mutex_unlock(&h->lock);
}

static void call(void *ctx, struct lc_exchange *x)
{
    struct one *o = ctx;
    struct lc_owner *owner = &o->w.owner;
    struct lc_str target = lc_req_text(&x->req, x->req.target);
    char text[64], size[24], part[4096];
    struct lc_piece piece = {.p = text};
    size_t got, all = 0;

    if (lc_str_eq(target, LC_STR("/hold")))
        hold(o->house, o->index);
    LC_CHECK(lc_owner_enter(owner) == LC_OK);
    while (lc_exchange_read(x, part, sizeof part, &got) == LC_OK && got > 0)
        all += got;
    LC_CHECK(lc_response_begin(&x->res, LC_STR("200 OK"), false) == LC_OK);
    piece.n = (size_t)snprintf(text, sizeof text, "[worker %d: %zu]", o->index, all);
    snprintf(size, sizeof size, "%zu", piece.n);
    LC_CHECK(lc_response_field(&x->res, LC_STR("Content-Length"), lc_str_of(size, strlen(size))) ==
             LC_OK);
    LC_CHECK(lc_exchange_write(x, &piece, 1, true) != LC_ENOMEM);
    o->server.x = NULL;
    lc_exchange_finish(x);
    lc_owner_leave(owner);
}

/* --- the house ------------------------------------------------------------------------------------------------ */

static void nothing(void *ctx)
{
    (void)ctx;
}

static void serve(void *arg)
{
    struct one *o = arg;

    lc_worker_serve(&o->w, &o->server);
    LC_CHECK(lc_worker_close(&o->w, 1000));
}

static void listen_here(struct house *h)
{
    socklen_t len = sizeof h->tcp;

    h->tcp = (struct sockaddr_in){.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    h->listener = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    assert_int_equal(bind(h->listener, (struct sockaddr *)&h->tcp, len), 0);
    assert_int_equal(listen(h->listener, 64), 0);
    assert_int_equal(getsockname(h->listener, (struct sockaddr *)&h->tcp, &len), 0);
}

static void start(struct house *h, int i)
{
    struct one *o = &h->one[i];

    *o = (struct one){.house = h, .index = i};
    o->conf = lc_test_conf();
    o->conf.is_multiprocess = true;
    o->conf.board = &h->board;
    o->conf.slot = (uint32_t)i;
    o->conf.parcels = h->parcels;
    o->conf.nlisteners = 1;
    o->conf.listeners[0].fd = dup(h->listener);
    o->conf.listeners[0].kind = LC_LISTEN_TCP;
    o->app = (struct lc_app){.ctx = o, .call = call};
    o->server = (struct lc_server){.guest = {.leave = nothing, .enter = nothing, .wakeup = nothing},
                                   .ctx = o,
                                   .is_first = true,
                                   .is_main = true};
    lc_board_take(&h->board, (uint32_t)i, getpid(), LC_LIFE_BOOTING);
    assert_int_equal(lc_worker_open(&o->w, &o->conf, NULL, &o->app, -1), LC_OK);
    assert_int_equal(lc_thread_start(&o->thread, serve, o), LC_OK);
}

static struct house *begin(void)
{
    struct house *h = calloc(1, sizeof *h);

    alarm(60);
    lc_mutex_init(&h->lock);
    lc_cond_init(&h->moved);
    assert_int_equal(lc_board_open(&h->board, 8, 1), LC_OK);
    assert_int_equal(lc_fdpass_pair(h->parcels), LC_OK);
    listen_here(h);
    for (int i = 0; i < WORKERS; i++)
        start(h, i);
    for (uint32_t i = 0; i < WORKERS;
         i++) { /* on a busy machine one may come long after the other */
        while (atomic_load(&lc_board_slot(&h->board, i)->free) == 0)
            poll(NULL, 0, 1);
    }
    return h;
}

static void end(struct house *h)
{
    for (int i = 0; i < WORKERS; i++)
        lc_worker_stop(&h->one[i].w, false);
    for (int i = 0; i < WORKERS; i++)
        lc_thread_join(&h->one[i].thread);
    for (int i = 0; i < h->nfds; i++)
        lc_fd_close(&h->fds[i]);
    lc_fd_close(&h->parcels[0]);
    lc_fd_close(&h->parcels[1]);
    lc_fd_close(&h->listener);
    lc_board_close(&h->board);
    lc_cond_fini(&h->moved);
    lc_mutex_fini(&h->lock);
    free(h);
    alarm(0);
}

/* --- the clients ---------------------------------------------------------------------------------------------- */

static int dial(struct house *h)
{
    struct timeval patience = {.tv_sec = 20};
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

    assert_true(h->nfds < CLIENTS);
    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
    assert_int_equal(connect(fd, (struct sockaddr *)&h->tcp, sizeof h->tcp), 0);
    h->fds[h->nfds++] = fd;
    return fd;
}

static void say(int fd, const char *p, size_t n)
{
    while (n > 0) {
        ssize_t sent = send(fd, p, n, MSG_NOSIGNAL);

        assert_true(sent > 0);
        p += sent;
        n -= (size_t)sent;
    }
}

static void get(int fd, const char *path)
{
    char text[128];
    int n = snprintf(text, sizeof text, "GET %s HTTP/1.1\r\nHost: h\r\n\r\n", path);

    say(fd, text, (size_t)n);
}

/* Who answered; *n: how long the body was. */
static int hear(int fd, size_t *n)
{
    char text[1024] = "", *at = NULL;
    size_t len = 0;
    int who;

    while (at == NULL || strchr(at, ']') == NULL) {
        ssize_t got = recv(fd, text + len, 1, 0); /* no byte of the next answer */

        assert_int_equal(got, 1);
        text[++len] = '\0';
        assert_true(len < sizeof text - 1);
        at = strstr(text, "[worker ");
    }
    who = at[8] - '0';
    *n = strtoul(at + 11, NULL, 10);
    return who;
}

static int ask(int fd)
{
    size_t n;

    get(fd, "/");
    return hear(fd, &n);
}

/* A kept-alive client of this worker. */
static int client_of(struct house *h, int who)
{
    for (;;) {
        int fd = dial(h);

        if (ask(fd) == who)
            return fd;
    }
}

static void wait_held(struct house *h, int i)
{
    lc_mutex_lock(&h->lock);
    while (h->nheld[i] == 0)
        lc_cond_wait(&h->moved, &h->lock);
    lc_mutex_unlock(&h->lock);
}

static void release(struct house *h, int i)
{
    lc_mutex_lock(&h->lock);
    h->nreleased[i]++;
    lc_cond_broadcast(&h->moved);
    lc_mutex_unlock(&h->lock);
}

static void hold_worker(struct house *h, int fd, int i)
{
    get(fd, "/hold");
    wait_held(h, i);
}

/* --- tests ---------------------------------------------------------------------------------------------------- */

static void spaced_connections_are_spread(void **state)
{
    struct house *h = begin();
    int n[WORKERS] = {0};

    (void)state;
    for (int i = 0; i < 40; i++)
        n[ask(dial(h))]++;
    assert_in_range(n[0], 4, 36); /* without a care the kernel wakes the same one for all */
    end(h);
}

static void a_request_without_a_thread_goes_to_a_sibling_that_has_one(void **state)
{
    struct house *h = begin();
    int busy = client_of(h, 0), kept = client_of(h, 0);
    size_t n;

    (void)state;
    hold_worker(h, busy, 0);
    assert_int_equal(ask(kept), 1);
    assert_int_equal(ask(kept), 1); /* and stays there */
    release(h, 0);
    assert_int_equal(hear(busy, &n), 0);
    assert_int_equal(lc_count_get(&lc_board_slot(&h->board, 0)->handed_out), 1);
    assert_int_equal(lc_count_get(&lc_board_slot(&h->board, 1)->handed_in), 1);
    end(h);
}

static void bodies_and_what_follows_go_along(void **state)
{
    static const size_t sizes[] = {10, 300000}; /* in memory, in a file */
    char head[128], *body = calloc(1, 300000);
    size_t n;

    (void)state;
    for (size_t i = 0; i < LC_ARRAY_LEN(sizes); i++) {
        struct house *h = begin();
        int busy = client_of(h, 0), kept = client_of(h, 0);
        int k =
            snprintf(head, sizeof head, "POST / HTTP/1.1\r\nContent-Length: %zu\r\n\r\n", sizes[i]);

        hold_worker(h, busy, 0);
        say(kept, head, (size_t)k);
        say(kept, body, sizes[i]);
        get(kept, "/");
        assert_int_equal(hear(kept, &n), 1);
        assert_int_equal(n, sizes[i]);
        assert_int_equal(hear(kept, &n), 1);
        assert_int_equal(n, 0);
        release(h, 0);
        end(h);
    }
    free(body);
}

/* It is with one of them, and answered by the other. */
static void one_that_waits_while_all_are_busy_goes_to_the_first_that_is_free(void **state)
{
    (void)state;
    for (int first = 0; first < WORKERS; first++) {
        struct house *h = begin();
        int busy[WORKERS] = {client_of(h, 0), client_of(h, 1)}, kept = client_of(h, !first);
        char byte;
        size_t n;

        for (int i = 0; i < WORKERS; i++)
            hold_worker(h, busy[i], i);
        get(kept, "/");
        usleep(30000); /* long enough to be asked about more than once */
        assert_int_equal(recv(kept, &byte, 1, MSG_DONTWAIT), -1);
        release(h, first);
        assert_int_equal(hear(kept, &n), first);
        release(h, !first);
        end(h);
    }
}

static void a_new_connection_goes_past_a_busy_worker(void **state)
{
    struct house *h = begin();
    int busy = client_of(h, 0);

    (void)state;
    hold_worker(h, busy, 0);
    for (int i = 0; i < 8; i++)
        assert_int_equal(ask(dial(h)), 1);
    release(h, 0);
    end(h);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(spaced_connections_are_spread),
        cmocka_unit_test(a_request_without_a_thread_goes_to_a_sibling_that_has_one),
        cmocka_unit_test(bodies_and_what_follows_go_along),
        cmocka_unit_test(one_that_waits_while_all_are_busy_goes_to_the_first_that_is_free),
        cmocka_unit_test(a_new_connection_goes_past_a_busy_worker),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
