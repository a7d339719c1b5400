/* Small answers of one wake-up: which wait for each other, and which do not. */
#include "talk.h"

/* More events of this turn wait while the first request is answered. */
static void answer_in_a_busy_turn(struct talk *t, struct lc_exchange *x)
{
    t->h.h1.call_ns = LC_H1_CORK_CALL_NS;
    t->h.h1.is_turn = true;
    t->h.loop.iready = 0;
    t->h.loop.nready = 1;
    app_hello(t, x);
    t->h.loop.nready = 0;
}

static void app_first_is_busy(struct talk *t, struct lc_exchange *x)
{
    if (t->ncalls == 1) {
        answer_in_a_busy_turn(t, x);
        return;
    }
    assert_true(talk_is_silent(t, 0));
    app_hello(t, x);
}

static void app_must_be_silent(struct talk *t, struct lc_exchange *x)
{
    answer_in_a_busy_turn(t, x);
    assert_true(talk_is_silent(t, 0));
}

static void app_must_be_heard(struct talk *t, struct lc_exchange *x)
{
    answer_in_a_busy_turn(t, x);
    assert_false(talk_is_silent(t, 0));
}

static void connect_two(struct talk *t)
{
    assert_true(host_connect(&t->h, &t->c[0]));
    assert_true(host_connect(&t->h, &t->c[1]));
    host_send(&t->c[0], TALK_GET("/a"), sizeof(TALK_GET("/a")) - 1);
    host_send(&t->c[1], TALK_GET("/b"), sizeof(TALK_GET("/b")) - 1);
    host_pump(&t->h);
}

static void an_answer_waits_for_the_others_of_its_wake_up(void **state)
{
    struct talk t;

    (void)state;
    talk_open(&t, app_first_is_busy);
    connect_two(&t);
    assert_string_equal(t.calls, "/a /b ");
    assert_int_equal(talk_status(&t, 0), 200);
    assert_int_equal(talk_status(&t, 1), 200);
    assert_int_equal(host_state(&t.h, &t.c[0]), LC_H1_IDLE);
    talk_end(&t);
}

static void a_corked_last_answer_still_closes(void **state)
{
    struct talk t;

    (void)state;
    talk_open(&t, app_must_be_silent);
    talk_say(&t, 0, "GET / HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n");
    assert_int_equal(talk_status(&t, 0), 200);
    assert_int_equal(host_state(&t.h, &t.c[0]), LC_H1_CLOSED);
    talk_end(&t);
}

static void a_corked_answer_that_does_not_fit_goes_on_when_it_can(void **state)
{
    struct talk t;

    (void)state;
    talk_open(&t, app_must_be_silent);
    t.c[0].mem.write_room = 10;
    talk_say(&t, 0, TALK_GET("/"));
    assert_int_equal(host_state(&t.h, &t.c[0]), LC_H1_SEND);
    t.c[0].mem.write_room = SIZE_MAX;
    host_pump(&t.h);
    assert_int_equal(talk_status(&t, 0), 200);
    assert_int_equal(host_state(&t.h, &t.c[0]), LC_H1_IDLE);
    talk_end(&t);
}

static void a_client_that_left_meanwhile_is_closed(void **state)
{
    struct talk t;

    (void)state;
    talk_open(&t, app_must_be_silent);
    assert_true(host_connect(&t.h, &t.c[0]));
    host_send(&t.c[0], TALK_GET("/"), sizeof(TALK_GET("/")) - 1);
    t.c[0].mem.write_room = 0;
    t.c[0].mem.is_write_shut = true;
    host_pump(&t.h);
    assert_int_equal(host_state(&t.h, &t.c[0]), LC_H1_CLOSED);
    talk_end(&t);
}

static void pipelined_requests_are_answered_at_once(void **state)
{
    struct talk t;

    (void)state;
    talk_open(&t, app_must_be_heard);
    assert_true(host_connect(&t.h, &t.c[0]));
    t.ncalls = 0;
    t.app = app_must_be_heard;
    host_send(&t.c[0], TALK_GET("/a") TALK_GET("/b"), 2 * (sizeof(TALK_GET("/a")) - 1));
    host_pump(&t.h);
    assert_int_equal(talk_status(&t, 0), 200);
    talk_end(&t);
}

static void app_must_be_heard_at_once(struct talk *t, struct lc_exchange *x)
{
    t->h.loop.iready = 0;
    t->h.loop.nready = 1;
    app_hello(t, x);
    t->h.loop.nready = 0;
    assert_false(talk_is_silent(t, 0));
}

static void short_calls_are_answered_at_once(void **state)
{
    struct talk t;

    (void)state;
    talk_open(&t, app_must_be_heard_at_once);
    talk_say(&t, 0, TALK_GET("/"));
    assert_int_equal(talk_status(&t, 0), 200);
    talk_end(&t);
}

static void app_ends_a_long_call(struct talk *t, struct lc_exchange *x)
{
    if (t->ncalls == 1) {
        answer_in_a_busy_turn(t, x);
        return;
    }
    assert_true(talk_is_silent(t, 0));
    t->h.h1.cork_since_ns = 1; /* as if long ago */
    lc_h1_call_ended(&t->h.h1, 1);
    assert_false(talk_is_silent(t, 0));
    app_hello(t, x);
}

static void a_cork_is_drawn_when_the_calls_behind_it_take_long(void **state)
{
    struct talk t;

    (void)state;
    talk_open(&t, app_ends_a_long_call);
    connect_two(&t);
    assert_int_equal(t.ncalls, 2);
    assert_int_equal(talk_status(&t, 1), 200);
    talk_end(&t);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_answer_waits_for_the_others_of_its_wake_up),
        cmocka_unit_test(a_corked_last_answer_still_closes),
        cmocka_unit_test(a_corked_answer_that_does_not_fit_goes_on_when_it_can),
        cmocka_unit_test(a_client_that_left_meanwhile_is_closed),
        cmocka_unit_test(pipelined_requests_are_answered_at_once),
        cmocka_unit_test(short_calls_are_answered_at_once),
        cmocka_unit_test(a_cork_is_drawn_when_the_calls_behind_it_take_long),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
