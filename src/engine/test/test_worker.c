/* A worker's engine: listeners, stops, sleeping calls, room, signals. */
#include "house.h"

#include "os/clock.h"
#include "os/fd.h"

#include <stdio.h>
#include <unistd.h>

/* After the seam: cmocka has a macro named fail. */
#include "base/test/support.h"

static void two_listeners(void *arg)
{
    struct house *h = arg;

    lc_house_dial(h, 0, false);
    lc_house_dial(h, 1, true);
    lc_house_say(h, 0, "GET / HTTP/1.1\r\n\r\n");
    lc_house_hear(h, 0, "call 1 at 0: 0");
    lc_house_say(h, 1, "GET / HTTP/1.1\r\n\r\n");
    lc_house_hear(h, 1, "call 2 at 1: 0");
    lc_house_say(h, 0, "POST / HTTP/1.1\r\nContent-Length: 3\r\n\r\nabc");
    lc_house_hear(h, 0, "call 3 at 0: 3");
    lc_house_say(h, 1, "GET /stop HTTP/1.1\r\n\r\n");
    lc_house_hear(h, 1, NULL);
    lc_house_hear(h, 0, NULL);
}

static void it_serves_all_its_listeners(void **state)
{
    struct house *h = malloc(sizeof *h);

    (void)state;
    lc_house_init(h);
    lc_house_run(h, two_listeners);
    assert_int_equal(h->ncalls, 4);
    assert_false(h->has_signal);
    free(h);
}

static void stop_gracefully(void *arg)
{
    struct house *h = arg;

    lc_house_dial(h, 0, false); /* idle: closed without a word */
    lc_house_say(h, 0, "GET / HTTP/1.1\r\n\r\n");
    lc_house_hear(h, 0, "call 1");
    lc_house_dial(h, 1, false); /* inside a request: served to its end */
    lc_house_say(h, 1, "POST /half HTTP/1.1\r\nContent-Length: 6\r\n\r\nabc");
    lc_house_dial(h, 2, false);
    lc_house_say(h, 2, "GET / HTTP/1.1\r\n\r\n");
    lc_house_hear(h, 2, "call 2");
    lc_house_say(h, 2, "GET /stop HTTP/1.1\r\n\r\n");
    lc_house_hear(h, 2, NULL);
    lc_house_hear(h, 0, NULL);
    lc_house_say(h, 1, "def");
    lc_house_hear(h, 1, NULL);
}

static void a_graceful_stop_finishes_what_was_begun(void **state)
{
    struct house *h = malloc(sizeof *h);

    (void)state;
    lc_house_init(h);
    lc_house_run(h, stop_gracefully);
    assert_non_null(strstr(h->heard[2], "Connection: close"));
    assert_non_null(strstr(h->heard[1], "Connection: close"));
    assert_non_null(strstr(h->heard[1], "call 4 at 0: 6"));
    assert_null(strstr(h->heard[0], "Connection: close"));
    free(h);
}

static void part(void *arg)
{
    struct house *h = arg;

    lc_house_dial(h, 0, false); /* idle, and may ask once more */
    lc_house_say(h, 0, "GET / HTTP/1.1\r\n\r\n");
    lc_house_hear(h, 0, "call 1");
    lc_house_dial(h, 1, false); /* has not asked at all yet */
    lc_house_dial(h, 2, false);
    lc_house_say(h, 2, "GET / HTTP/1.1\r\n\r\n"); /* so that the one before is accepted */
    lc_house_hear(h, 2, "call 2");
    lc_house_say(h, 2, "GET /stop HTTP/1.1\r\n\r\n");
    lc_house_hear(h, 2, NULL);
    lc_house_say(h, 0, "GET / HTTP/1.1\r\n\r\n");
    lc_house_hear(h, 0, NULL);
    lc_house_say(h, 1, "GET / HTTP/1.1\r\n\r\n");
    lc_house_hear(h, 1, NULL);
}

/* While others serve on, nobody is closed who may have a request on its way. */
static void who_leaves_others_behind_parts_from_its_clients(void **state)
{
    struct house *h = malloc(sizeof *h);
    struct lc_board board;

    (void)state;
    assert_int_equal(lc_board_open(&board, 2, 1), LC_OK);
    lc_board_take(&board, 0, getpid(), LC_LIFE_BOOTING);
    lc_house_init(h);
    h->conf.board = &board;
    lc_house_run(h, part);
    assert_non_null(strstr(h->heard[0], "Connection: close"));
    assert_non_null(strstr(h->heard[1], "Connection: close"));
    assert_int_equal(atomic_load(&lc_board_slot(&board, 0)->free), 0);
    free(h);
    lc_board_close(&board);
}

static void wait_for_the_end(void *arg)
{
    struct house *h = arg;

    lc_house_dial(h, 0, false);
    lc_house_say(h, 0, "GET / HTTP/1.1\r\n\r\n");
    lc_house_hear(h, 0, "call 1");
    lc_house_dial(h, 1, false);
    lc_house_say(h, 1, "GET /stop HTTP/1.1\r\n\r\n");
    lc_house_hear(h, 1, NULL);
    lc_board_end(h->conf.board);
    lc_house_hear(h, 0, NULL);
}

static void the_end_of_the_server_cuts_the_parting_short(void **state)
{
    struct house *h = malloc(sizeof *h);
    struct lc_board board;
    uint64_t began = lc_clock_mono_ms();

    (void)state;
    assert_int_equal(lc_board_open(&board, 2, 1), LC_OK);
    lc_house_init(h);
    h->conf.board = &board;
    lc_house_run(h, wait_for_the_end);
    assert_true(lc_clock_mono_ms() - began < LC_PART_MS);
    assert_null(strstr(h->heard[0], "Connection: close"));
    free(h);
    lc_board_close(&board);
}

static void never_finish(void *arg)
{
    struct house *h = arg;

    lc_house_dial(h, 0, false);
    lc_house_say(h, 0, "POST / HTTP/1.1\r\nContent-Length: 6\r\n\r\nabc");
    lc_house_dial(h, 1, false);
    lc_house_say(h, 1, "GET /stop HTTP/1.1\r\n\r\n");
    lc_house_hear(h, 1, NULL);
    while (recv(h->fds[0], h->heard[0], 1, 0) > 0)
        ; /* an end or a reset */
}

static void a_graceful_stop_has_its_time(void **state)
{
    struct house *h = malloc(sizeof *h);

    (void)state;
    lc_house_init(h);
    h->conf.graceful_ms = 200;
    lc_house_run(h, never_finish);
    assert_int_equal(h->ncalls, 1);
    free(h);
}

static void stop_quickly(void *arg)
{
    struct house *h = arg;

    lc_house_dial(h, 0, false);
    lc_house_say(h, 0, "POST / HTTP/1.1\r\nContent-Length: 6\r\n\r\nabc");
    lc_house_dial(h, 1, false);
    lc_house_say(h, 1, "GET /quit HTTP/1.1\r\n\r\n");
    while (recv(h->fds[0], h->heard[0], 1, 0) > 0)
        ;
}

static void a_quick_stop_waits_for_nobody(void **state)
{
    struct house *h = malloc(sizeof *h);

    (void)state;
    lc_house_init(h);
    lc_house_run(h, stop_quickly);
    assert_int_equal(h->ncalls, 1);
    free(h);
}

static void stream_slowly(void *arg)
{
    struct house *h = arg;

    lc_house_dial(h, 0, false);
    lc_house_say(h, 0, "POST /slow HTTP/1.1\r\nExpect: 100-continue\r\nContent-Length: 6\r\n\r\n");
    lc_house_hear(h, 0, "100 Continue"); /* its call sleeps now */
    lc_house_dial(h, 1, false);
    lc_house_say(h, 1, "GET /second HTTP/1.1\r\n\r\n"); /* is read, and waits */
    lc_house_dial(h, 2, false);
    lc_house_say(h, 2, "BAD\r\n\r\n"); /* needs no application: answered at once */
    lc_house_hear(h, 2, "400 Bad Request");
    shutdown(h->fds[2], SHUT_RDWR); /* or the worker lingers for it */
    lc_house_say(h, 0, "abc");
    lc_house_say(h, 0, "def");
    lc_house_hear(h, 0, "call 1 at 0: 6");
    lc_house_hear(h, 1, "call 2 at 0: 0");
    lc_house_say(h, 1, "GET /stop HTTP/1.1\r\n\r\n");
    lc_house_hear(h, 1, NULL);
}

static void the_engine_goes_on_while_a_call_sleeps(void **state)
{
    struct house *h = malloc(sizeof *h);

    (void)state;
    lc_house_init(h);
    h->conf.limits.is_body_buffered = false;
    lc_house_run(h, stream_slowly);
    assert_int_equal(h->ncalls, 3);
    free(h);
}

static void read_much(void *arg)
{
    struct house *h = arg;
    static char part[1 << 16];
    ssize_t got;

    lc_house_dial(h, 0, false);
    lc_house_say(h, 0, "GET /much HTTP/1.0\r\n\r\n");
    while ((got = recv(h->fds[0], part, sizeof part, 0)) > 0)
        h->nheard += (size_t)got;
    lc_house_dial(h, 1, false);
    lc_house_say(h, 1, "GET /stop HTTP/1.1\r\n\r\n");
    lc_house_hear(h, 1, NULL);
}

/* Beyond memory and spool the call sleeps until the client has taken some. */
static void a_call_that_writes_too_much_waits_for_its_reader(void **state)
{
    struct house *h = malloc(sizeof *h);

    (void)state;
    lc_house_init(h);
    lc_house_run(h, read_much);
    assert_in_range(h->nheard, 160 * 65536, 160 * 65536 + 1000);
    free(h);
}

static void come_three(void *arg)
{
    struct house *h = arg;

    for (int i = 0; i < 3; i++) {
        lc_house_dial(h, i, false);
        lc_house_say(h, i, "GET / HTTP/1.1\r\n\r\n");
        lc_house_hear(h, i, "call");
    }
    lc_house_hear(h, 0, NULL); /* the longest idle made room */
    lc_house_say(h, 1, "GET / HTTP/1.1\r\n\r\n");
    lc_house_hear(h, 1, "call 4");
    lc_house_say(h, 2, "GET /stop HTTP/1.1\r\n\r\n");
    lc_house_hear(h, 2, NULL);
}

static void the_longest_idle_makes_room_at_worker_connections(void **state)
{
    struct house *h = malloc(sizeof *h);

    (void)state;
    lc_house_init(h);
    h->conf.conns_max = 2;
    lc_house_run(h, come_three);
    free(h);
}

static void send_signal(void *arg)
{
    struct house *h = arg;

    if (write(h->signal_fds[1], "x", 1) != 1)
        lc_house_trouble(h, "signal", 0);
    lc_house_dial(h, 0, false);
    lc_house_say(h, 0, "GET /stop HTTP/1.1\r\n\r\n");
    lc_house_hear(h, 0, NULL);
}

static void the_guest_s_signals_are_seen(void **state)
{
    struct house *h = malloc(sizeof *h);

    (void)state;
    lc_house_init(h);
    lc_house_run(h, send_signal);
    assert_true(h->has_signal);
    free(h);
}

static void send_signal_on(void *arg)
{
    struct house *h = arg;

    lc_worker_chain_signals(&h->w, h->boot_fds[1]);
    send_signal(arg);
}

static void the_guest_s_signals_are_told_on(void **state)
{
    struct house *h = malloc(sizeof *h);
    char byte = '\0';

    (void)state;
    lc_house_init(h);
    assert_int_equal(lc_fd_pipe(h->boot_fds), LC_OK);
    lc_house_run(h, send_signal_on);
    assert_int_equal(read(h->boot_fds[0], &byte, 1), 1);
    assert_int_equal(byte, 'x');
    lc_fd_close(&h->boot_fds[0]);
    free(h);
}

#define EACH(name) cmocka_unit_test(name)

int main(void)
{
    const struct CMUnitTest tests[] = {
        EACH(it_serves_all_its_listeners),
        EACH(a_graceful_stop_finishes_what_was_begun),
        EACH(who_leaves_others_behind_parts_from_its_clients),
        EACH(the_end_of_the_server_cuts_the_parting_short),
        EACH(a_graceful_stop_has_its_time),
        EACH(a_quick_stop_waits_for_nobody),
        EACH(the_engine_goes_on_while_a_call_sleeps),
        EACH(a_call_that_writes_too_much_waits_for_its_reader),
        EACH(the_longest_idle_makes_room_at_worker_connections),
        EACH(the_guest_s_signals_are_seen),
        EACH(the_guest_s_signals_are_told_on),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
