/* A request that waits moves to a sibling: two hosts, one client. */
#include "talk.h"

#include "http1/parcel.h"

#include <stdlib.h>
#include <unistd.h>

#define POST(length) "POST /p HTTP/1.1\r\nHost: h\r\nContent-Length: " length "\r\n\r\n"

#define CHUNKED "POST /p HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n"

/* What crosses: bytes of just this length, so that a read past them is seen. */
struct crossing {
    char *p;
    size_t n;
    int file_fd;
};

static struct crossing wrap(struct lc_exchange *x)
{
    struct lc_parcel parcel;
    struct crossing it = {.file_fd = -1};

    assert_int_equal(lc_parcel_wrap(x, &parcel), LC_OK);
    for (int i = 0; i < LC_PARCEL_PIECES; i++)
        it.n += parcel.v[i].iov_len;
    it.p = malloc(it.n);
    it.n = 0;
    for (int i = 0; i < LC_PARCEL_PIECES; i++) {
        if (parcel.v[i].iov_len > 0)
            memcpy(it.p + it.n, parcel.v[i].iov_base, parcel.v[i].iov_len);
        it.n += parcel.v[i].iov_len;
    }
    if (parcel.nfds > 1)
        it.file_fd = dup(parcel.fds[1]);
    return it;
}

static void send_off(struct talk *from)
{
    lc_parcel_sent(from->x);
    from->x = NULL;
    from->h.nbegun = 0; /* its end is told elsewhere */
}

/* The request that `from` keeps goes on as client 0 of `to`. */
static void hand_over(struct talk *from, struct talk *to)
{
    struct lc_stream_mem *unread = &from->c[0].mem;
    struct crossing it = wrap(from->x);

    send_off(from);
    if (unread->in_at < unread->in_len)
        host_send(&to->c[0], unread->in + unread->in_at, unread->in_len - unread->in_at);
    assert_int_equal(host_receive(&to->h, &to->c[0], it.file_fd, it.p, it.n), LC_OK);
    free(it.p);
    host_pump(&from->h);
    host_pump(&to->h);
}

/* The descriptors of one host must not count as lost by the other: both begin and end together. */
static void open_two(struct talk *from, struct talk *to,
                     void (*app)(struct talk *t, struct lc_exchange *x))
{
    talk_init(from, app_keep);
    talk_init(to, app);
    talk_start(from);
    talk_start(to);
}

static void end_two(struct talk *from, struct talk *to)
{
    from->h.nfds = to->h.nfds = -1;
    talk_end(from);
    talk_end(to);
}

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

static void a_streamed_body_goes_on_there(void **state)
{
    static const char whole[] = "abcdefghij", chunks[] = "4\r\nabcd\r\n6\r\nefghij\r\n0\r\n\r\n";
    static const struct {
        const char *head, *body;
        size_t first;
    } cases[] = {
        {POST("10"), whole, 0}, {POST("10"), whole, 3}, {POST("10"), whole, 10},
        {CHUNKED, chunks, 0},   {CHUNKED, chunks, 5},   {CHUNKED, chunks, sizeof chunks - 1},
    };

    (void)state;
    for (size_t i = 0; i < LC_ARRAY_LEN(cases); i++) {
        struct talk from, to;

        talk_init(&from, app_keep);
        talk_init(&to, app_keep);
        from.h.limits.is_body_buffered = to.h.limits.is_body_buffered = false;
        talk_start(&from);
        talk_start(&to);
        host_say(&from.c[0], cases[i].head);
        host_send(&from.c[0], cases[i].body, cases[i].first);
        talk_say(&from, 0, "");
        hand_over(&from, &to);
        assert_true(to.x->is_handed && to.x->body.is_streamed);
        talk_say(&to, 0, cases[i].body + cases[i].first);
        talk_say(&to, 0, TALK_GET("/behind"));
        to.body_len = 0;
        while (!talk_read(&to, to.x))
            host_pump(&to.h);
        assert_int_equal(to.body_len, 10);
        assert_memory_equal(to.body, whole, 10);
        app_hello(&to, to.x);
        host_pump(&to.h);
        app_hello(&to, to.x);
        assert_string_equal(to.calls, "/p /behind ");
        end_two(&from, &to);
    }
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

/* It was to be buffered, and half a chunk cannot be put back. */
static void one_whose_chunks_were_decoded_stays(void **state)
{
    struct talk t;

    (void)state;
    talk_init(&t, app_keep);
    t.h.limits.body_file = 2;
    talk_start(&t);
    talk_say(&t, 0, "POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nabc");
    assert_non_null(t.x);
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

/* --- the sibling's own judgement ------------------------------------------------------------------------------ */

static void the_siblings_limits_hold(void **state)
{
    for (int i = 0; i < 2; i++) {
        struct talk from, to;

        (void)state;
        open_two(&from, &to, app_hello);
        to.h.limits.body = i ? 4 : 0;
        to.h.limits.request_line = i ? 4094 : 8;
        talk_say(&from, 0, POST("5") "abcde");
        hand_over(&from, &to);
        assert_int_equal(to.ncalls, 0);
        assert_int_equal(talk_status(&to, 0), i ? 413 : 414);
        end_two(&from, &to);
    }
}

static struct crossing a_parcel(struct talk *from)
{
    struct crossing it;

    talk_init(from, app_keep);
    talk_start(from);
    talk_say(from, 0, POST("3") "abc" TALK_GET("/b"));
    it = wrap(from->x);
    send_off(from);
    host_pump(&from->h);
    return it;
}

/* What ever comes, it is refused, or becomes a connection like any other. */
static void receive_anything(const char *p, size_t n, int file_fd)
{
    struct talk to;
    char *exact = malloc(n ? n : 1);
    enum lc_rc rc;

    if (n)
        memcpy(exact, p, n);
    talk_init(&to, app_count);
    talk_start(&to);
    rc = host_receive(&to.h, &to.c[0], file_fd, exact, n);
    assert_true(rc == LC_OK || (rc == LC_EPROTO && to.c[0].mem.is_closed));
    host_pump(&to.h);
    host_pass(&to.h, 200000);
    assert_true(to.c[0].mem.is_closed);
    to.h.nfds = -1;
    talk_end(&to);
    free(exact);
}

static void a_parcel_cut_short_is_refused(void **state)
{
    struct talk from;
    struct crossing it = a_parcel(&from);

    (void)state;
    for (size_t n = 0; n < it.n; n++) {
        struct talk to;
        char *exact = malloc(n ? n : 1);

        memcpy(exact, it.p, n);
        talk_open(&to, app_count);
        assert_int_equal(host_receive(&to.h, &to.c[0], -1, exact, n), LC_EPROTO);
        assert_int_equal(to.ncalls, 0);
        to.h.nfds = -1;
        talk_end(&to);
        free(exact);
    }
    free(it.p);
    from.h.nfds = -1;
    talk_end(&from);
}

static void no_parcel_breaks_the_sibling(void **state)
{
    struct talk from;
    struct crossing it = a_parcel(&from);

    (void)state;
    for (size_t i = 0; i < it.n; i++) {
        char was = it.p[i];

        for (int bit = 0; bit < 8; bit++) {
            it.p[i] = (char)(was ^ (1 << bit));
            receive_anything(it.p, it.n, -1);
        }
        it.p[i] = was;
    }
    free(it.p);
    from.h.nfds = -1;
    talk_end(&from);
}

/* The head says three bytes; the parcel's own numbers say otherwise. */
static void lengths_that_do_not_fit_the_head_close(void **state)
{
    struct talk from, to;
    struct crossing it = a_parcel(&from);
    struct lc_parcel_head head, was;

    (void)state;
    memcpy(&was, it.p, sizeof was);
    for (int i = 0; i < 3; i++) {
        head = was;
        if (i == 0)
            head.body_len -= 1, head.rest_len += 1;
        else if (i == 1)
            head.head_len += 3, head.body_len -= 3;
        else
            head.head_len -= 1, head.body_len += 1;
        memcpy(it.p, &head, sizeof head);
        talk_open(&to, app_count);
        assert_int_equal(host_receive(&to.h, &to.c[0], -1, it.p, it.n), LC_OK);
        host_pump(&to.h);
        assert_true(to.c[0].mem.is_closed && to.ncalls == 0);
        to.h.nfds = -1;
        talk_end(&to);
    }
    free(it.p);
    from.h.nfds = -1;
    talk_end(&from);
}

static void a_file_must_come_when_it_is_announced_and_only_then(void **state)
{
    struct talk from, to;
    struct crossing it = a_parcel(&from);
    struct lc_parcel_head head;

    (void)state;
    talk_open(&to, app_count);
    assert_int_equal(host_receive(&to.h, &to.c[0], dup(STDERR_FILENO), it.p, it.n), LC_EPROTO);
    memcpy(&head, it.p, sizeof head);
    head.file_len = 5;
    memcpy(it.p, &head, sizeof head);
    assert_int_equal(host_receive(&to.h, &to.c[1], -1, it.p, it.n), LC_EPROTO);
    talk_end(&to); /* counts descriptors */
    free(it.p);
    from.h.nfds = -1;
    talk_end(&from);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_request_moves_and_its_connection_stays_open_there),
        cmocka_unit_test(its_end_is_told_there_and_not_here),
        cmocka_unit_test(what_is_known_of_it_moves_with_it),
        cmocka_unit_test(bodies_move),
        cmocka_unit_test(a_streamed_body_goes_on_there),
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
        cmocka_unit_test(one_whose_chunks_were_decoded_stays),
        cmocka_unit_test(one_whose_descriptor_is_lent_stays),
        cmocka_unit_test(what_was_wrapped_for_nothing_is_served_here),
        cmocka_unit_test(what_follows_may_be_too_long),
        cmocka_unit_test(the_siblings_limits_hold),
        cmocka_unit_test(a_parcel_cut_short_is_refused),
        cmocka_unit_test(no_parcel_breaks_the_sibling),
        cmocka_unit_test(lengths_that_do_not_fit_the_head_close),
        cmocka_unit_test(a_file_must_come_when_it_is_announced_and_only_then),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
