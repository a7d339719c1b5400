/* From an application's answer to bytes: which framing, which fields in which order, and what waits. */
#include "talk.h"

#include <fcntl.h>
#include <unistd.h>

enum framing { BODILESS, LENGTH, CHUNKED, UNTIL_CLOSE };

struct choice {
    const char *request; /* method, target, version and fields, without the last CRLF */
    const char *status;
    const char *length;
    enum framing framing;
    bool is_close;
};

static const struct choice choices[] = {
    {"GET / HTTP/1.1\r\n", "200 OK", "5", LENGTH, false},
    {"GET / HTTP/1.1\r\n", "200 OK", NULL, CHUNKED, false},
    {"GET / HTTP/1.1\r\nConnection: close\r\n", "200 OK", "5", LENGTH, true},
    {"GET / HTTP/1.1\r\nConnection: close\r\n", "200 OK", NULL, CHUNKED, true},
    {"GET / HTTP/1.0\r\n", "200 OK", "5", LENGTH, true},
    {"GET / HTTP/1.0\r\n", "200 OK", NULL, UNTIL_CLOSE, true},
    {"GET / HTTP/1.0\r\nConnection: keep-alive\r\n", "200 OK", "5", LENGTH, false},
    {"GET / HTTP/1.0\r\nConnection: keep-alive\r\n", "200 OK", NULL, UNTIL_CLOSE, true},
    {"GET / HTTP/1.1\r\n", "204 No Content", NULL, BODILESS, false},
    {"GET / HTTP/1.1\r\n", "204 No Content", "5", BODILESS, false},
    {"GET / HTTP/1.1\r\n", "304 Not Modified", NULL, BODILESS, false},
    {"GET / HTTP/1.1\r\n", "304 Not Modified", "5", BODILESS, false},
    {"GET / HTTP/1.0\r\n", "204 No Content", NULL, BODILESS, true},
    {"HEAD / HTTP/1.1\r\n", "200 OK", "5", BODILESS, false},
    {"HEAD / HTTP/1.1\r\n", "200 OK", NULL, BODILESS, false},
    {"HEAD / HTTP/1.0\r\n", "200 OK", NULL, BODILESS, true},
    {"CONNECT h:1 HTTP/1.1\r\n", "200 OK", "5", LENGTH, true},
    {"GET / HTTP/1.1\r\n", "500 Oh", "5", LENGTH, false},
};

static void ask(struct talk *t, const char *request)
{
    host_say(&t->c[0], request);
    talk_say(t, 0, "\r\n");
    assert_non_null(t->x);
}

static void chooses(const struct choice *c)
{
    struct talk t;
    struct answer a;

    talk_open(&t, app_keep);
    ask(&t, c->request);
    talk_begin(t.x, c->status, c->length);
    assert_int_equal(talk_write(t.x, "hello", 5, true), LC_OK);
    lc_exchange_finish(t.x);
    host_pump(&t.h);
    a = talk_hear(&t, 0, strncmp(c->request, "HEAD", 4) == 0);
    assert_int_equal(a.is_chunked, c->framing == CHUNKED);
    assert_int_equal(a.is_until_close, c->framing == UNTIL_CLOSE);
    assert_int_equal(a.body_len, c->framing == BODILESS ? 0 : 5);
    assert_int_equal(a.is_close, c->is_close);
    assert_int_equal(t.c[0].mem.is_closed, c->is_close);
    assert_int_equal(a.content_length, c->length && strncmp(c->status, "204", 3) != 0 ? 5 : -1);
    assert_true(talk_is_silent(&t, 0));
    talk_end(&t);
}

static void the_framing_follows_version_status_and_length(void **state)
{
    (void)state;
    for (size_t i = 0; i < LC_ARRAY_LEN(choices); i++)
        chooses(&choices[i]);
}

static void the_head_has_its_fields_in_order(void **state)
{
    static const char expected[] = "HTTP/1.1 200 OK\r\n"
                                   "Server: licorne\r\n"
                                   "Date: Sun, 06 Nov 1994 08:49:37 GMT\r\n"
                                   "Connection: keep-alive\r\n"
                                   "Transfer-Encoding: chunked\r\n"
                                   "B: 1\r\nA: 2\r\n\r\n"
                                   "5\r\nhello\r\n0\r\n\r\n";
    struct talk t;

    (void)state;
    talk_open(&t, app_keep);
    ask(&t, "GET / HTTP/1.1\r\n");
    talk_begin(t.x, "200 OK", NULL);
    assert_int_equal(lc_response_field(&t.x->res, LC_STR("B"), LC_STR("1")), LC_OK);
    assert_int_equal(lc_response_field(&t.x->res, LC_STR("A"), LC_STR("2")), LC_OK);
    assert_int_equal(talk_write(t.x, "hello", 5, true), LC_OK);
    lc_exchange_finish(t.x);
    assert_int_equal(t.c[0].mem.out_len, sizeof expected - 1);
    assert_memory_equal(t.c[0].mem.out, expected, sizeof expected - 1);
    talk_end(&t);
}

static void the_version_is_the_request_s(void **state)
{
    struct talk t;

    (void)state;
    talk_open(&t, app_hello);
    talk_say(&t, 0, "GET / HTTP/1.2\r\n\r\n");
    assert_memory_equal(t.c[0].mem.out, "HTTP/1.2 200 OK\r\n", 17);
    talk_end(&t);
}

/* The longest fixed part: a reason of 255 bytes, a Server of 200, chunked, keep-alive. */
static void the_longest_head_fits_before_its_fields(void **state)
{
    char server[300], line[LC_STATUS_MAX];
    struct talk t;
    struct answer a;

    (void)state;
    memset(server, 'S', sizeof server - 1);
    server[sizeof server - 1] = '\0';
    memset(line, 'r', sizeof line - 1);
    memcpy(line, "200 ", 4);
    line[sizeof line - 1] = '\0';
    talk_open(&t, app_keep);
    t.h.h1.server = server;
    ask(&t, "GET / HTTP/1.1\r\n");
    talk_begin(t.x, line, NULL);
    assert_int_equal(talk_write(t.x, "x", 1, true), LC_OK);
    lc_exchange_finish(t.x);
    a = talk_hear(&t, 0, false);
    assert_int_equal(a.line.n, 9 + sizeof line - 1);
    assert_int_equal(answer_field(&a, "Server").n, 200); /* longer ones are cut */
    talk_end(&t);
}

static void the_date_moves_with_the_wall_clock(void **state)
{
    struct talk t;
    struct answer a;

    (void)state;
    talk_open(&t, app_hello);
    talk_say(&t, 0, TALK_GET("/"));
    talk_hear(&t, 0, false);
    t.h.loop.wall_s += 1;
    talk_say(&t, 0, TALK_GET("/"));
    a = talk_hear(&t, 0, false);
    assert_int_equal(answer_field(&a, "Date").n, 29);
    assert_memory_equal(answer_field(&a, "Date").p, "Sun, 06 Nov 1994 08:49:38 GMT", 29);
    talk_end(&t);
}

static void a_body_is_cut_to_its_length_across_writes(void **state)
{
    struct talk t;
    struct answer a;

    (void)state;
    talk_open(&t, app_keep);
    ask(&t, "GET / HTTP/1.1\r\n");
    talk_begin(t.x, "200 OK", "5");
    assert_int_equal(talk_write(t.x, "hel", 3, false), LC_OK);
    assert_int_equal(talk_write(t.x, "lo and more", 11, false), LC_OK);
    assert_int_equal(talk_write(t.x, "more", 4, true), LC_OK);
    lc_exchange_finish(t.x);
    a = talk_hear(&t, 0, false);
    assert_memory_equal(a.body.p, "hello", 5);
    assert_true(talk_is_silent(&t, 0));
    talk_say(&t, 0, "");
    assert_int_equal(host_state(&t.h, &t.c[0]), LC_H1_IDLE);
    talk_end(&t);
}

static void a_body_shorter_than_promised_closes(void **state)
{
    struct talk t;

    (void)state;
    talk_open(&t, app_keep);
    ask(&t, "GET / HTTP/1.1\r\n");
    talk_begin(t.x, "200 OK", "50");
    assert_int_equal(talk_write(t.x, "hello", 5, true), LC_OK);
    lc_exchange_finish(t.x);
    assert_true(t.c[0].mem.is_closed);
    talk_end(&t);
}

/* Shut, but open for what the client may have sent meanwhile: a reset would take the answer with it. */
static void expect_slow_close(struct talk *t)
{
    assert_true(t->c[0].mem.is_write_shut && !t->c[0].mem.is_closed);
    t->c[0].mem.is_in_ended = true;
    host_pump(&t->h);
    assert_true(t->c[0].mem.is_closed);
}

static void a_cut_answer_lacks_its_last_chunk_and_closes(void **state)
{
    struct talk t;

    (void)state;
    talk_open(&t, app_keep);
    ask(&t, "GET / HTTP/1.1\r\n");
    talk_begin(t.x, "200 OK", NULL);
    assert_int_equal(talk_write(t.x, "hello", 5, false), LC_OK);
    lc_exchange_cut(t.x);
    expect_slow_close(&t);
    assert_memory_equal(t.c[0].mem.out + t.c[0].mem.out_len - 10, "5\r\nhello\r\n", 10);
    talk_end(&t);
}

static void failing_after_the_head_only_cuts(void **state)
{
    struct talk t;
    size_t before;

    (void)state;
    talk_open(&t, app_keep);
    ask(&t, "GET / HTTP/1.1\r\n");
    talk_begin(t.x, "200 OK", NULL);
    assert_int_equal(talk_write(t.x, "hello", 5, false), LC_OK);
    before = t.c[0].mem.out_len;
    lc_exchange_fail(t.x, 500, "");
    assert_int_equal(t.c[0].mem.out_len, before);
    expect_slow_close(&t);
    talk_end(&t);
}

static void empty_writes_send_nothing_not_even_the_head(void **state)
{
    struct talk t;

    (void)state;
    talk_open(&t, app_keep);
    ask(&t, "GET / HTTP/1.1\r\n");
    talk_begin(t.x, "200 OK", NULL);
    assert_int_equal(talk_write(t.x, "", 0, false), LC_OK);
    assert_int_equal(t.c[0].mem.out_len, 0);
    lc_exchange_finish(t.x);
    assert_int_equal(talk_hear(&t, 0, false).body_len, 0);
    talk_end(&t);
}

/* More pieces than go into one send, empty ones among them, and every object comes back. */
static void many_pieces_leave_in_order(void **state)
{
    char text[100], body[100];
    struct lc_piece v[70];
    struct talk t;
    struct answer a;
    size_t n = 0;

    (void)state;
    talk_open(&t, app_keep);
    ask(&t, "GET / HTTP/1.1\r\n");
    talk_begin(t.x, "200 OK", NULL);
    for (int i = 0; i < 70; i++) {
        text[i] = (char)('!' + i);
        v[i] = (struct lc_piece){
            .p = text + i, .n = i % 7 ? 1 : 0, .obj = host_object(&t.h), .is_whole = true};
        if (i % 7)
            body[n++] = text[i];
    }
    assert_int_equal(lc_exchange_write(t.x, v, 70, true), LC_OK);
    lc_exchange_finish(t.x);
    a = talk_hear(&t, 0, false);
    assert_int_equal(a.body_len, n);
    answer_body(&a, text);
    assert_memory_equal(text, body, n);
    assert_int_equal(t.h.nreleased, 70);
    talk_end(&t);
}

static void write_slowly(struct talk *t, size_t room_each)
{
    int turns = 0;

    while (t->c[0].mem.out_len == 0 || host_state(&t->h, &t->c[0]) == LC_H1_SEND) {
        t->c[0].mem.write_room = room_each;
        host_pump(&t->h);
        assert_true(turns++ < 100000);
    }
}

/* A whole body by reference, then nothing: it waits without a copy, and is released once it has left. */
static void what_the_socket_does_not_take_waits_by_reference(void **state)
{
    static char big[100000];
    struct lc_piece piece = {.p = big, .n = sizeof big, .is_whole = true};
    struct talk t;
    struct answer a;

    (void)state;
    memset(big, 'b', sizeof big);
    talk_open(&t, app_keep);
    t.c[0].mem.write_room = 1000;
    ask(&t, "GET / HTTP/1.1\r\n");
    talk_begin(t.x, "200 OK", "100000");
    piece.obj = host_object(&t.h);
    assert_int_equal(lc_exchange_write(t.x, &piece, 1, true), LC_OK);
    assert_int_equal(t.h.nreleased, 0);
    assert_int_equal(host_conn(&t.h, &t.c[0])->out.mem_pending, 0);
    lc_exchange_finish(t.x);
    write_slowly(&t, 777);
    a = talk_hear(&t, 0, false);
    assert_int_equal(a.body_len, sizeof big);
    assert_memory_equal(a.body.p, big, sizeof big);
    assert_int_equal(t.h.nreleased, 1);
    talk_end(&t);
}

/* Copies, spool and file after one another come out in that order. */
static void the_queue_keeps_the_order_across_memory_spool_and_file(void **state)
{
    char text[64], body[64];
    int fd = open("/proc/self/exe", O_RDONLY);
    struct talk t;
    struct answer a;

    (void)state;
    talk_init(&t, app_keep);
    t.h.nfds = dup(fd);
    close(t.h.nfds);
    t.h.limits.out_memory = 8;
    talk_start(&t);
    t.c[0].mem.write_room = 0;
    ask(&t, "GET / HTTP/1.1\r\n");
    talk_begin(t.x, "200 OK", "24");
    assert_int_equal(talk_write(t.x, "memory", 6, false), LC_OK);
    assert_int_equal(talk_write(t.x, "spooled-", 8, false), LC_OK);
    assert_int_equal(talk_write(t.x, "spool2", 6, false), LC_OK);
    assert_int_equal(lc_exchange_write_file(t.x, dup(fd), 1, 3), LC_OK); /* "ELF" */
    assert_int_equal(talk_write(t.x, "!", 1, true), LC_OK);
    lc_exchange_finish(t.x);
    write_slowly(&t, 1);
    a = talk_hear(&t, 0, false);
    assert_int_equal(a.body_len, 24);
    memcpy(body, a.body.p, 24);
    memcpy(text, "memoryspooled-spool2ELF!", 24);
    assert_memory_equal(body, text, 24);
    talk_end(&t);
    close(fd);
}

static void too_much_waiting_holds_the_application_until_some_has_left(void **state)
{
    static char big[5000];
    struct talk t;

    (void)state;
    memset(big, 'b', sizeof big);
    talk_init(&t, app_keep);
    t.h.limits.out_memory = 4000;
    t.h.limits.out_file = 12000;
    talk_start(&t);
    t.c[0].mem.write_room = 0;
    ask(&t, "GET / HTTP/1.1\r\n");
    talk_begin(t.x, "200 OK", NULL);
    assert_int_equal(talk_write(t.x, big, sizeof big, false), LC_OK);
    assert_int_equal(talk_write(t.x, big, sizeof big, false), LC_OK);
    assert_true(t.x->ops->is_writable(t.x));
    assert_int_equal(talk_write(t.x, big, sizeof big, false), LC_AGAIN);
    assert_false(t.x->ops->is_writable(t.x));
    t.c[0].mem.write_room = SIZE_MAX;
    host_pump(&t.h); /* although the call goes on */
    assert_true(t.x->ops->is_writable(t.x));
    assert_true(t.c[0].mem.out_len > 15000);
    lc_exchange_finish(t.x);
    assert_int_equal(talk_hear(&t, 0, false).body_len, 15000);
    talk_end(&t);
}

/* No place for the spool: memory alone, and the application is held sooner. */
static void without_disk_memory_is_the_bound(void **state)
{
    static char big[5000];
    struct talk t;

    (void)state;
    talk_init(&t, app_keep);
    t.h.limits.out_memory = 9000;
    talk_start(&t);
    t.h.h1.out.spool_dir = "/nowhere";
    t.c[0].mem.write_room = 0;
    ask(&t, "GET / HTTP/1.1\r\n");
    talk_begin(t.x, "200 OK", NULL);
    assert_int_equal(talk_write(t.x, big, sizeof big, false), LC_OK);
    assert_int_equal(talk_write(t.x, big, sizeof big, false), LC_AGAIN);
    t.c[0].mem.write_room = SIZE_MAX;
    host_pump(&t.h);
    assert_true(t.x->ops->is_writable(t.x));
    lc_exchange_finish(t.x);
    assert_int_equal(talk_hear(&t, 0, false).body_len, 10000);
    talk_end(&t);
}

static void a_file_that_ends_early_closes(void **state)
{
    struct talk t;

    (void)state;
    talk_open(&t, app_keep);
    ask(&t, "GET / HTTP/1.1\r\n");
    talk_begin(t.x, "200 OK", "10");
    assert_int_not_equal(lc_exchange_write_file(t.x, open("/dev/null", O_RDONLY), 0, 10), LC_AGAIN);
    lc_exchange_finish(t.x);
    host_pump(&t.h);
    assert_true(t.c[0].mem.is_closed);
    talk_end(&t);
}

static void a_file_without_length_is_one_chunk(void **state)
{
    struct talk t;
    struct answer a;

    (void)state;
    talk_open(&t, app_keep);
    ask(&t, "GET / HTTP/1.1\r\n");
    talk_begin(t.x, "200 OK", NULL);
    assert_int_equal(lc_exchange_write_file(t.x, open("/proc/self/exe", O_RDONLY), 1, 3), LC_OK);
    lc_exchange_finish(t.x);
    host_pump(&t.h);
    a = talk_hear(&t, 0, false);
    assert_int_equal(a.body_len, 3);
    assert_memory_equal(a.body.p, "3\r\nELF\r\n", 8);
    talk_end(&t);
}

static void a_file_answers_head_without_its_bytes(void **state)
{
    struct talk t;
    struct answer a;

    (void)state;
    talk_open(&t, app_keep);
    ask(&t, "HEAD / HTTP/1.1\r\n");
    talk_begin(t.x, "200 OK", "3");
    assert_int_equal(lc_exchange_write_file(t.x, open("/proc/self/exe", O_RDONLY), 1, 3), LC_OK);
    lc_exchange_finish(t.x);
    a = talk_hear(&t, 0, true);
    assert_int_equal(a.content_length, 3);
    assert_true(talk_is_silent(&t, 0));
    talk_end(&t);
}

static void early_hints_go_before_the_answer_and_never_after(void **state)
{
    static const char hints[] = "HTTP/1.1 103 Early Hints\r\nLink: <a>\r\n\r\n";
    struct talk t;

    (void)state;
    talk_open(&t, app_keep);
    ask(&t, "GET / HTTP/1.1\r\n");
    assert_int_equal(lc_exchange_informational(t.x, hints, sizeof hints - 1), LC_OK);
    assert_int_equal(lc_exchange_informational(t.x, hints, sizeof hints - 1), LC_OK);
    talk_begin(t.x, "200 OK", NULL);
    assert_int_equal(talk_write(t.x, "x", 1, false), LC_OK);
    assert_int_equal(lc_exchange_informational(t.x, hints, sizeof hints - 1), LC_EINVAL);
    lc_exchange_finish(t.x);
    assert_int_equal(talk_status(&t, 0), 103);
    assert_int_equal(talk_status(&t, 0), 103);
    assert_int_equal(talk_status(&t, 0), 200);
    talk_end(&t);
}

static void http_1_0_gets_no_early_hints(void **state)
{
    static const char hints[] = "HTTP/1.1 103 Early Hints\r\n\r\n";
    struct talk t;

    (void)state;
    talk_open(&t, app_keep);
    ask(&t, "GET / HTTP/1.0\r\n");
    assert_int_equal(lc_exchange_informational(t.x, hints, sizeof hints - 1), LC_OK);
    app_hello(&t, t.x);
    assert_int_equal(talk_status(&t, 0), 200);
    talk_end(&t);
}

static void an_upgrade_is_neither_chunked_nor_kept(void **state)
{
    struct talk t;

    (void)state;
    talk_open(&t, app_keep);
    ask(&t, "GET / HTTP/1.1\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n");
    assert_true(t.x->req.want_upgrade);
    assert_int_equal(lc_response_begin(&t.x->res, LC_STR("101 Switching Protocols"), false), LC_OK);
    assert_int_equal(lc_response_field(&t.x->res, LC_STR("Connection"), LC_STR("upgrade")), LC_OK);
    assert_int_equal(lc_response_field(&t.x->res, LC_STR("Upgrade"), LC_STR("websocket")), LC_OK);
    lc_exchange_finish(t.x);
    assert_non_null(memmem(t.c[0].mem.out, t.c[0].mem.out_len, "Connection: upgrade\r\n", 21));
    assert_null(memmem(t.c[0].mem.out, t.c[0].mem.out_len, "Transfer-Encoding", 17));
    assert_true(t.c[0].mem.is_closed);
    talk_end(&t);
}

static void an_application_s_connection_close_is_dropped(void **state)
{
    struct talk t;

    (void)state;
    talk_open(&t, app_keep);
    ask(&t, "GET / HTTP/1.1\r\n");
    talk_begin(t.x, "200 OK", "1");
    assert_int_equal(lc_response_field(&t.x->res, LC_STR("Connection"), LC_STR("x, Close")), LC_OK);
    assert_int_equal(talk_write(t.x, "x", 1, true), LC_OK);
    lc_exchange_finish(t.x);
    assert_false(talk_hear(&t, 0, false).is_close ||
                 t.c[0].mem.is_closed); /* as in Gunicorn: it is the server's field */
    talk_end(&t);
}

#define EACH(name) cmocka_unit_test(name)

int main(void)
{
    const struct CMUnitTest tests[] = {
        EACH(the_framing_follows_version_status_and_length),
        EACH(the_head_has_its_fields_in_order),
        EACH(the_version_is_the_request_s),
        EACH(the_longest_head_fits_before_its_fields),
        EACH(the_date_moves_with_the_wall_clock),
        EACH(a_body_is_cut_to_its_length_across_writes),
        EACH(a_body_shorter_than_promised_closes),
        EACH(a_cut_answer_lacks_its_last_chunk_and_closes),
        EACH(failing_after_the_head_only_cuts),
        EACH(empty_writes_send_nothing_not_even_the_head),
        EACH(many_pieces_leave_in_order),
        EACH(what_the_socket_does_not_take_waits_by_reference),
        EACH(the_queue_keeps_the_order_across_memory_spool_and_file),
        EACH(too_much_waiting_holds_the_application_until_some_has_left),
        EACH(without_disk_memory_is_the_bound),
        EACH(a_file_that_ends_early_closes),
        EACH(a_file_without_length_is_one_chunk),
        EACH(a_file_answers_head_without_its_bytes),
        EACH(early_hints_go_before_the_answer_and_never_after),
        EACH(http_1_0_gets_no_early_hints),
        EACH(an_upgrade_is_neither_chunked_nor_kept),
        EACH(an_application_s_connection_close_is_dropped),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
