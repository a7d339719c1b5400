/* One worker with a socket of its own, and another socket whose worker is a word in the board. */
#include "engine/worker.h"
#include "os/fd.h"
#include "os/fdpass.h"
#include "os/thread.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/time.h>
#include <unistd.h>

/* After the seam: cmocka has a macro named fail. */
#include "base/test/support.h"

enum { SOCKETS = 2, CLIENTS = 64 };
enum { OTHER = 2 }; /* the slot of place 1: its number says nothing of its socket */

struct house {
    struct lc_board board;
    int parcels[2], sockets[SOCKETS], slot_fds[SOCKETS];
    struct sockaddr_in tcp;
    struct lc_engine_conf conf;
    struct lc_worker w;
    struct lc_app app;
    struct lc_server server;
    struct lc_thread thread;
    atomic_bool is_held; /* the next call waits while it is set */
    atomic_int ninside;
    int fds[CLIENTS], nfds;
};

/* --- the worker ----------------------------------------------------------------------------------------------- */

static void call(void *ctx, struct lc_exchange *x)
{
    struct house *h = ctx;
    struct lc_piece piece = {.p = "done", .n = 4};

    atomic_fetch_add(&h->ninside, 1);
    while (atomic_load(&h->is_held))
        poll(NULL, 0, 1);
    LC_CHECK(lc_owner_enter(&h->w.owner) == LC_OK);
    LC_CHECK(lc_response_begin(&x->res, LC_STR("200 OK"), false) == LC_OK);
    LC_CHECK(lc_exchange_write(x, &piece, 1, true) != LC_ENOMEM);
    h->server.x = NULL;
    lc_exchange_finish(x);
    lc_owner_leave(&h->w.owner);
    atomic_fetch_sub(&h->ninside, 1);
}

static void nothing(void *ctx)
{
    (void)ctx;
}

static void serve(void *arg)
{
    struct house *h = arg;

    lc_worker_serve(&h->w, &h->server);
    LC_CHECK(lc_worker_close(&h->w, 1000));
}

static void listen_here(struct house *h)
{
    socklen_t len = sizeof h->tcp;

    h->tcp = (struct sockaddr_in){.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    for (int i = 0; i < SOCKETS; i++) {
        int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

        assert_int_equal(setsockopt(fd, SOL_SOCKET, SO_REUSEPORT, &(int){1}, sizeof(int)), 0);
        assert_int_equal(bind(fd, (struct sockaddr *)&h->tcp, len), 0);
        assert_int_equal(listen(fd, 64), 0);
        assert_int_equal(getsockname(fd, (struct sockaddr *)&h->tcp, &len), 0);
        h->sockets[i] = fd;
        h->slot_fds[i] = dup(fd);
    }
}

static void take(const struct lc_worker *w, uint32_t slot, uint32_t place, enum lc_board_life life)
{
    const struct lc_board *b = w->conf->board;

    lc_board_take(b, slot, life == LC_LIFE_EMPTY ? 0 : getpid(), life);
    atomic_store(&lc_board_slot(b, slot)->place, place);
    atomic_store(&lc_board_slot(b, slot)->sockets, w->reuse.sockets);
}

static struct house *begin(enum lc_board_life other)
{
    struct house *h = calloc(1, sizeof *h);

    alarm(60);
    assert_int_equal(lc_board_open(&h->board, 8, 1), LC_OK);
    assert_int_equal(lc_fdpass_pair(h->parcels), LC_OK);
    listen_here(h);
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
                   .rate_window_ms = 20000},
        .log = {.fd = -1, .level = LC_CRITICAL + 1},
        .conns_max = 100,
        .threads = 1,
        .is_main_called = true,
        .is_inline = true,
        .is_multiprocess = true,
        .graceful_ms = 20000,
        .tmp_dir = "/tmp",
        .server = "licorne",
        .board = &h->board,
        .slot = 0,
        .parcels = h->parcels,
        .nslot_fds = SOCKETS,
        .nlisteners = 1,
        .listeners = {{.fd = h->slot_fds[0], .kind = LC_LISTEN_TCP, .slot_fds = h->slot_fds}},
    };
    h->app = (struct lc_app){.ctx = h, .call = call};
    h->server = (struct lc_server){.guest = {.leave = nothing, .enter = nothing, .wakeup = nothing},
                                   .ctx = h,
                                   .is_first = true,
                                   .is_main = true};
    lc_board_take(&h->board, 0, getpid(), LC_LIFE_BOOTING);
    assert_int_equal(lc_worker_open(&h->w, &h->conf, NULL, &h->app, -1), LC_OK);
    take(&h->w, OTHER, 1, other);
    assert_int_equal(lc_thread_start(&h->thread, serve, h), LC_OK);
    return h;
}

static void end(struct house *h)
{
    lc_worker_stop(&h->w, false);
    lc_thread_join(&h->thread);
    for (int i = 0; i < SOCKETS; i++) {
        assert_int_equal(fcntl(h->slot_fds[i], F_GETFD), -1); /* the foreign one, too */
        lc_fd_close(&h->sockets[i]);
    }
    for (int i = 0; i < h->nfds; i++)
        lc_fd_close(&h->fds[i]);
    lc_fd_close(&h->parcels[0]);
    lc_fd_close(&h->parcels[1]);
    lc_board_close(&h->board);
    free(h);
    alarm(0);
}

static uint32_t nheld(struct house *h)
{
    uint32_t n;

    assert_int_equal(lc_owner_enter(&h->w.owner), LC_OK);
    n = h->w.reuse.nheld;
    lc_owner_leave(&h->w.owner);
    return n;
}

static void wait_held(struct house *h, uint32_t n)
{
    while (nheld(h) != n) /* the alarm ends it */
        poll(NULL, 0, 2);
}

/* --- the clients ---------------------------------------------------------------------------------------------- */

static bool is_queued(struct house *h, int socket)
{
    struct pollfd p = {.fd = h->sockets[socket], .events = POLLIN};

    return poll(&p, 1, 0) == 1;
}

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

static void get(int fd)
{
    static const char text[] = "GET / HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n";

    assert_int_equal(send(fd, text, sizeof text - 1, MSG_NOSIGNAL), sizeof text - 1);
}

static void hear(int fd)
{
    char text[1024] = "";
    size_t n = 0;
    ssize_t got;

    while ((got = recv(fd, text + n, sizeof text - 1 - n, 0)) > 0)
        n += (size_t)got;
    assert_int_equal(got, 0);
    assert_non_null(strstr(text, "done"));
}

/* A client at the socket of the other slot, whose queue nobody looks at. */
static int dial_other(struct house *h)
{
    int fd = -1;

    while (!is_queued(h, 1)) {
        fd = dial(h);
        poll(NULL, 0, 1);
    }
    return fd;
}

/* --- tests ---------------------------------------------------------------------------------------------------- */

/* A worker that has looked at a board of eight slots, and no more. */
struct looker {
    struct lc_board board;
    struct lc_engine_conf conf;
    struct lc_worker *w;
    bool is_attended[SOCKETS];
};

static void look_begin(struct looker *l, uint32_t slot, uint32_t place)
{
    *l = (struct looker){.conf = {.board = &l->board, .slot = slot, .place = place}};
    assert_int_equal(lc_board_open(&l->board, 8, 1), LC_OK);
    l->w = calloc(1, sizeof *l->w);
    l->w->conf = &l->conf;
    l->w->reuse = (struct lc_reuse){.n = SOCKETS, .sockets = 7, .is_attended = l->is_attended};
}

static void look_end(struct looker *l)
{
    lc_board_close(&l->board);
    free(l->w);
}

static int attended(struct looker *l) /* bits */
{
    lc_reuse_look(l->w);
    return l->is_attended[0] + 2 * l->is_attended[1];
}

static void a_socket_is_attended_by_any_of_its_places_that_serves(void **state)
{
    struct looker l;

    (void)state;
    look_begin(&l, 5, 0);
    assert_int_equal(attended(&l), 0);
    take(l.w, 0, 1, LC_LIFE_BOOTING);
    assert_int_equal(attended(&l), 0);
    take(l.w, 0, 1, LC_LIFE_SERVING);
    assert_int_equal(attended(&l), 2);
    take(l.w, 3, 2, LC_LIFE_SERVING); /* added by TTIN */
    assert_int_equal(attended(&l), 3);
    take(l.w, 4, 1, LC_LIFE_BOOTING); /* an heir */
    take(l.w, 0, 1, LC_LIFE_DRAINING);
    assert_int_equal(attended(&l), 1);
    take(l.w, 4, 1, LC_LIFE_SERVING);
    take(l.w, 3, 2, LC_LIFE_EMPTY);
    assert_int_equal(attended(&l), 2);
    look_end(&l);
}

static void who_has_other_sockets_attends_to_none_of_these(void **state)
{
    struct looker l;

    (void)state;
    look_begin(&l, 5, 0);
    take(l.w, 0, 0, LC_LIFE_SERVING);
    atomic_store(&lc_board_slot(&l.board, 0)->sockets, 8);
    assert_int_equal(attended(&l), 0);
    assert_false(l.w->reuse.has_partners);
    look_end(&l);
}

static bool has_free_partner(struct looker *l)
{
    lc_reuse_look(l->w);
    return lc_reuse_has_free_partner(l->w);
}

static void partners_have_the_same_socket(void **state)
{
    struct looker l;

    (void)state;
    look_begin(&l, 3, 1);
    take(l.w, 0, 0, LC_LIFE_SERVING);
    take(l.w, 1, 2, LC_LIFE_SERVING);
    take(l.w, 3, 1, LC_LIFE_SERVING); /* itself */
    for (uint32_t i = 0; i < 4; i++)
        atomic_store(&lc_board_slot(&l.board, i)->free, 1);
    assert_false(has_free_partner(&l));
    take(l.w, 4, 1, LC_LIFE_SERVING); /* its heir, or its predecessor */
    assert_false(has_free_partner(&l));
    atomic_store(&lc_board_slot(&l.board, 4)->free, 1);
    assert_true(has_free_partner(&l));
    take(l.w, 4, 1, LC_LIFE_EMPTY);
    take(l.w, 2, 3, LC_LIFE_BOOTING); /* of TTIN */
    atomic_store(&lc_board_slot(&l.board, 2)->free, 1);
    assert_true(has_free_partner(&l));
    look_end(&l);
}

static void a_socket_without_its_worker_is_served_by_a_sibling(void **state)
{
    struct house *h = begin(LC_LIFE_EMPTY);

    (void)state;
    for (int i = 0; i < 32; i++)
        get(dial(h));
    for (int i = 0; i < 32; i++)
        hear(h->fds[i]);
    assert_int_equal(nheld(h), 1);
    end(h);
}

static void it_is_left_alone_while_its_worker_is_back(void **state)
{
    struct house *h = begin(LC_LIFE_EMPTY);
    int fd;

    (void)state;
    wait_held(h, 1);
    take(&h->w, OTHER, 1, LC_LIFE_SERVING);
    wait_held(h, 0);
    fd = dial_other(h);
    get(fd);
    poll(NULL, 0, 3 * LC_REUSE_LOOK_MS);
    assert_true(is_queued(h, 1));
    take(&h->w, OTHER, 1, LC_LIFE_EMPTY);
    hear(fd);
    take(&h->w, OTHER, 1, LC_LIFE_BOOTING);
    wait_held(h, 1);
    end(h);
}

static void one_that_was_never_needed_is_closed_too(void **state)
{
    struct house *h = begin(LC_LIFE_SERVING);

    (void)state;
    dial_other(h);
    poll(NULL, 0, 2 * LC_REUSE_LOOK_MS);
    assert_int_equal(nheld(h), 0);
    end(h); /* looks at the descriptors */
}

static void a_busy_worker_accepts_from_its_own_though_a_sibling_is_free(void **state)
{
    struct house *h = begin(LC_LIFE_SERVING);

    (void)state;
    atomic_store(&lc_board_slot(&h->board, OTHER)->free, 1);
    atomic_store(&h->is_held, true);
    while (atomic_load(&h->ninside) == 0) {
        get(dial(h));
        poll(NULL, 0, 2);
    }
    poll(NULL, 0, 50); /* the engine is with the watcher */
    for (int i = 0; i < 24; i++)
        assert_true(dial(h) >= 0);
    while (is_queued(h, 0))
        poll(NULL, 0, 1);
    assert_true(is_queued(h, 1));
    atomic_store(&h->is_held, false);
    end(h);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_socket_is_attended_by_any_of_its_places_that_serves),
        cmocka_unit_test(who_has_other_sockets_attends_to_none_of_these),
        cmocka_unit_test(partners_have_the_same_socket),
        cmocka_unit_test(a_socket_without_its_worker_is_served_by_a_sibling),
        cmocka_unit_test(it_is_left_alone_while_its_worker_is_back),
        cmocka_unit_test(one_that_was_never_needed_is_closed_too),
        cmocka_unit_test(a_busy_worker_accepts_from_its_own_though_a_sibling_is_free),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
