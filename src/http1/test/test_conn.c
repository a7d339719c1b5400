/* One connection's life, without sockets. */
#include "talk.h"

static void answers_a_request_and_waits_for_the_next(void **state)
{
    struct talk t;
    struct answer a;

    (void)state;
    talk_open(&t, app_hello);
    talk_say(&t, 0, TALK_GET("/a"));
    a = talk_hear(&t, 0, false);
    assert_int_equal(a.status, 200);
    assert_memory_equal(a.body.p, "hello", 5);
    assert_int_equal(host_state(&t.h, &t.c[0]), LC_H1_IDLE);
    talk_say(&t, 0, TALK_GET("/b"));
    assert_int_equal(talk_status(&t, 0), 200);
    assert_string_equal(t.calls, "/a /b ");
    talk_end(&t);
}

static void serves_pipelined_requests_in_order(void **state)
{
    struct talk t;

    (void)state;
    talk_open(&t, app_hello);
    talk_say(&t, 0, TALK_GET("/a") TALK_GET("/b") TALK_GET("/c") "GET /d HT");
    assert_string_equal(t.calls, "/a /b /c ");
    for (int i = 0; i < 3; i++)
        assert_int_equal(talk_status(&t, 0), 200);
    talk_say(&t, 0, "TP/1.1\r\n\r\n");
    assert_string_equal(t.calls, "/a /b /c /d ");
    talk_end(&t);
}

/* However the bytes are cut, the same calls. */
static void cuts_between_requests_change_nothing(void **state)
{
    static const char wire[] =
        TALK_GET("/a") "POST /b HTTP/1.1\r\nContent-Length: 3\r\n\r\nxyz" TALK_GET("/c");

    (void)state;
    for (size_t cut = 1; cut < sizeof wire - 1; cut++) {
        struct talk t;
        char first[sizeof wire];

        talk_open(&t, app_count);
        memcpy(first, wire, cut);
        first[cut] = '\0';
        talk_say(&t, 0, first);
        talk_say(&t, 0, wire + cut);
        assert_string_equal(t.calls, "/a /b /c ");
        for (int i = 0; i < 3; i++)
            assert_int_equal(talk_status(&t, 0), 200);
        talk_end(&t);
    }
}

/* A client with a thousand requests in hand must not hold up the others for all of them. */
static void a_long_pipeline_takes_turns(void **state)
{
    struct talk t;

    (void)state;
    talk_open(&t, app_hello);
    for (int i = 0; i < 150; i++)
        host_say(&t.c[0], TALK_GET("/"));
    assert_true(host_connect(&t.h, &t.c[0]));
    assert_in_range(t.ncalls, 16, 149);
    host_pump(&t.h);
    assert_int_equal(t.ncalls, 150);
    talk_end(&t);
}

static void a_half_closed_client_gets_its_answers(void **state)
{
    struct talk t;

    (void)state;
    talk_open(&t, app_hello);
    t.c[0].mem.is_in_ended = true;
    talk_say(&t, 0, TALK_GET("/a") TALK_GET("/b"));
    assert_int_equal(talk_status(&t, 0), 200);
    assert_int_equal(talk_status(&t, 0), 200);
    assert_true(t.c[0].mem.is_closed);
    talk_end(&t);
}

static void a_half_closed_client_gets_an_answer_that_takes_time(void **state)
{
    struct talk t;

    (void)state;
    talk_open(&t, app_keep);
    talk_say(&t, 0, TALK_GET("/a"));
    t.c[0].mem.is_in_ended = true;
    host_pass(&t.h, 1000);
    app_hello(&t, t.x);
    host_pump(&t.h);
    assert_int_equal(talk_status(&t, 0), 200);
    assert_true(t.c[0].mem.is_closed);
    talk_end(&t);
}

static void a_client_that_leaves_inside_its_head_calls_nobody(void **state)
{
    struct talk t;

    (void)state;
    talk_open(&t, app_hello);
    t.c[0].mem.is_in_ended = true;
    talk_say(&t, 0, "GET / HTTP/1.1\r\n");
    assert_true(t.c[0].mem.is_closed && talk_is_silent(&t, 0));
    t.c[1].mem.is_in_ended = true;
    talk_say(&t, 1, "POST / HTTP/1.1\r\nContent-Length: 9\r\n\r\nshort");
    assert_true(t.c[1].mem.is_closed && talk_is_silent(&t, 1));
    assert_int_equal(t.ncalls, 0);
    talk_end(&t);
}

static void close_is_said_and_done_at_once_when_nothing_is_unread(void **state)
{
    struct talk t;
    struct answer a;

    (void)state;
    talk_open(&t, app_hello);
    talk_say(&t, 0, "GET / HTTP/1.1\r\nConnection: close\r\n\r\n");
    a = talk_hear(&t, 0, false);
    assert_true(a.is_close);
    assert_true(t.c[0].mem.is_closed);
    talk_end(&t);
}

static void what_follows_a_close_is_never_served(void **state)
{
    struct talk t;

    (void)state;
    talk_open(&t, app_hello);
    talk_say(&t, 0, "GET /a HTTP/1.1\r\nConnection: close\r\n\r\n" TALK_GET("/b"));
    assert_string_equal(t.calls, "/a ");
    assert_int_equal(talk_status(&t, 0), 200);
    assert_true(talk_is_silent(&t, 0));
    talk_end(&t);
}

/* The application may still look at its request: memory goes when it has ended, not when the client has. */
static void a_reset_during_the_call_leaves_the_exchange(void **state)
{
    struct talk t;

    (void)state;
    talk_open(&t, app_keep);
    talk_say(&t, 0, TALK_GET("/a"));
    t.c[0].mem.is_peer_gone = true;
    host_pass(&t.h, 100000);
    assert_false(t.c[0].mem.is_closed);
    assert_true(t.x->ops->is_gone(t.x) && t.x->ops->is_writable(t.x) && t.x->ops->is_readable(t.x));
    assert_memory_equal(lc_req_text(&t.x->req, t.x->req.target).p, "/a", 2);
    talk_begin(t.x, "200 OK", NULL);
    assert_int_equal(talk_write(t.x, "x", 1, false), LC_CLOSED);
    lc_exchange_finish(t.x);
    assert_true(t.c[0].mem.is_closed);
    talk_end(&t);
}

static void app_drop(struct talk *t, struct lc_exchange *x)
{
    assert_int_equal(x->ops->lend_fd(x), t->c[0].fd);
    lc_exchange_drop(x);
}

static void a_taken_connection_is_closed_without_a_word(void **state)
{
    struct talk t;

    (void)state;
    talk_open(&t, app_drop);
    t.h.h1.must_shut = true;
    talk_say(&t, 0, TALK_GET("/") "raw");
    assert_true(t.c[0].mem.is_closed && talk_is_silent(&t, 0));
    assert_false(t.c[0].mem.is_write_shut); /* that would end it for who has taken it, too */
    talk_end(&t);
}

static void a_close_is_told_when_others_hold_the_descriptor(void **state)
{
    struct talk t;

    (void)state;
    talk_open(&t, app_hello);
    t.h.h1.must_shut = true;
    talk_say(&t, 0, "GET / HTTP/1.0\r\n\r\n");
    assert_true(t.c[0].mem.is_closed && t.c[0].mem.is_write_shut);
    talk_end(&t);
}

static void an_idle_connection_keeps_no_buffers(void **state)
{
    struct talk t;

    (void)state;
    talk_open(&t, app_hello);
    talk_say(&t, 0, TALK_GET("/a"));
    talk_say(&t, 1, "");
    assert_int_equal(t.h.h1.blocks.n_out, 0);
    assert_int_equal(t.h.h1.requests.n_out, 0);
    assert_int_equal(t.h.h1.conns.n_out, 2);
    talk_end(&t);
}

static void more_fields_than_lie_in_the_exchange_are_kept(void **state)
{
    struct talk t;
    char wire[4096] = "GET / HTTP/1.1\r\n";
    size_t n = strlen(wire);

    (void)state;
    talk_open(&t, app_keep);
    for (int i = 0; i < 99; i++)
        n += (size_t)snprintf(wire + n, sizeof wire - n, "N%d: %d\r\n", i, i);
    snprintf(wire + n, sizeof wire - n, "\r\n");
    talk_say(&t, 0, wire);
    assert_int_equal(t.x->req.nfields, 99);
    assert_memory_equal(lc_req_text(&t.x->req, t.x->req.fields[98].value).p, "98", 2);
    app_hello(&t, t.x);
    talk_end(&t);
}

#define EACH(name) cmocka_unit_test(name)

int main(void)
{
    const struct CMUnitTest tests[] = {
        EACH(answers_a_request_and_waits_for_the_next),
        EACH(serves_pipelined_requests_in_order),
        EACH(cuts_between_requests_change_nothing),
        EACH(a_long_pipeline_takes_turns),
        EACH(a_half_closed_client_gets_its_answers),
        EACH(a_half_closed_client_gets_an_answer_that_takes_time),
        EACH(a_client_that_leaves_inside_its_head_calls_nobody),
        EACH(close_is_said_and_done_at_once_when_nothing_is_unread),
        EACH(what_follows_a_close_is_never_served),
        EACH(a_reset_during_the_call_leaves_the_exchange),
        EACH(a_taken_connection_is_closed_without_a_word),
        EACH(a_close_is_told_when_others_hold_the_descriptor),
        EACH(an_idle_connection_keeps_no_buffers),
        EACH(more_fields_than_lie_in_the_exchange_are_kept),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
