/* All connections of a worker: who makes room, who waits, who goes when it drains. */
#include "talk.h"

static void connection_of(struct talk *t, int i, enum lc_h1_state want)
{
    assert_int_equal(host_state(&t->h, &t->c[i]), want);
}

static void the_longest_idle_gives_way_at_conns_max(void **state)
{
    struct talk t;

    (void)state;
    talk_open(&t, app_hello);
    t.h.h1.conns_max = 3;
    for (int i = 0; i < 3; i++) {
        talk_say(&t, i, TALK_GET("/"));
        host_pass(&t.h, 2000);
    }
    talk_say(&t, 0, TALK_GET("/")); /* now 1 is the longest idle */
    host_pass(&t.h, 2000);
    assert_true(lc_h1_has_room(&t.h.h1));
    talk_say(&t, 3, TALK_GET("/"));
    connection_of(&t, 0, LC_H1_IDLE);
    connection_of(&t, 1, LC_H1_CLOSED);
    connection_of(&t, 2, LC_H1_IDLE);
    connection_of(&t, 3, LC_H1_IDLE);
    assert_int_equal(t.h.h1.nconns, 3);
    talk_end(&t);
}

static void without_idle_ones_the_one_longest_in_its_head_gives_way(void **state)
{
    struct talk t;

    (void)state;
    talk_open(&t, app_keep);
    t.h.h1.conns_max = 3;
    talk_say(&t, 0, TALK_GET("/"));
    talk_say(&t, 1, "GET /slow");
    host_pass(&t.h, 1000);
    talk_say(&t, 2, "POST / HTTP/1.1\r\nContent-Length: 5\r\n\r\n1");
    host_pass(&t.h, 1000);
    talk_say(&t, 3, "GET /");
    connection_of(&t, 0, LC_H1_CALL);
    connection_of(&t, 1, LC_H1_CLOSED);
    connection_of(&t, 2, LC_H1_BODY);
    connection_of(&t, 3, LC_H1_HEAD);
    lc_exchange_fail(t.x, 500, "");
    talk_end(&t);
}

/* Between two requests of a busy client lies a moment of idleness: no reason to close it. */
static void a_slow_head_gives_way_before_one_that_was_just_served(void **state)
{
    struct talk t;

    (void)state;
    talk_open(&t, app_hello);
    t.h.h1.conns_max = 2;
    talk_say(&t, 0, "GET /slow");
    host_pass(&t.h, 5000);
    talk_say(&t, 1, TALK_GET("/"));
    talk_say(&t, 2, TALK_GET("/"));
    connection_of(&t, 0, LC_H1_CLOSED);
    connection_of(&t, 1, LC_H1_IDLE);
    talk_end(&t);
}

static void connections_in_the_application_never_give_way(void **state)
{
    struct talk t;
    struct lc_exchange *first;

    (void)state;
    talk_open(&t, app_keep);
    t.h.h1.conns_max = 2;
    talk_say(&t, 0, TALK_GET("/"));
    first = t.x;
    t.c[1].mem.write_room = 0;
    talk_say(&t, 1, TALK_GET("/"));
    app_hello(&t, t.x);
    connection_of(&t, 1, LC_H1_SEND);
    assert_false(lc_h1_has_room(&t.h.h1));
    app_hello(&t, first);
    assert_true(t.h.nroom == 0 || lc_h1_has_room(&t.h.h1));
    host_pump(&t.h);
    connection_of(&t, 0, LC_H1_IDLE);
    assert_true(lc_h1_has_room(&t.h.h1)); /* idle for a moment only, but there is no other */
    talk_end(&t);
}

static void the_end_of_a_connection_is_told_to_who_accepts(void **state)
{
    struct talk t;

    (void)state;
    talk_open(&t, app_hello);
    talk_say(&t, 0, "GET / HTTP/1.0\r\n\r\n");
    assert_int_equal(t.h.nroom, 1);
    assert_int_equal(t.h.h1.nconns, 0);
    talk_end(&t);
}

/* A handler that calls its application later. */
static bool queue_it(struct lc_handler *h, struct lc_exchange *x)
{
    struct talk *t = h->ctx;

    host_begun(&t->h, x);
    t->x = x;
    return false;
}

static void tell_gone(struct lc_handler *h, struct lc_exchange *x)
{
    struct talk *t = h->ctx;

    assert_ptr_equal(x, t->x);
    t->ncalls++;
    if (t->body_len == 0) {
        t->x = NULL;
        lc_exchange_cut(x);
    }
}

static void a_request_to_be_called_soon_is_settled_only_when_it_is_not(void **state)
{
    struct talk t;
    struct lc_h1_conn *c;

    (void)state;
    talk_open(&t, app_hello);
    t.h.handler.on_request = queue_it;
    talk_say(&t, 0, TALK_GET("/a"));
    c = t.x->conn;
    assert_false(c->is_watched);
    lc_exchange_rest(t.x);
    assert_int_equal(c->settled, LC_H1_CALL);
    talk_begin(t.x, "200 OK", NULL);
    assert_int_equal(talk_write(t.x, "a", 1, true), LC_OK);
    lc_exchange_finish(t.x);
    connection_of(&t, 0, LC_H1_IDLE);
    assert_int_equal(talk_status(&t, 0), 200);
    talk_say(&t, 0, TALK_GET("/b") TALK_GET("/c")); /* the second waits for the first */
    connection_of(&t, 0, LC_H1_CALL);
    host_pass(&t.h, 300000); /* no limit of time counts meanwhile */
    app_hello(&t, t.x);
    assert_int_equal(talk_status(&t, 0), 200);
    connection_of(&t, 0, LC_H1_CALL);
    lc_exchange_rest(t.x);
    app_hello(&t, t.x);
    assert_int_equal(talk_status(&t, 0), 200);
    connection_of(&t, 0, LC_H1_IDLE);
    talk_end(&t);
}

static void the_handler_is_told_of_a_client_that_resets(void **state)
{
    (void)state;
    for (int i = 0; i < 4; i++) {
        bool is_kept = i & 1, is_known = i & 2;
        struct talk t;

        talk_open(&t, app_hello);
        if (is_known)
            talk_say(&t, 0, ""); /* to the poller, before its first request */
        t.h.handler.on_request = queue_it;
        t.h.handler.on_gone = tell_gone;
        talk_say(&t, 0, TALK_GET("/a"));
        lc_exchange_rest(t.x);
        t.body_len = (size_t)is_kept;
        t.c[0].mem.is_peer_gone = true;
        host_pump(&t.h);
        assert_int_equal(t.ncalls, 1);
        assert_int_equal(t.c[0].mem.is_closed, !is_kept);
        if (t.x)
            app_hello(&t, t.x); /* it may go on: nothing reaches anybody */
        assert_true(t.c[0].mem.is_closed);
        talk_end(&t);
    }
}

static void connections_are_counted_by_state(void **state)
{
    struct talk t;

    (void)state;
    talk_open(&t, app_hello);
    talk_say(&t, 0, TALK_GET("/a"));
    talk_say(&t, 1, "GET");
    talk_say(&t, 2, "BAD\r\n\r\n");
    assert_int_equal(t.h.h1.counts[LC_H1_IDLE], 1);
    assert_int_equal(t.h.h1.counts[LC_H1_HEAD], 1);
    assert_int_equal(t.h.h1.counts[LC_H1_LINGER], 1);
    assert_int_equal(t.h.h1.refused[4], 1);
    talk_end(&t);
    for (int i = 0; i < LC_H1_CLOSED; i++)
        assert_int_equal(t.h.h1.counts[i], 0);
}

static void draining_closes_the_idle_and_says_close_to_the_busy(void **state)
{
    struct talk t;

    (void)state;
    talk_open(&t, app_hello);
    talk_say(&t, 0, TALK_GET("/a"));
    t.app = app_keep;
    talk_say(&t, 1, TALK_GET("/b"));
    talk_say(&t, 2, "GET /c");
    assert_int_equal(talk_status(&t, 0), 200);
    lc_h1_drain(&t.h.h1);
    host_pump(&t.h);
    assert_true(t.c[0].mem.is_closed && talk_is_silent(&t, 0));
    app_hello(&t, t.x);
    assert_true(talk_hear(&t, 1, false).is_close);
    t.app = app_hello;
    talk_say(&t, 2, " HTTP/1.1\r\n\r\n");
    assert_true(talk_hear(&t, 2, false).is_close);
    assert_int_equal(t.h.h1.nconns, 0);
    talk_end(&t);
}

/* It was on its way when we said stop: closing now would be a failed request. */
static void draining_serves_what_has_already_arrived(void **state)
{
    struct talk t;

    (void)state;
    talk_open(&t, app_hello);
    talk_say(&t, 0, TALK_GET("/a"));
    host_say(&t.c[0], TALK_GET("/late"));
    lc_h1_drain(&t.h.h1);
    host_pump(&t.h);
    assert_string_equal(t.calls, "/a /late ");
    assert_false(talk_hear(&t, 0, false).is_close);
    assert_true(talk_hear(&t, 0, false).is_close);
    assert_true(t.c[0].mem.is_closed);
    talk_end(&t);
}

#define EACH(name) cmocka_unit_test(name)

int main(void)
{
    const struct CMUnitTest tests[] = {
        EACH(the_longest_idle_gives_way_at_conns_max),
        EACH(without_idle_ones_the_one_longest_in_its_head_gives_way),
        EACH(a_slow_head_gives_way_before_one_that_was_just_served),
        EACH(connections_in_the_application_never_give_way),
        EACH(the_end_of_a_connection_is_told_to_who_accepts),
        EACH(a_request_to_be_called_soon_is_settled_only_when_it_is_not),
        EACH(the_handler_is_told_of_a_client_that_resets),
        EACH(connections_are_counted_by_state),
        EACH(draining_closes_the_idle_and_says_close_to_the_busy),
        EACH(draining_serves_what_has_already_arrived),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
