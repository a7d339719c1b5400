/* An engine that was opened before its application is there. */
#include "house.h"

#include "os/fd.h"

#include <poll.h>
#include <stdio.h>
#include <unistd.h>

/* After the seam: cmocka has a macro named fail. */
#include "base/test/support.h"

/* As long as it serves, clients are its own. */
static void the_sibling_goes(struct house *h)
{
    struct pollfd answer = {.fd = h->fds[0], .events = POLLIN};

    if (poll(&answer, 1, 100) != 0)
        lc_house_trouble(h, "taken from a sibling that serves", 0);
    lc_board_take(h->conf.board, 1, 0, LC_LIFE_EMPTY);
}

static void come_early(void *arg)
{
    struct house *h = arg;

    lc_house_dial(h, 0, false);
    lc_house_say(h, 0, "GET /health HTTP/1.1\r\n\r\n");
    if (h->conf.board)
        the_sibling_goes(h);
    lc_house_hear(h, 0, "booting");
    lc_house_say(h, 0, "GET / HTTP/1.1\r\n\r\n"); /* waits */
    lc_house_dial(h, 1, false);
    for (int i = 0; i < 2; i++) { /* the second is read after the other's request */
        lc_house_say(h, 1, "GET /health HTTP/1.1\r\n\r\n");
        lc_house_hear(h, 1, "booting");
        h->heard[1][0] = '\0';
    }
    lc_house_say(h, 1, "GET / HTTP/1.1\r\n\r\n"); /* one too many */
    lc_house_hear(h, 1, "Retry-After");
    shutdown(h->fds[1], SHUT_RDWR);
    lc_house_dial(h, 2, false);
    lc_house_say(h, 2, "BAD\r\n\r\n");
    lc_house_hear(h, 2, "400 Bad Request");
    shutdown(h->fds[2], SHUT_RDWR);
    if (h->ncalls != 0 || write(h->boot_fds[1], "x", 1) != 1)
        lc_house_trouble(h, "called", 0);
    lc_house_hear(h, 0, "call 1 at 0: 0");
    h->heard[0][0] = '\0';
    lc_house_say(h, 0, "GET /health HTTP/1.1\r\n\r\n");
    lc_house_hear(h, 0, "200 OK");
    lc_house_say(h, 0, "GET /stop HTTP/1.1\r\n\r\n");
    lc_house_hear(h, 0, NULL);
}

static void run_early(struct house *h, const struct lc_board *board, bool is_inline)
{
    lc_house_init(h);
    assert_int_equal(lc_fd_pipe(h->boot_fds), LC_OK);
    assert_int_equal(lc_fd_set_nonblock(h->boot_fds[0], false), LC_OK);
    h->conf.is_early = true;
    h->conf.is_inline = is_inline;
    h->conf.is_multiprocess = board != NULL;
    h->conf.board = board;
    h->conf.health_path = "/health";
    h->conf.queue_size = 1;
    lc_house_run(h, come_early);
    assert_int_equal(h->ncalls, 2);
    lc_fd_close(&h->boot_fds[0]);
    lc_fd_close(&h->boot_fds[1]);
}

static void an_engine_opened_early_answers_for_itself_and_keeps_requests(void **state)
{
    struct house *h = malloc(sizeof *h);

    (void)state;
    run_early(h, NULL, true);
    run_early(h, NULL, false);
    free(h);
}

static void an_engine_opened_early_leaves_clients_to_a_sibling_that_serves(void **state)
{
    struct house *h = malloc(sizeof *h);
    struct lc_board board;

    (void)state;
    assert_int_equal(lc_board_open(&board, 2, 1), LC_OK);
    lc_board_take(&board, 0, getpid(), LC_LIFE_BOOTING);
    lc_board_take(&board, 1, getpid(), LC_LIFE_SERVING);
    run_early(h, &board, true);
    lc_board_close(&board);
    free(h);
}

static void come_in_vain(void *arg)
{
    struct house *h = arg;

    lc_house_dial(h, 0, false);
    lc_house_say(h, 0, "GET /health HTTP/1.1\r\n\r\n");
    lc_house_hear(h, 0, "booting");
    lc_house_say(h, 0, "GET / HTTP/1.1\r\n\r\n");
    if (write(h->boot_fds[1], "x", 1) != 1)
        lc_house_trouble(h, "cannot tell", 0);
    while (recv(h->fds[0], h->heard[0], 1, 0) > 0)
        ; /* an end or a reset */
}

static void an_engine_opened_early_is_closed_when_the_boot_fails(void **state)
{
    struct house *h = malloc(sizeof *h);
    char byte;

    (void)state;
    lc_house_init(h);
    assert_int_equal(lc_fd_pipe(h->boot_fds), LC_OK);
    assert_int_equal(lc_fd_set_nonblock(h->boot_fds[0], false), LC_OK);
    h->conf.is_early = true;
    h->conf.health_path = "/health";
    alarm(60);
    assert_int_equal(lc_worker_open(&h->w, &h->conf, NULL, &h->app, h->signal_fds[0]), LC_OK);
    assert_int_equal(lc_thread_start(&h->client, come_in_vain, h), LC_OK);
    assert_int_equal(read(h->boot_fds[0], &byte, 1), 1);
    lc_worker_stop(&h->w, false);
    assert_true(lc_worker_close(&h->w, 0));
    lc_thread_join(&h->client);
    alarm(0);
    lc_house_fini(h);
    assert_int_equal(h->ncalls, 0);
    free(h);
}

#define EACH(name) cmocka_unit_test(name)

int main(void)
{
    const struct CMUnitTest tests[] = {
        EACH(an_engine_opened_early_answers_for_itself_and_keeps_requests),
        EACH(an_engine_opened_early_leaves_clients_to_a_sibling_that_serves),
        EACH(an_engine_opened_early_is_closed_when_the_boot_fails),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
