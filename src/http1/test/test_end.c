/* What the handler is told of an exchange's end: once, in every way that it can end, and while all of it is there. */
#include "talk.h"

struct seen {
    struct talk t;
    int n;
    bool was_called; /* the last exchange had been with on_request */
    char method[16];
    char fields[256];
};

static void on_end(struct lc_handler *h, struct lc_exchange *x, const struct lc_exchange_end *end)
{
    struct seen *s = LC_CONTAINER_OF((struct talk *)h->ctx, struct seen, t);
    struct lc_str method = lc_req_text(&x->req, x->req.method);

    s->was_called = x->call != NULL;
    host_ended(&s->t.h, x, end);
    s->n = s->t.h.nended;
    snprintf(s->method, sizeof s->method, "%.*s", (int)method.n, method.p);
    snprintf(s->fields, sizeof s->fields, "%.*s", (int)end->fields.n, end->fields.p);
}

static void open_with(struct seen *s, void (*app)(struct talk *t, struct lc_exchange *x))
{
    memset(s, 0, sizeof *s);
    talk_init(&s->t, app);
    s->t.h.handler.on_end = on_end;
    talk_start(&s->t);
}

static void ended(const struct seen *s, int n, int status, int64_t sent, bool is_broken)
{
    assert_int_equal(s->n, n);
    assert_int_equal(s->t.h.last_end.status, status);
    assert_int_equal(s->t.h.last_end.sent, sent);
    assert_int_equal(s->t.h.last_end.is_broken, is_broken);
}

static void an_answer_ends_when_it_is_finished(void **state)
{
    struct seen s;

    (void)state;
    open_with(&s, app_hello);
    talk_say(&s.t, 0, TALK_GET("/a"));
    ended(&s, 1, 200, 5, false);
    assert_string_equal(s.method, "GET");
    assert_string_equal(s.fields, "Content-Length: 5\r\n");
    talk_say(&s.t, 0, TALK_GET("/b") TALK_GET("/c"));
    ended(&s, 3, 200, 5, false);
    talk_say(&s.t, 0, "HEAD /d HTTP/1.1\r\n\r\n");
    ended(&s, 4, 200, 0, false);
    talk_end(&s.t);
    assert_int_equal(s.n, 4);
}

/* The client takes its time: that is not the application's. */
static void an_answer_ends_before_a_slow_client_has_it(void **state)
{
    struct seen s;

    (void)state;
    open_with(&s, app_hello);
    talk_say(&s.t, 0, "");
    s.t.c[0].mem.write_room = 0;
    talk_say(&s.t, 0, TALK_GET("/a"));
    ended(&s, 1, 200, 5, false);
    s.t.c[0].mem.is_peer_gone = true;
    host_pump(&s.t.h);
    assert_true(s.t.c[0].mem.is_closed);
    talk_end(&s.t);
    assert_int_equal(s.n, 1);
}

static void an_answer_that_breaks_off_says_so(void **state)
{
    struct seen s;

    (void)state;
    open_with(&s, app_keep);
    talk_say(&s.t, 0, TALK_GET("/short"));
    talk_begin(s.t.x, "200 OK", "10");
    assert_int_equal(talk_write(s.t.x, "hello", 5, false), LC_OK);
    lc_exchange_finish(s.t.x);
    ended(&s, 1, 200, 5, true);

    talk_say(&s.t, 1, TALK_GET("/cut"));
    talk_begin(s.t.x, "201 Made", NULL);
    assert_int_equal(talk_write(s.t.x, "abc", 3, false), LC_OK);
    lc_exchange_cut(s.t.x);
    ended(&s, 2, 201, 3, true);

    talk_say(&s.t, 2, TALK_GET("/gone"));
    s.t.c[2].mem.is_peer_gone = true;
    talk_begin(s.t.x, "200 OK", NULL);
    assert_int_equal(talk_write(s.t.x, "abc", 3, true), LC_CLOSED);
    lc_exchange_finish(s.t.x);
    assert_int_equal(s.n, 3);
    assert_true(s.t.h.last_end.is_broken && s.t.h.last_end.status == 200);
    talk_end(&s.t);
    assert_int_equal(s.n, 3);
}

static void a_failed_one_has_the_server_s_status(void **state)
{
    struct seen s;
    struct answer a;

    (void)state;
    open_with(&s, app_keep);
    talk_say(&s.t, 0, TALK_GET("/a"));
    lc_exchange_fail(s.t.x, 500, "");
    a = talk_hear(&s.t, 0, false);
    ended(&s, 1, 500, (int64_t)a.body_len, false);
    assert_string_equal(s.fields, "");

    talk_say(&s.t, 1, TALK_GET("/late"));
    talk_begin(s.t.x, "200 OK", NULL);
    assert_int_equal(talk_write(s.t.x, "abc", 3, false), LC_OK);
    lc_exchange_fail(s.t.x, 500, ""); /* too late: it can only be cut */
    ended(&s, 2, 200, 3, true);

    talk_say(&s.t, 2, TALK_GET("/gone"));
    s.t.c[2].mem.is_peer_gone = true;
    assert_int_equal(lc_exchange_informational(s.t.x, "HTTP/1.1 103\r\n\r\n", 16), LC_OK);
    lc_exchange_fail(s.t.x, 503, "");
    ended(&s, 3, 503, 0, true);
    talk_end(&s.t);
}

static void one_that_was_taken_over_has_no_status(void **state)
{
    struct seen s;

    (void)state;
    open_with(&s, app_keep);
    talk_say(&s.t, 0, TALK_GET("/a"));
    lc_exchange_drop(s.t.x);
    ended(&s, 1, 0, 0, false);
    talk_end(&s.t);
}

/* Those that no application saw. */
static void a_refused_one_ends_too(void **state)
{
    static const struct {
        const char *wire;
        int status;
        const char *method;
    } rows[] = {
        {"GET / HTTP/1.1\r\nA\r\n\r\n", 400, "GET"},
        {"GET /\r\n\r\n", 400, ""}, /* its line was not understood */
        {"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n", 400, "POST"},
        {"GET / HTTP/1.1\r\nExpect: x\r\n\r\n", 417, "GET"},
    };

    (void)state;
    for (size_t i = 0; i < LC_ARRAY_LEN(rows); i++) {
        struct seen s;
        struct answer a;

        open_with(&s, app_hello);
        talk_say(&s.t, 0, rows[i].wire);
        a = talk_hear(&s.t, 0, false);
        ended(&s, 1, rows[i].status, (int64_t)a.body_len, false);
        assert_string_equal(s.method, rows[i].method);
        assert_false(s.was_called);
        s.t.c[0].mem.is_in_ended = true;
        host_pump(&s.t.h);
        talk_end(&s.t);
        assert_int_equal(s.n, 1);
    }
}

static void one_whose_client_leaves_has_no_answer(void **state)
{
    struct seen s;

    (void)state;
    open_with(&s, app_hello);
    talk_say(&s.t, 0, "GET /half HTTP/1.1\r\nA:");
    s.t.c[0].mem.is_in_ended = true;
    talk_say(&s.t, 1, "POST / HTTP/1.1\r\nContent-Length: 9\r\n\r\nhalf");
    s.t.c[1].mem.is_peer_gone = true;
    talk_say(&s.t, 2, ""); /* none was begun */
    s.t.c[2].mem.is_in_ended = true;
    host_pump(&s.t.h);
    ended(&s, 2, 0, 0, true);
    assert_false(s.was_called);
    talk_say(&s.t, 3, "GET /open HTTP/1.1\r\n");
    talk_end(&s.t); /* the server stops */
    ended(&s, 3, 0, 0, true);
}

/* More events of this turn wait while the answer is given, and the cork is drawn before the call ends. */
static void app_is_corked(struct talk *t, struct lc_exchange *x)
{
    t->h.h1.call_ns = LC_H1_CORK_CALL_NS;
    t->h.h1.is_turn = true;
    t->h.loop.iready = 0;
    t->h.loop.nready = 1;
    talk_begin(x, "200 OK", "5");
    assert_int_equal(talk_write(x, "hello", 5, true), LC_OK);
    t->h.loop.nready = 0;
    if (t->ncalls == 2)
        lc_h1_uncork(&t->h.h1);
    lc_exchange_finish(x);
}

static void a_corked_one_still_has_its_fields(void **state)
{
    struct seen s;

    (void)state;
    open_with(&s, app_is_corked);
    for (int i = 1; i <= 2; i++) {
        talk_say(&s.t, 0, TALK_GET("/a"));
        ended(&s, i, 200, 5, false);
        assert_string_equal(s.fields, "Content-Length: 5\r\n");
        assert_int_equal(talk_status(&s.t, 0), 200);
    }
    talk_end(&s.t);
}

static void nobody_needs_to_listen(void **state)
{
    struct talk t;

    (void)state;
    talk_init(&t, app_is_corked);
    t.h.handler.on_end = NULL;
    talk_start(&t);
    talk_say(&t, 0, TALK_GET("/a") TALK_GET("/b") TALK_GET("/c"));
    assert_int_equal(t.ncalls, 3);
    talk_say(&t, 0, "GET /\r\n\r\n");
    t.h.nbegun = 0; /* none was told */
    talk_end(&t);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_answer_ends_when_it_is_finished),
        cmocka_unit_test(an_answer_ends_before_a_slow_client_has_it),
        cmocka_unit_test(an_answer_that_breaks_off_says_so),
        cmocka_unit_test(a_failed_one_has_the_server_s_status),
        cmocka_unit_test(one_that_was_taken_over_has_no_status),
        cmocka_unit_test(a_refused_one_ends_too),
        cmocka_unit_test(one_whose_client_leaves_has_no_answer),
        cmocka_unit_test(a_corked_one_still_has_its_fields),
        cmocka_unit_test(nobody_needs_to_listen),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
