/* A request that waits moves to a sibling. */
#include "crossing.h"

static void a_request_moves_and_its_connection_stays_open_there(void **state)
{
    struct talk from, to;

    (void)state;
    open_two(&from, &to, app_hello);
    from.c[0].peer.u.ip4.sin_port = htons(4321);
    talk_say(&from, 0, TALK_GET("/a?b"));
    hand_over(&from, &to);
    assert_true(from.c[0].mem.is_closed && !from.c[0].mem.is_write_shut);
    assert_true(talk_is_silent(&from, 0));
    assert_int_equal(from.h.h1.nconns, 0);
    assert_string_equal(to.calls, "/a?b ");
    assert_int_equal(talk_status(&to, 0), 200);
    assert_int_equal(host_state(&to.h, &to.c[0]), LC_H1_IDLE);
    talk_say(&to, 0, TALK_GET("/next"));
    assert_int_equal(talk_status(&to, 0), 200);
    end_two(&from, &to);
}

static void its_end_is_told_there_and_not_here(void **state)
{
    struct talk from, to;

    (void)state;
    open_two(&from, &to, app_hello);
    talk_say(&from, 0, TALK_GET("/a"));
    hand_over(&from, &to);
    assert_int_equal(from.h.nended, 0);
    assert_int_equal(to.h.nended, 1);
    assert_int_equal(to.h.last_end.status, 200);
    end_two(&from, &to);
}

static void what_is_known_of_it_moves_with_it(void **state)
{
    struct talk from, to;

    (void)state;
    open_two(&from, &to, app_keep);
    from.c[0].peer.u.ip4.sin_port = htons(4321);
    to.h.h1.nlisteners = 8;
    talk_say(&from, 0, "GET /a HTTP/1.1\r\nX-");
    host_conn(&from.h, &from.c[0])->listener = 7;
    host_pass(&from.h, 700);
    talk_say(&from, 0, "Y: z\r\n\r\n");
    from.x->ready_ms = from.h.loop.now_ms;
    host_pass(&to.h, 5000);
    hand_over(&from, &to);
    assert_true(to.x->is_handed);
    assert_int_equal(to.x->listener, 7);
    assert_int_equal(lc_addr_port(to.x->peer), 4321);
    assert_int_equal(to.x->peer->family, LC_ADDR_IP4);
    assert_int_equal(to.x->ready_ms, from.h.loop.now_ms);
    assert_int_equal(to.x->started_ms, from.h.loop.now_ms - 700);
    assert_int_equal(to.x->req.nfields, 1);
    assert_true(lc_str_eq(lc_req_text(&to.x->req, to.x->req.fields[0].value), LC_STR("z")));
    app_hello(&to, to.x);
    assert_int_equal(talk_status(&to, 0), 200);
    end_two(&from, &to);
}

struct body_case {
    const char *head;
    size_t body; /* of x, behind the head */
    uint32_t memory;
    bool in_file;
};

static const struct body_case bodies[] = {
    {POST("5"), 5, 65536, false},
    {POST("60000"), 60000, 65536, false},
    {POST("60000"), 60000, 1000, true},
    {POST("200000"), 200000, 1 << 20, true}, /* in memory, and too long for a message */
};

static void bodies_move(void **state)
{
    (void)state;
    for (size_t i = 0; i < LC_ARRAY_LEN(bodies); i++) {
        const struct body_case *b = &bodies[i];
        struct talk from, to;
        char *body = malloc(b->body);
        char got[8192];
        size_t all = 0, n;

        memset(body, 'x', b->body);
        talk_init(&from, app_keep);
        talk_init(&to, app_keep);
        from.h.limits.body_memory = b->memory;
        talk_start(&from);
        talk_start(&to);
        host_say(&from.c[0], b->head);
        host_send(&from.c[0], body, b->body);
        talk_say(&from, 0, TALK_GET("/behind"));
        hand_over(&from, &to);
        assert_non_null(to.x);
        assert_int_equal(lc_spool_here(&to.x->body.file) > 0, b->in_file);
        do {
            assert_int_equal(lc_exchange_read(to.x, got, sizeof got, &n), LC_OK);
            assert_memory_equal(got, body, n);
            all += n;
            assert_true(all <= b->body);
        } while (n > 0);
        assert_int_equal(all, b->body);
        app_hello(&to, to.x);
        host_pump(&to.h);
        app_hello(&to, to.x);
        assert_string_equal(to.calls, "/p /behind ");
        assert_int_equal(talk_status(&to, 0), 200);
        assert_int_equal(talk_status(&to, 0), 200);
        free(body);
        end_two(&from, &to);
    }
}

/* What app_count answers: one chunk. */
static void counted(struct talk *t, const char *digit)
{
    struct answer a = talk_hear(t, 0, false);

    assert_true(a.body.n > 3);
    assert_memory_equal(a.body.p + 3, digit, 1);
}

static void a_chunked_body_moves_decoded(void **state)
{
    struct talk from, to;

    (void)state;
    open_two(&from, &to, app_count);
    talk_say(&from, 0,
             "POST /c HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n"
             "3\r\nabc\r\n4;x=y\r\ndefg\r\n0\r\nT: u\r\n\r\n" TALK_GET("/d"));
    hand_over(&from, &to);
    assert_string_equal(to.calls, "/c /d ");
    counted(&to, "7");
    counted(&to, "0");
    end_two(&from, &to);
}

/* Nobody asks such a client to go on: it has. */
static void a_request_that_waited_for_its_100_moves(void **state)
{
    struct talk from, to;

    (void)state;
    open_two(&from, &to, app_count);
    talk_say(&from, 0, "POST /c HTTP/1.1\r\nExpect: 100-continue\r\nContent-Length: 2\r\n\r\n");
    from.heard[0] = from.c[0].mem.out_len; /* the 100 */
    talk_say(&from, 0, "ab");
    hand_over(&from, &to);
    counted(&to, "2");
    end_two(&from, &to);
}

static void the_half_of_what_follows_moves_too(void **state)
{
    struct talk from, to;

    (void)state;
    open_two(&from, &to, app_hello);
    talk_say(&from, 0, TALK_GET("/a") "GET /b HT");
    hand_over(&from, &to);
    talk_say(&to, 0, "TP/1.1\r\n\r\n");
    assert_string_equal(to.calls, "/a /b ");
    end_two(&from, &to);
}

/* The second of a pipeline lies behind the first in its buffer. */
static void a_later_request_of_a_connection_moves(void **state)
{
    struct talk from, to;

    (void)state;
    open_two(&from, &to, app_hello);
    talk_say(&from, 0, TALK_GET("/first") POST("3") "xyz" TALK_GET("/third"));
    app_hello(&from, from.x);
    host_pump(&from.h);
    to.app = app_count;
    hand_over(&from, &to);
    assert_string_equal(to.calls, "/p /third ");
    counted(&to, "3");
    end_two(&from, &to);
}

static void the_end_of_the_clients_side_is_known_there(void **state)
{
    struct talk from, to;

    (void)state;
    open_two(&from, &to, app_hello);
    talk_say(&from, 0, TALK_GET("/a") TALK_GET("/b"));
    host_conn(&from.h, &from.c[0])->is_eof = true;
    hand_over(&from, &to);
    assert_string_equal(to.calls, "/a /b ");
    assert_true(to.c[0].mem.is_closed);
    end_two(&from, &to);
}

/* Not even when a child holds our descriptors. */
static void the_connection_is_not_shut(void **state)
{
    struct talk from, to;

    (void)state;
    open_two(&from, &to, app_hello);
    from.h.h1.must_shut = true;
    talk_say(&from, 0, TALK_GET("/a"));
    hand_over(&from, &to);
    assert_true(from.c[0].mem.is_closed && !from.c[0].mem.is_write_shut);
    end_two(&from, &to);
}

static bool leave_it(struct lc_handler *h, struct lc_exchange *x)
{
    host_begun(&((struct talk *)h->ctx)->h, x);
    ((struct talk *)h->ctx)->x = x;
    return false;
}

static void one_that_was_not_settled_yet_moves(void **state)
{
    struct talk from, to;

    (void)state;
    open_two(&from, &to, app_hello);
    from.h.handler.on_request = leave_it;
    talk_say(&from, 0, TALK_GET("/a"));
    hand_over(&from, &to);
    assert_int_equal(talk_status(&to, 0), 200);
    end_two(&from, &to);
}

/* --- what stays ----------------------------------------------------------------------------------------------- */

static void stays(struct talk *t)
{
    struct lc_parcel parcel;

    assert_int_equal(lc_parcel_wrap(t->x, &parcel), LC_EUNSUP);
}

static void a_request_moves_once(void **state)
{
    struct talk from, to;

    (void)state;
    open_two(&from, &to, app_keep);
    talk_say(&from, 0, TALK_GET("/a"));
    hand_over(&from, &to);
    stays(&to);
    app_hello(&to, to.x);
    assert_int_equal(talk_status(&to, 0), 200);
    talk_say(&to, 0, TALK_GET("/b"));
    assert_false(to.x->is_handed);
    app_hello(&to, to.x);
    end_two(&from, &to);
}

static void one_with_an_answer_begun_stays(void **state)
{
    struct talk t;

    (void)state;
    talk_open(&t, app_keep);
    talk_say(&t, 0, TALK_GET("/a"));
    talk_begin(t.x, "200 OK", "5");
    assert_int_equal(talk_write(t.x, "he", 2, false), LC_OK);
    stays(&t);
    lc_exchange_cut(t.x);
    talk_end(&t);
}

static void one_whose_client_is_gone_stays(void **state)
{
    struct talk t;

    (void)state;
    talk_open(&t, app_keep);
    talk_say(&t, 0, TALK_GET("/a"));
    t.c[0].mem.is_peer_gone = true;
    host_pump(&t.h);
    stays(&t);
    lc_exchange_cut(t.x);
    talk_end(&t);
}

static void one_whose_body_still_arrives_stays(void **state)
{
    struct talk t;

    (void)state;
    talk_init(&t, app_keep);
    t.h.limits.is_body_buffered = false;
    talk_start(&t);
    talk_say(&t, 0, POST("5") "abc");
    stays(&t);
    lc_exchange_cut(t.x);
    talk_end(&t);
}

static void one_whose_descriptor_is_lent_stays(void **state)
{
    struct talk t;

    (void)state;
    talk_open(&t, app_keep);
    talk_say(&t, 0, TALK_GET("/a"));
    assert_int_equal(t.x->ops->lend_fd(t.x), t.c[0].fd);
    stays(&t);
    lc_exchange_cut(t.x);
    talk_end(&t);
}

/* A parcel that finds no taker is only dropped. */
static void what_was_wrapped_for_nothing_is_served_here(void **state)
{
    struct talk t;
    char *body = malloc(200000);

    (void)state;
    memset(body, 'x', 200000);
    talk_init(&t, app_keep);
    t.h.limits.body_memory = 1 << 20;
    talk_start(&t);
    host_say(&t.c[0], POST("200000"));
    host_send(&t.c[0], body, 200000);
    talk_say(&t, 0, "");
    for (int i = 0; i < 2; i++) {
        struct crossing it = wrap(t.x);

        free(it.p);
        close(it.file_fd);
    }
    assert_int_equal(lc_body_here(&t.x->body), 200000);
    app_hello(&t, t.x);
    host_pump(&t.h);
    assert_int_equal(talk_status(&t, 0), 200);
    free(body);
    talk_end(&t);
}

static void what_follows_may_be_too_long(void **state)
{
    struct talk t;
    struct lc_parcel parcel;
    char *more = malloc(200000);

    (void)state;
    memset(more, 'x', 200000);
    talk_init(&t, app_keep);
    t.h.limits.field_size = 1 << 20;
    talk_start(&t);
    host_say(&t.c[0], "GET /a HTTP/1.1\r\nX: ");
    host_send(&t.c[0], more, 200000);
    talk_say(&t, 0, "\r\n\r\n");
    assert_int_equal(t.ncalls, 1);
    assert_int_equal(lc_parcel_wrap(t.x, &parcel), LC_ELIMIT);
    app_hello(&t, t.x);
    free(more);
    talk_end(&t);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_request_moves_and_its_connection_stays_open_there),
        cmocka_unit_test(its_end_is_told_there_and_not_here),
        cmocka_unit_test(what_is_known_of_it_moves_with_it),
        cmocka_unit_test(bodies_move),
        cmocka_unit_test(a_chunked_body_moves_decoded),
        cmocka_unit_test(a_request_that_waited_for_its_100_moves),
        cmocka_unit_test(the_half_of_what_follows_moves_too),
        cmocka_unit_test(a_later_request_of_a_connection_moves),
        cmocka_unit_test(the_end_of_the_clients_side_is_known_there),
        cmocka_unit_test(the_connection_is_not_shut),
        cmocka_unit_test(one_that_was_not_settled_yet_moves),
        cmocka_unit_test(a_request_moves_once),
        cmocka_unit_test(one_with_an_answer_begun_stays),
        cmocka_unit_test(one_whose_client_is_gone_stays),
        cmocka_unit_test(one_whose_body_still_arrives_stays),
        cmocka_unit_test(one_whose_descriptor_is_lent_stays),
        cmocka_unit_test(what_was_wrapped_for_nothing_is_served_here),
        cmocka_unit_test(what_follows_may_be_too_long),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
