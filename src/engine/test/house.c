/* engine/test/house.c - see house.h. */
#include "house.h"

#include "engine/test/conf.h"

#include "os/fd.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <sys/time.h>
#include <unistd.h>

/* After the seam: cmocka has a macro named fail. */
#include "base/test/support.h"

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

void lc_house_trouble(struct house *h, const char *what, int i)
{
    if (h->trouble[0] == '\0')
        snprintf(h->trouble, sizeof h->trouble, "client %d: %s", i, what);
}

void lc_house_dial(struct house *h, int i, bool is_local)
{
    struct timeval patience = {.tv_sec = 20};
    struct sockaddr *to = is_local ? (struct sockaddr *)&h->local : (struct sockaddr *)&h->tcp;

    h->fds[i] = socket(to->sa_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
    setsockopt(h->fds[i], SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
    if (connect(h->fds[i], to, is_local ? sizeof h->local : sizeof h->tcp) != 0)
        lc_house_trouble(h, "refused", i);
}

void lc_house_say(struct house *h, int i, const char *text)
{
    if (send(h->fds[i], text, strlen(text), MSG_NOSIGNAL) != (ssize_t)strlen(text))
        lc_house_trouble(h, "cannot send", i);
}

/* Until these words have come; NULL: until the server closes. */
void lc_house_hear(struct house *h, int i, const char *until)
{
    size_t n = strlen(h->heard[i]);
    ssize_t got = 1;

    while (got > 0 && (until == NULL || strstr(h->heard[i], until) == NULL)) {
        got = recv(h->fds[i], h->heard[i] + n, sizeof h->heard[i] - 1 - n, 0);
        n += got > 0 ? (size_t)got : 0;
        h->heard[i][n] = '\0';
    }
    if (until ? got <= 0 : got < 0)
        lc_house_trouble(h, until ? until : "not closed", i);
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

void lc_house_init(struct house *h)
{
    memset(h, 0, sizeof *h);
    h->conf = lc_test_conf();
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

void lc_house_fini(struct house *h)
{
    assert_string_equal(h->trouble, "");
    for (size_t i = 0; i < LC_ARRAY_LEN(h->fds); i++)
        lc_fd_close(&h->fds[i]);
    lc_fd_close(&h->signal_fds[0]);
    lc_fd_close(&h->signal_fds[1]);
    unlink(h->local.sun_path);
}

/* Serves while the clients talk, until it is told to stop. */
void lc_house_run(struct house *h, lc_thread_fn clients)
{
    alarm(60);
    assert_int_equal(lc_worker_open(&h->w, &h->conf, NULL, &h->app, h->signal_fds[0]), LC_OK);
    assert_int_equal(lc_thread_start(&h->client, clients, h), LC_OK);
    h->server = (struct lc_server){.guest = {.leave = nothing, .enter = nothing, .wakeup = nothing},
                                   .ctx = h,
                                   .is_first = true,
                                   .is_main = true};
    if (h->conf.is_early) {
        char byte;

        assert_int_equal(read(h->boot_fds[0], &byte, 1), 1);
        lc_worker_ready(&h->w);
    }
    lc_worker_serve(&h->w, &h->server);
    h->has_signal = h->w.has_signal;
    assert_true(lc_worker_close(&h->w, 1000));
    lc_thread_join(&h->client);
    alarm(0);
    lc_house_fini(h);
}
