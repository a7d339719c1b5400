/* What a connection at rest waits for: lists, deadlines, rates, interest. */
#include "talk.h"

static void a_silent_connection_is_closed_without_a_word(void **state)
{
    struct talk t;

    (void)state;
    talk_open(&t, app_hello);
    talk_say(&t, 0, "");
    host_pass(&t.h, 29000);
    assert_false(t.c[0].mem.is_closed);
    host_pass(&t.h, 1200);
    assert_true(t.c[0].mem.is_closed && talk_is_silent(&t, 0));
    talk_end(&t);
}

/* However busily it dribbles. */
static void a_head_must_be_complete_in_time(void **state)
{
    struct talk t;

    (void)state;
    talk_open(&t, app_hello);
    talk_say(&t, 0, "GET / HTTP/1.1\r\nA: ");
    for (int i = 0; i < 29; i++) {
        host_pass(&t.h, 1000);
        talk_say(&t, 0, "a");
        assert_true(talk_is_silent(&t, 0));
    }
    host_pass(&t.h, 1200);
    assert_int_equal(talk_status(&t, 0), 408);
    assert_true(t.c[0].mem.is_write_shut);
    assert_int_equal(t.ncalls, 0);
    host_pass(&t.h, 5200);
    assert_true(t.c[0].mem.is_closed);
    talk_end(&t);
}

/* The time of a kept-alive connection's head begins with its first byte. */
static void the_time_for_a_head_begins_with_its_first_byte(void **state)
{
    struct talk t;

    (void)state;
    talk_open(&t, app_hello);
    talk_say(&t, 0, TALK_GET("/"));
    assert_int_equal(talk_status(&t, 0), 200);
    host_pass(&t.h, 60000);
    talk_say(&t, 0, "GET");
    host_pass(&t.h, 29000);
    assert_true(talk_is_silent(&t, 0));
    host_pass(&t.h, 1200);
    assert_int_equal(talk_status(&t, 0), 408);
    talk_end(&t);
}

static void an_idle_connection_is_closed_silently(void **state)
{
    struct talk t;

    (void)state;
    talk_open(&t, app_hello);
    for (int i = 0; i < 3; i++) {
        talk_say(&t, 0, TALK_GET("/"));
        assert_int_equal(talk_status(&t, 0), 200);
        host_pass(&t.h, 74000);
        assert_false(t.c[0].mem.is_closed);
    }
    host_pass(&t.h, 1200);
    assert_true(t.c[0].mem.is_closed && talk_is_silent(&t, 0));
    talk_end(&t);
}

static void without_keep_alive_each_answer_closes(void **state)
{
    struct talk t;

    (void)state;
    talk_init(&t, app_hello);
    t.h.limits.idle_ms = 0;
    talk_start(&t);
    talk_say(&t, 0, TALK_GET("/"));
    assert_true(talk_hear(&t, 0, false).is_close && t.c[0].mem.is_closed);
    talk_end(&t);
}

static void a_limit_of_zero_is_none(void **state)
{
    struct talk t;

    (void)state;
    talk_init(&t, app_hello);
    t.h.limits.header_ms = 0;
    talk_start(&t);
    talk_say(&t, 0, "GET / HTTP");
    host_pass(&t.h, 3600000);
    talk_say(&t, 0, "/1.1\r\n\r\n");
    assert_int_equal(talk_status(&t, 0), 200);
    talk_end(&t);
}

struct pace {
    uint32_t rate;
    int bytes_a_second;
    bool survives;
};

static const struct pace paces[] = {
    {240, 1, false}, {240, 200, false}, {240, 260, true}, {0, 1, true}};

static void send_slowly(struct talk *t, int bytes_a_second, int seconds)
{
    char some[512];

    memset(some, 'x', sizeof some);
    for (int i = 0; i < seconds && !t->c[0].mem.is_write_shut; i++) {
        host_send(&t->c[0], some, (size_t)bytes_a_second);
        host_pass(&t->h, 1000);
    }
}

static void a_buffered_body_must_keep_its_rate(void **state)
{
    (void)state;
    for (size_t i = 0; i < LC_ARRAY_LEN(paces); i++) {
        struct talk t;

        talk_init(&t, app_hello);
        t.h.limits.body_min_rate = paces[i].rate;
        talk_start(&t);
        talk_say(&t, 0, "POST / HTTP/1.1\r\nContent-Length: 100000\r\n\r\n");
        send_slowly(&t, paces[i].bytes_a_second, 70);
        assert_int_equal(talk_is_silent(&t, 0), paces[i].survives);
        if (!paces[i].survives)
            assert_int_equal(talk_status(&t, 0), 408);
        talk_end(&t);
    }
}

static void a_streamed_body_must_keep_its_rate_while_it_is_waited_for(void **state)
{
    (void)state;
    for (size_t i = 0; i < LC_ARRAY_LEN(paces); i++) {
        struct talk t;
        bool is_broken = false;
        char part[512];
        size_t got;

        talk_init(&t, app_keep);
        t.h.limits.body_min_rate = paces[i].rate;
        t.h.limits.is_body_buffered = false;
        talk_start(&t);
        talk_say(&t, 0, "POST / HTTP/1.1\r\nContent-Length: 100000\r\n\r\n");
        for (int s = 0; s < 70 && !is_broken; s++) {
            is_broken = lc_exchange_read(t.x, part, sizeof part, &got) == LC_CLOSED;
            send_slowly(&t, paces[i].bytes_a_second, 1);
        }
        assert_int_equal(is_broken, !paces[i].survives);
        lc_exchange_fail(t.x, 408, "");
        talk_end(&t);
    }
}

/* A call may take as long as it likes, and the client is judged anew once it is waited for. */
static void a_long_call_comes_before_a_slow_body(void **state)
{
    struct talk t;
    char part[64];
    size_t got;

    (void)state;
    talk_init(&t, app_keep);
    t.h.limits.is_body_buffered = false;
    talk_start(&t);
    talk_say(&t, 0, "POST / HTTP/1.1\r\nContent-Length: 10\r\n\r\nab");
    assert_int_equal(lc_exchange_read(t.x, part, sizeof part, &got), LC_OK);
    assert_int_equal(got, 2);
    host_say(&t.c[0], "c");
    host_pass(&t.h, 300000);
    assert_int_equal(lc_exchange_read(t.x, part, sizeof part, &got), LC_OK);
    assert_int_equal(got, 1);
    assert_int_equal(lc_exchange_read(t.x, part, sizeof part, &got), LC_AGAIN);
    host_pass(&t.h, 45000);
    assert_int_equal(lc_exchange_read(t.x, part, sizeof part, &got), LC_CLOSED);
    lc_exchange_fail(t.x, 408, "");
    talk_end(&t);
}

static void take_slowly(struct talk *t, int bytes_a_second, int seconds)
{
    for (int i = 0; i < seconds && !t->c[0].mem.is_closed; i++) {
        t->c[0].mem.write_room = (size_t)bytes_a_second;
        host_pass(&t->h, 1000);
    }
}

static void a_client_must_take_its_answer_at_a_rate(void **state)
{
    static char big[100000];

    (void)state;
    for (size_t i = 0; i < LC_ARRAY_LEN(paces); i++) {
        struct talk t;

        talk_init(&t, app_keep);
        t.h.limits.send_min_rate = paces[i].rate;
        talk_start(&t);
        t.c[0].mem.write_room = 0;
        talk_say(&t, 0, TALK_GET("/"));
        talk_begin(t.x, "200 OK", "100000");
        assert_int_equal(talk_write(t.x, big, sizeof big, true), LC_OK);
        lc_exchange_finish(t.x);
        take_slowly(&t, paces[i].bytes_a_second, 70);
        assert_int_equal(t.c[0].mem.is_closed, !paces[i].survives);
        talk_end(&t);
    }
}

/* The call goes on, the client reads nothing: the application is told on its next touch. */
static void a_client_that_reads_nothing_is_given_up_during_the_call(void **state)
{
    static char big[10000];
    struct talk t;

    (void)state;
    talk_open(&t, app_keep);
    talk_say(&t, 0, TALK_GET("/"));
    host_pass(&t.h, 100000);
    t.c[0].mem.write_room = 0;
    talk_begin(t.x, "200 OK", NULL);
    assert_int_equal(talk_write(t.x, big, sizeof big, false), LC_OK);
    host_pass(&t.h, 45000);
    assert_true(t.x->ops->is_gone(t.x));
    assert_int_equal(talk_write(t.x, "x", 1, false), LC_CLOSED);
    lc_exchange_finish(t.x);
    assert_true(t.c[0].mem.is_closed);
    talk_end(&t);
}

/* Nothing is owed to anybody: no limit. */
static void a_call_without_traffic_has_no_limit(void **state)
{
    struct talk t;

    (void)state;
    talk_open(&t, app_keep);
    talk_say(&t, 0, TALK_GET("/"));
    host_pass(&t.h, 3600000);
    app_hello(&t, t.x);
    assert_int_equal(talk_status(&t, 0), 200);
    talk_end(&t);
}

static void draining_an_unread_body_has_its_time(void **state)
{
    struct talk t;

    (void)state;
    talk_init(&t, app_hello);
    t.h.limits.is_body_buffered = false;
    talk_start(&t);
    talk_say(&t, 0, "POST / HTTP/1.1\r\nContent-Length: 10\r\n\r\n");
    assert_int_equal(host_state(&t.h, &t.c[0]), LC_H1_DRAIN);
    host_pass(&t.h, 21000);
    assert_int_equal(host_state(&t.h, &t.c[0]), LC_H1_CLOSED);
    talk_end(&t);
}

/* The interest of a kept-alive connection never changes: no system call for it in a request. */
static void a_kept_alive_request_changes_no_interest_and_no_timer(void **state)
{
    struct talk t;
    struct lc_h1_conn *c;
    struct lc_list *next;

    (void)state;
    talk_open(&t, app_hello);
    talk_say(&t, 0, TALK_GET("/"));
    c = host_conn(&t.h, &t.c[0]);
    next = c->timer.link.next;
    for (int i = 0; i < 10; i++) {
        host_pass(&t.h, 500);
        talk_say(&t, 0, TALK_GET("/"));
        assert_int_equal(c->watch.events, LC_READ);
        assert_ptr_equal(c->timer.link.next, next);
    }
    talk_end(&t);
}

/* A client that pipelines into a long call is not read, and does not wake the loop again and again either. */
static void bytes_during_a_call_wait_in_the_socket(void **state)
{
    struct talk t;

    (void)state;
    talk_open(&t, app_keep);
    talk_say(&t, 0, TALK_GET("/a"));
    talk_say(&t, 0, TALK_GET("/b"));
    assert_int_equal(t.ncalls, 1);
    assert_int_equal(host_conn(&t.h, &t.c[0])->watch.events, 0);
    app_hello(&t, t.x);
    host_pump(&t.h);
    assert_string_equal(t.calls, "/a /b ");
    app_hello(&t, t.x);
    talk_end(&t);
}

static void lists_follow_the_state(void **state)
{
    struct talk t;

    (void)state;
    talk_open(&t, app_keep);
    talk_say(&t, 0, "GET ");
    assert_false(lc_list_is_empty(&t.h.h1.reading));
    talk_say(&t, 0, "/ HTTP/1.1\r\n\r\n");
    assert_true(lc_list_is_empty(&t.h.h1.reading));
    assert_false(lc_list_is_empty(&t.h.h1.other));
    app_hello(&t, t.x);
    assert_true(lc_list_is_empty(&t.h.h1.other));
    assert_false(lc_list_is_empty(&t.h.h1.idle));
    talk_end(&t);
}

#define EACH(name) cmocka_unit_test(name)

int main(void)
{
    const struct CMUnitTest tests[] = {
        EACH(a_silent_connection_is_closed_without_a_word),
        EACH(a_head_must_be_complete_in_time),
        EACH(the_time_for_a_head_begins_with_its_first_byte),
        EACH(an_idle_connection_is_closed_silently),
        EACH(without_keep_alive_each_answer_closes),
        EACH(a_limit_of_zero_is_none),
        EACH(a_buffered_body_must_keep_its_rate),
        EACH(a_streamed_body_must_keep_its_rate_while_it_is_waited_for),
        EACH(a_long_call_comes_before_a_slow_body),
        EACH(a_client_must_take_its_answer_at_a_rate),
        EACH(a_client_that_reads_nothing_is_given_up_during_the_call),
        EACH(a_call_without_traffic_has_no_limit),
        EACH(draining_an_unread_body_has_its_time),
        EACH(a_kept_alive_request_changes_no_interest_and_no_timer),
        EACH(bytes_during_a_call_wait_in_the_socket),
        EACH(lists_follow_the_state),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
