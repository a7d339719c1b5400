/* A worker's engine over real sockets on the loopback, with an application in C.
 *
 * The worker runs in the test's thread and the clients in another, which notes what it saw: cmocka's checks belong to the
 * first thread.  "/stop" ends the worker from inside a call, as a guest does. */
#include "engine/worker.h"
#include "os/fd.h"
#include "os/thread.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

/* After the seam: cmocka has a macro named fail. */
#include "base/test/support.h"

struct house {
    struct lc_engine_conf conf;
    struct lc_worker w;
    struct lc_app app;
    struct lc_server server; /* the test's thread */
    struct lc_thread client;
    struct sockaddr_in tcp;
    struct sockaddr_un local;
    int signal_fds[2];
    int fds[4];         /* the clients' sockets */
    char heard[4][512]; /* what the clients heard */
    size_t nheard;      /* bytes that were counted instead */
    char trouble[128];  /* the first */
    int ncalls;
    bool has_signal;
};

/* --- the application ------------------------------------------------------------------------------------------ */

static bool is_path(const struct lc_exchange *x, const char *path)
{
    struct lc_str target = lc_req_text(&x->req, x->req.target);

    return lc_str_eq(target, lc_str_of(path, strlen(path)));
}

static bool is_readable(void *arg)
{
    struct lc_exchange *x = arg;

    return x->ops->is_readable(x);
}

static bool is_writable(void *arg)
{
    struct lc_exchange *x = arg;

    return x->ops->is_writable(x);
}

static void enter(struct house *h)
{
    LC_CHECK(lc_owner_enter(&h->w.owner) == LC_OK);
}

static enum lc_rc wait_for(struct house *h, bool (*ready)(void *arg), struct lc_exchange *x)
{
    enum lc_rc rc;

    enter(h);
    rc = lc_owner_wait(&h->w.owner, &h->server.seat, ready, x);
    lc_owner_leave(&h->w.owner);
    return rc;
}

/* Reads to the end, sleeping inside the call like an inline application. */
static size_t read_all(struct house *h, struct lc_exchange *x)
{
    char part[4096];
    size_t total = 0, got;
    enum lc_rc rc;

    for (;;) {
        enter(h);
        rc = lc_exchange_read(x, part, sizeof part, &got);
        lc_owner_leave(&h->w.owner);
        total += got;
        if (rc == LC_AGAIN)
            rc = wait_for(h, is_readable, x);
        else if (got == 0)
            break;
        LC_CHECK(rc == LC_OK);
    }
    return total;
}

static void write_much(struct house *h, struct lc_exchange *x)
{
    static char big[1 << 16];
    struct lc_piece piece = {.p = big, .n = sizeof big};
    enum lc_rc rc = LC_OK;

    for (int i = 0; i < 160 && rc == LC_OK; i++) {
        enter(h);
        rc = lc_exchange_write(x, &piece, 1, false);
        lc_owner_leave(&h->w.owner);
        if (rc == LC_AGAIN)
            rc = wait_for(h, is_writable, x);
    }
}

static void call(void *ctx, struct lc_exchange *x)
{
    struct house *h = ctx;
    char text[64];
    struct lc_piece piece = {.p = text};

    h->ncalls++;
    enter(h);
    LC_CHECK(lc_response_begin(&x->res, LC_STR("200 OK"), x->is_head) == LC_OK);
    lc_owner_leave(&h->w.owner);
    if (is_path(x, "/stop"))
        lc_worker_stop(&h->w, true);
    if (is_path(x, "/quit"))
        lc_worker_stop(&h->w, false);
    if (is_path(x, "/much"))
        write_much(h, x);
    piece.n = (size_t)snprintf(text, sizeof text, "call %d at %u: %zu", h->ncalls, x->listener,
                               read_all(h, x));
    enter(h);
    if (lc_exchange_write(x, &piece, 1, true) == LC_ENOMEM)
        abort();
    h->server.x = NULL;
    lc_exchange_finish(x);
    lc_owner_leave(&h->w.owner);
}

/* --- the clients ---------------------------------------------------------------------------------------------- */

static void note_trouble(struct house *h, const char *what, int i)
{
    if (h->trouble[0] == '\0')
        snprintf(h->trouble, sizeof h->trouble, "client %d: %s", i, what);
}

static void dial(struct house *h, int i, bool is_local)
{
    struct timeval patience = {.tv_sec = 20};
    struct sockaddr *to = is_local ? (struct sockaddr *)&h->local : (struct sockaddr *)&h->tcp;

    h->fds[i] = socket(to->sa_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
    setsockopt(h->fds[i], SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
    if (connect(h->fds[i], to, is_local ? sizeof h->local : sizeof h->tcp) != 0)
        note_trouble(h, "refused", i);
}

static void say(struct house *h, int i, const char *text)
{
    if (send(h->fds[i], text, strlen(text), MSG_NOSIGNAL) != (ssize_t)strlen(text))
        note_trouble(h, "cannot send", i);
}

/* Until these words have come; NULL: until the server closes. */
static void hear(struct house *h, int i, const char *until)
{
    size_t n = strlen(h->heard[i]);
    ssize_t got = 1;

    while (got > 0 && (until == NULL || strstr(h->heard[i], until) == NULL)) {
        got = recv(h->fds[i], h->heard[i] + n, sizeof h->heard[i] - 1 - n, 0);
        n += got > 0 ? (size_t)got : 0;
        h->heard[i][n] = '\0';
    }
    if (until ? got <= 0 : got < 0)
        note_trouble(h, until ? until : "not closed", i);
}

/* --- the house ------------------------------------------------------------------------------------------------ */

static int listen_at(struct sockaddr *addr, socklen_t len)
{
    int fd = socket(addr->sa_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

    assert_int_equal(bind(fd, addr, len), 0);
    assert_int_equal(listen(fd, 64), 0);
    return fd;
}

static void set_listeners(struct house *h)
{
    socklen_t len = sizeof h->tcp;

    h->tcp = (struct sockaddr_in){.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    h->local = (struct sockaddr_un){.sun_family = AF_UNIX};
    snprintf(h->local.sun_path, sizeof h->local.sun_path, "/tmp/licorne-test-worker-%ld",
             (long)getpid());
    unlink(h->local.sun_path);
    h->conf.listeners[0].fd = listen_at((struct sockaddr *)&h->tcp, len);
    h->conf.listeners[0].kind = LC_LISTEN_TCP;
    assert_int_equal(getsockname(h->conf.listeners[0].fd, (struct sockaddr *)&h->tcp, &len), 0);
    h->conf.listeners[1].fd = listen_at((struct sockaddr *)&h->local, sizeof h->local);
    h->conf.listeners[1].kind = LC_LISTEN_UNIX;
    h->conf.nlisteners = 2;
}

static void house_init(struct house *h)
{
    memset(h, 0, sizeof *h);
    h->conf = (struct lc_engine_conf){
        .limits = {.request_line = 4094,
                   .fields = 100,
                   .field_size = 8190,
                   .body_memory = 65536,
                   .body_file = 1 << 20,
                   .is_body_buffered = true,
                   .out_memory = 1 << 16,
                   .out_file = 1 << 20,
                   .header_ms = 30000,
                   .idle_ms = 75000,
                   .rate_window_ms = 20000,
                   .body_min_rate = 240,
                   .send_min_rate = 240,
                   .linger_ms = 5000},
        .log = {.fd = -1, .level = LC_CRITICAL + 1},
        .conns_max = 100,
        .threads = 1,
        .is_main_called = true,
        .is_inline = true,
        .graceful_ms = 20000,
        .tmp_dir = "/tmp",
        .server = "licorne",
    };
    set_listeners(h);
    h->app = (struct lc_app){.ctx = h, .call = call};
    assert_int_equal(lc_fd_pipe(h->signal_fds), LC_OK);
    for (size_t i = 0; i < LC_ARRAY_LEN(h->fds); i++)
        h->fds[i] = -1;
}

static void nothing(void *ctx)
{
    (void)ctx;
}

/* Serves while the clients talk, until it is told to stop. */
static void house_run(struct house *h, lc_thread_fn clients)
{
    alarm(60);
    assert_int_equal(lc_worker_open(&h->w, &h->conf, NULL, &h->app, h->signal_fds[0]), LC_OK);
    assert_int_equal(lc_thread_start(&h->client, clients, h), LC_OK);
    h->server = (struct lc_server){.guest = {.leave = nothing, .enter = nothing, .wakeup = nothing},
                                   .ctx = h,
                                   .is_first = true,
                                   .is_main = true};
    lc_worker_serve(&h->w, &h->server);
    h->has_signal = h->w.has_signal;
    assert_true(lc_worker_close(&h->w, 1000));
    lc_thread_join(&h->client);
    alarm(0);
    assert_string_equal(h->trouble, "");
    for (size_t i = 0; i < LC_ARRAY_LEN(h->fds); i++)
        lc_fd_close(&h->fds[i]);
    lc_fd_close(&h->signal_fds[0]);
    lc_fd_close(&h->signal_fds[1]);
    unlink(h->local.sun_path);
}

static void two_listeners(void *arg)
{
    struct house *h = arg;

    dial(h, 0, false);
    dial(h, 1, true);
    say(h, 0, "GET / HTTP/1.1\r\n\r\n");
    hear(h, 0, "call 1 at 0: 0");
    say(h, 1, "GET / HTTP/1.1\r\n\r\n");
    hear(h, 1, "call 2 at 1: 0");
    say(h, 0, "POST / HTTP/1.1\r\nContent-Length: 3\r\n\r\nabc");
    hear(h, 0, "call 3 at 0: 3");
    say(h, 1, "GET /stop HTTP/1.1\r\n\r\n");
    hear(h, 1, NULL);
    hear(h, 0, NULL);
}

static void it_serves_all_its_listeners(void **state)
{
    struct house *h = malloc(sizeof *h);

    (void)state;
    house_init(h);
    house_run(h, two_listeners);
    assert_int_equal(h->ncalls, 4);
    assert_false(h->has_signal);
    free(h);
}

static void stop_gracefully(void *arg)
{
    struct house *h = arg;

    dial(h, 0, false); /* idle: closed without a word */
    say(h, 0, "GET / HTTP/1.1\r\n\r\n");
    hear(h, 0, "call 1");
    dial(h, 1, false); /* inside a request: served to its end */
    say(h, 1, "POST /half HTTP/1.1\r\nContent-Length: 6\r\n\r\nabc");
    dial(h, 2, false);
    say(h, 2, "GET / HTTP/1.1\r\n\r\n");
    hear(h, 2, "call 2");
    say(h, 2, "GET /stop HTTP/1.1\r\n\r\n");
    hear(h, 2, NULL);
    hear(h, 0, NULL);
    say(h, 1, "def");
    hear(h, 1, NULL);
}

static void a_graceful_stop_finishes_what_was_begun(void **state)
{
    struct house *h = malloc(sizeof *h);

    (void)state;
    house_init(h);
    house_run(h, stop_gracefully);
    assert_non_null(strstr(h->heard[2], "Connection: close"));
    assert_non_null(strstr(h->heard[1], "Connection: close"));
    assert_non_null(strstr(h->heard[1], "call 4 at 0: 6"));
    assert_null(strstr(h->heard[0], "Connection: close"));
    free(h);
}

static void never_finish(void *arg)
{
    struct house *h = arg;

    dial(h, 0, false);
    say(h, 0, "POST / HTTP/1.1\r\nContent-Length: 6\r\n\r\nabc");
    dial(h, 1, false);
    say(h, 1, "GET /stop HTTP/1.1\r\n\r\n");
    hear(h, 1, NULL);
    while (recv(h->fds[0], h->heard[0], 1, 0) > 0)
        ; /* an end or a reset */
}

static void a_graceful_stop_has_its_time(void **state)
{
    struct house *h = malloc(sizeof *h);

    (void)state;
    house_init(h);
    h->conf.graceful_ms = 200;
    house_run(h, never_finish);
    assert_int_equal(h->ncalls, 1);
    free(h);
}

static void stop_quickly(void *arg)
{
    struct house *h = arg;

    dial(h, 0, false);
    say(h, 0, "POST / HTTP/1.1\r\nContent-Length: 6\r\n\r\nabc");
    dial(h, 1, false);
    say(h, 1, "GET /quit HTTP/1.1\r\n\r\n");
    while (recv(h->fds[0], h->heard[0], 1, 0) > 0)
        ;
}

static void a_quick_stop_waits_for_nobody(void **state)
{
    struct house *h = malloc(sizeof *h);

    (void)state;
    house_init(h);
    house_run(h, stop_quickly);
    assert_int_equal(h->ncalls, 1);
    free(h);
}

static void stream_slowly(void *arg)
{
    struct house *h = arg;

    dial(h, 0, false);
    say(h, 0, "POST /slow HTTP/1.1\r\nExpect: 100-continue\r\nContent-Length: 6\r\n\r\n");
    hear(h, 0, "100 Continue"); /* its call sleeps now */
    dial(h, 1, false);
    say(h, 1, "GET /second HTTP/1.1\r\n\r\n"); /* is read, and waits */
    dial(h, 2, false);
    say(h, 2, "BAD\r\n\r\n"); /* needs no application: answered at once */
    hear(h, 2, "400 Bad Request");
    shutdown(h->fds[2], SHUT_RDWR); /* or the worker lingers for it */
    say(h, 0, "abc");
    say(h, 0, "def");
    hear(h, 0, "call 1 at 0: 6");
    hear(h, 1, "call 2 at 0: 0");
    say(h, 1, "GET /stop HTTP/1.1\r\n\r\n");
    hear(h, 1, NULL);
}

static void the_engine_goes_on_while_a_call_sleeps(void **state)
{
    struct house *h = malloc(sizeof *h);

    (void)state;
    house_init(h);
    h->conf.limits.is_body_buffered = false;
    house_run(h, stream_slowly);
    assert_int_equal(h->ncalls, 3);
    free(h);
}

static void read_much(void *arg)
{
    struct house *h = arg;
    static char part[1 << 16];
    ssize_t got;

    dial(h, 0, false);
    say(h, 0, "GET /much HTTP/1.0\r\n\r\n");
    while ((got = recv(h->fds[0], part, sizeof part, 0)) > 0)
        h->nheard += (size_t)got;
    dial(h, 1, false);
    say(h, 1, "GET /stop HTTP/1.1\r\n\r\n");
    hear(h, 1, NULL);
}

/* Beyond memory and spool the call sleeps until the client has taken some. */
static void a_call_that_writes_too_much_waits_for_its_reader(void **state)
{
    struct house *h = malloc(sizeof *h);

    (void)state;
    house_init(h);
    house_run(h, read_much);
    assert_in_range(h->nheard, 160 * 65536, 160 * 65536 + 1000);
    free(h);
}

static void come_three(void *arg)
{
    struct house *h = arg;

    for (int i = 0; i < 3; i++) {
        dial(h, i, false);
        say(h, i, "GET / HTTP/1.1\r\n\r\n");
        hear(h, i, "call");
    }
    hear(h, 0, NULL); /* the longest idle made room */
    say(h, 1, "GET / HTTP/1.1\r\n\r\n");
    hear(h, 1, "call 4");
    say(h, 2, "GET /stop HTTP/1.1\r\n\r\n");
    hear(h, 2, NULL);
}

static void the_longest_idle_makes_room_at_worker_connections(void **state)
{
    struct house *h = malloc(sizeof *h);

    (void)state;
    house_init(h);
    h->conf.conns_max = 2;
    house_run(h, come_three);
    free(h);
}

static void send_signal(void *arg)
{
    struct house *h = arg;

    if (write(h->signal_fds[1], "x", 1) != 1)
        note_trouble(h, "signal", 0);
    dial(h, 0, false);
    say(h, 0, "GET /stop HTTP/1.1\r\n\r\n");
    hear(h, 0, NULL);
}

static void the_guest_s_signals_are_seen(void **state)
{
    struct house *h = malloc(sizeof *h);

    (void)state;
    house_init(h);
    house_run(h, send_signal);
    assert_true(h->has_signal);
    free(h);
}

#define EACH(name) cmocka_unit_test(name)

int main(void)
{
    const struct CMUnitTest tests[] = {
        EACH(it_serves_all_its_listeners),
        EACH(a_graceful_stop_finishes_what_was_begun),
        EACH(a_graceful_stop_has_its_time),
        EACH(a_quick_stop_waits_for_nobody),
        EACH(the_engine_goes_on_while_a_call_sleeps),
        EACH(a_call_that_writes_too_much_waits_for_its_reader),
        EACH(the_longest_idle_makes_room_at_worker_connections),
        EACH(the_guest_s_signals_are_seen),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
