/* Accepting from real sockets on the loopback: batches, no room, no descriptors. */
#include "base/test/support.h"

#include "net/listener.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

enum { CLIENTS_MAX = 100 };

struct room {
    struct lc_loop loop;
    struct lc_log log;
    struct lc_listener_conf conf;
    struct lc_listener l;
    struct sockaddr_in addr;
    int accepted[CLIENTS_MAX], clients[CLIENTS_MAX];
    int naccepted, nclients;
    int room_for;       /* connections that may still come */
    bool has_no_memory; /* on_accept says no */
    int log_fds[2];
};

static bool on_accept(struct lc_listener *l, int fd, const struct lc_addr *peer)
{
    struct room *r = l->conf->ctx;

    assert_int_equal(peer->family, LC_ADDR_IP4);
    if (r->has_no_memory) {
        lc_fd_close(&fd);
        return false;
    }
    r->accepted[r->naccepted++] = fd;
    r->room_for--;
    return true;
}

static bool can_accept(struct lc_listener *l)
{
    return ((struct room *)l->conf->ctx)->room_for > 0;
}

static int listen_socket(struct sockaddr_in *addr)
{
    socklen_t len = sizeof *addr;
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

    *addr = (struct sockaddr_in){.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    assert_int_equal(bind(fd, (struct sockaddr *)addr, len), 0);
    assert_int_equal(listen(fd, 128), 0);
    assert_int_equal(getsockname(fd, (struct sockaddr *)addr, &len), 0);
    return fd;
}

static void room_open(struct room *r)
{
    memset(r, 0, sizeof *r);
    r->room_for = CLIENTS_MAX;
    assert_int_equal(pipe2(r->log_fds, O_NONBLOCK | O_CLOEXEC), 0);
    r->log = (struct lc_log){.fd = r->log_fds[1], .level = LC_ERROR};
    assert_int_equal(lc_loop_open(&r->loop, NULL), LC_OK);
    r->conf = (struct lc_listener_conf){.loop = &r->loop,
                                        .log = &r->log,
                                        .ctx = r,
                                        .on_accept = on_accept,
                                        .can_accept = can_accept,
                                        .busy_answer = "busy"};
    assert_int_equal(lc_listener_start(&r->l, &r->conf, listen_socket(&r->addr)), LC_OK);
}

static void room_close(struct room *r)
{
    lc_listener_stop(&r->l);
    lc_listener_stop(&r->l); /* twice is harmless */
    assert_int_equal(r->l.reserve_fd, -1);
    lc_loop_close(&r->loop);
    for (int i = 0; i < r->naccepted; i++)
        lc_fd_close(&r->accepted[i]);
    for (int i = 0; i < r->nclients; i++)
        lc_fd_close(&r->clients[i]);
    lc_fd_close(&r->log_fds[0]);
    lc_fd_close(&r->log_fds[1]);
}

static void add_client(struct room *r)
{
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

    assert_true(fd >= 0);
    assert_int_equal(connect(fd, (struct sockaddr *)&r->addr, sizeof r->addr),
                     0); /* the kernel's queue takes it */
    r->clients[r->nclients++] = fd;
}

static void step_until_accepted(struct room *r, int n)
{
    for (int i = 0; i < 100 && r->naccepted < n; i++)
        lc_loop_step(&r->loop, 50);
    assert_int_equal(r->naccepted, n);
}

static void ignore(struct lc_watch *w, uint32_t events)
{
    (void)w;
    (void)events;
}

static void alone_it_takes_one_a_turn(void **state)
{
    struct room r;

    (void)state;
    room_open(&r);
    add_client(&r);
    add_client(&r);
    lc_loop_step(&r.loop, 1000);
    assert_int_equal(r.naccepted, 1);
    step_until_accepted(&r, 2);
    room_close(&r);
}

static void among_others_it_takes_a_batch_in_one_turn(void **state)
{
    struct room r;
    struct lc_watch other = {.fn = ignore};

    (void)state;
    room_open(&r);
    other.fd = r.log_fds[0];
    assert_int_equal(lc_loop_watch(&r.loop, &other, LC_READ), LC_OK);
    assert_int_equal(write(r.log_fds[1], "x", 1), 1);
    for (int i = 0; i < LC_ACCEPT_BATCH; i++)
        add_client(&r);
    lc_loop_step(&r.loop, 1000);
    assert_int_equal(r.naccepted, LC_ACCEPT_BATCH);
    for (int i = 0; i < 5; i++)
        add_client(&r);
    step_until_accepted(&r, LC_ACCEPT_BATCH + 5);
    assert_int_equal(lc_loop_watch(&r.loop, &other, 0), LC_OK);
    room_close(&r);
}

static void without_room_it_pauses_until_resumed(void **state)
{
    struct room r;

    (void)state;
    room_open(&r);
    r.room_for = 2;
    for (int i = 0; i < 5; i++)
        add_client(&r);
    step_until_accepted(&r, 2);
    lc_loop_step(&r.loop, 0);
    assert_true(r.l.is_paused);
    lc_loop_step(&r.loop, 0);
    assert_int_equal(r.naccepted, 2); /* and it does not spin: nothing is watched */
    assert_int_equal(r.l.watch.events, 0);
    r.room_for = 3;
    lc_listener_resume(&r.l);
    lc_listener_resume(&r.l);
    step_until_accepted(&r, 5);
    room_close(&r);
}

/* The soft limit alone, so it can come back. */
static struct rlimit limit_fds(struct room *r)
{
    struct rlimit saved, few;
    int lowest = dup(r->log_fds[0]);

    close(lowest);
    assert_int_equal(getrlimit(RLIMIT_NOFILE, &saved), 0);
    few = saved;
    few.rlim_cur = (rlim_t)lowest;
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &few), 0);
    return saved;
}

static void hear_log(struct room *r, const char *text)
{
    char line[512];
    ssize_t n = read(r->log_fds[0], line, sizeof line - 1);

    assert_true(n > 0);
    line[n] = '\0';
    assert_non_null(strstr(line, text));
}

static void out_of_descriptors_one_is_told_and_the_rest_wait(void **state)
{
    struct rlimit saved;
    char text[8] = "";
    struct room r;

    (void)state;
    room_open(&r);
    for (int i = 0; i < 3; i++)
        add_client(&r);
    saved = limit_fds(&r);
    lc_loop_step(&r.loop, 1000);
    assert_int_equal(r.naccepted, 0);
    assert_int_equal(read(r.clients[0], text, sizeof text), 4);
    assert_string_equal(text, "busy");
    assert_int_equal(read(r.clients[0], text, sizeof text), 0);
    assert_true(r.l.reserve_fd >= 0); /* for the next time */
    assert_int_equal(r.l.watch.events, 0);
    hear_log(&r, "no descriptors left");
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &saved), 0);
    step_until_accepted(&r, 2); /* by itself, after a rest */
    room_close(&r);
}

static void no_memory_for_a_connection_rests_too(void **state)
{
    struct room r;

    (void)state;
    room_open(&r);
    r.has_no_memory = true;
    for (int i = 0; i < 2; i++)
        add_client(&r);
    lc_loop_step(&r.loop, 1000);
    assert_int_equal(r.l.watch.events, 0);
    hear_log(&r, "no memory for a connection");
    r.has_no_memory = false;
    step_until_accepted(&r, 1);
    room_close(&r);
}

static void a_pause_outlasts_the_rest(void **state)
{
    struct room r;

    (void)state;
    room_open(&r);
    r.has_no_memory = true;
    add_client(&r);
    lc_loop_step(&r.loop, 1000);
    r.l.is_paused = true; /* meanwhile the last place was taken */
    for (int i = 0; i < 4; i++)
        lc_loop_step(&r.loop, 60);
    assert_int_equal(r.l.watch.events, 0);
    room_close(&r);
}

static void a_stopped_listener_refuses_at_once(void **state)
{
    struct room r;
    int fd;

    (void)state;
    room_open(&r);
    lc_listener_stop(&r.l);
    fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_int_equal(connect(fd, (struct sockaddr *)&r.addr, sizeof r.addr), -1);
    lc_fd_close(&fd);
    lc_listener_resume(&r.l);
    room_close(&r);
}

#define EACH(name) cmocka_unit_test(name)

int main(void)
{
    const struct CMUnitTest tests[] = {
        EACH(alone_it_takes_one_a_turn),
        EACH(among_others_it_takes_a_batch_in_one_turn),
        EACH(without_room_it_pauses_until_resumed),
        EACH(out_of_descriptors_one_is_told_and_the_rest_wait),
        EACH(no_memory_for_a_connection_rests_too),
        EACH(a_pause_outlasts_the_rest),
        EACH(a_stopped_listener_refuses_at_once),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
