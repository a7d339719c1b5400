/* From received bytes to a body: where it lies, when the application is called, and what is read away. */
#include "talk.h"

#define CHUNKED "Transfer-Encoding: chunked\r\n\r\n"

static char filler[300000];

/* A body of n letters, announced or in chunks of `each`. */
static void send_body(struct talk *t, size_t n, size_t each)
{
    char line[32];

    if (each == 0) {
        host_send(&t->c[0], filler, n);
        return;
    }
    for (size_t at = 0; at < n; at += each) {
        size_t some = LC_MIN(each, n - at);

        host_send(&t->c[0], line, lc_chunk_head(some, line));
        host_send(&t->c[0], filler + at, some);
        host_say(&t->c[0], "\r\n");
    }
    host_say(&t->c[0], "0\r\n\r\n");
}

static void send_post(struct talk *t, size_t n, size_t each)
{
    char head[128];

    if (each == 0)
        snprintf(head, sizeof head, "POST / HTTP/1.1\r\nContent-Length: %zu\r\n\r\n", n);
    else
        snprintf(head, sizeof head, "POST / HTTP/1.1\r\n" CHUNKED);
    host_say(&t->c[0], head);
    send_body(t, n, each);
    talk_say(t, 0, "");
}

/* Reads all and compares with the filler. */
static void read_all(struct lc_exchange *x, size_t n)
{
    char part[3000];
    size_t got, at = 0;

    do {
        assert_int_equal(lc_exchange_read(x, part, sizeof part, &got), LC_OK);
        assert_true(at + got <= n);
        assert_memory_equal(part, filler + at, got);
        at += got;
    } while (got > 0);
    assert_int_equal(at, n);
}

struct place {
    size_t n, each; /* each: chunk size, 0: Content-Length */
    size_t read_max;
    bool in_file, is_streamed;
};

/* body_memory 65536, body_file 131072 */
static const struct place places[] = {
    {1, 0, 0, false, false},         {65536, 0, 0, false, false},
    {65536, 0, 1000, false, false},  {80000, 0, 0, true, false},
    {131072, 0, 0, true, false},     {131072, 0, 999, true, false},
    {131073, 0, 0, false, true},     {300000, 0, 0, false, true},
    {1, 1, 0, false, false},         {3000, 1, 0, false, false},
    {3000, 1, 1, false, false},      {65536, 5000, 0, false, false},
    {100000, 7000, 0, true, false},  {100000, 100000, 13, true, false},
    {131072, 40000, 0, true, false}, {200000, 5000, 0, true, true},
    {300000, 1000, 700, true, true},
};

static void lies_where_it_should(const struct place *p)
{
    struct talk t;

    talk_init(&t, app_keep);
    t.h.limits.body_file = 131072;
    talk_start(&t);
    t.c[0].mem.read_max = p->read_max;
    send_post(&t, p->n, p->each);
    assert_int_equal(t.ncalls, 1);
    assert_int_equal(t.x->body.is_streamed, p->is_streamed);
    assert_int_equal(t.x->body.is_done, !p->is_streamed);
    assert_int_equal(lc_spool_here(&t.x->body.file) > 0, p->in_file);
    assert_int_equal(t.x->body.length, p->each ? -1 : (int64_t)p->n);
    read_all(t.x, p->n);
    app_hello(&t, t.x);
    host_say(&t.c[0], TALK_GET("/next"));
    talk_say(&t, 0, "");
    assert_string_equal(t.calls, "/ /next ");
    app_hello(&t, t.x);
    talk_end(&t);
}

static void a_body_waits_in_memory_then_in_a_file_then_in_the_client(void **state)
{
    (void)state;
    for (size_t i = 0; i < LC_ARRAY_LEN(places); i++)
        lies_where_it_should(&places[i]);
}

static void without_buffering_the_call_comes_with_the_head(void **state)
{
    struct talk t;
    char part[16];
    size_t got;

    (void)state;
    talk_init(&t, app_keep);
    t.h.limits.is_body_buffered = false;
    talk_start(&t);
    talk_say(&t, 0, "POST / HTTP/1.1\r\nContent-Length: 10\r\n\r\n");
    assert_int_equal(t.ncalls, 1);
    assert_false(t.x->ops->is_readable(t.x));
    assert_int_equal(lc_exchange_read(t.x, part, sizeof part, &got), LC_AGAIN);
    talk_say(&t, 0, "01234");
    assert_true(t.x->ops->is_readable(t.x));
    assert_int_equal(lc_exchange_read(t.x, part, sizeof part, &got), LC_OK);
    assert_int_equal(got, 5);
    assert_int_equal(lc_exchange_read(t.x, part, sizeof part, &got), LC_AGAIN);
    talk_say(&t, 0, "56789" TALK_GET("/next"));
    assert_int_equal(lc_exchange_read(t.x, part, sizeof part, &got), LC_OK);
    assert_memory_equal(part, "56789", 5);
    assert_int_equal(lc_exchange_read(t.x, part, sizeof part, &got), LC_OK);
    assert_int_equal(got, 0);
    app_hello(&t, t.x);
    host_pump(&t.h);
    assert_string_equal(t.calls, "/ /next ");
    app_hello(&t, t.x);
    talk_end(&t);
}

/* The application decides how fast: what it has not read is not taken from the socket without bound. */
static void a_streamed_body_holds_the_client_back(void **state)
{
    struct talk t;

    (void)state;
    talk_init(&t, app_keep);
    t.h.limits.is_body_buffered = false;
    talk_start(&t);
    send_post(&t, 300000, 0);
    host_pump(&t.h);
    assert_in_range(t.c[0].mem.in_at, 0, 2 * 65536);
    read_all(t.x, 300000);
    app_hello(&t, t.x);
    talk_end(&t);
}

static void continue_is_said_once_head_and_limits_are_accepted(void **state)
{
    struct talk t;

    (void)state;
    talk_open(&t, app_count);
    talk_say(&t, 0, "POST / HTTP/1.1\r\nExpect: 100-continue\r\nContent-Length: 3\r\n\r\n");
    assert_int_equal(talk_status(&t, 0), 100);
    assert_int_equal(t.ncalls, 0);
    talk_say(&t, 0, "abc");
    assert_int_equal(talk_status(&t, 0), 200);
    assert_true(talk_is_silent(&t, 0));
    talk_end(&t);
}

static void continue_is_not_said_to_who_does_not_wait(void **state)
{
    struct talk t;

    (void)state;
    talk_open(&t, app_count);
    talk_say(&t, 0, "POST / HTTP/1.1\r\nExpect: 100-continue\r\nContent-Length: 3\r\n\r\nabc");
    assert_int_equal(talk_status(&t, 0), 200);
    talk_say(&t, 0, "POST / HTTP/1.1\r\nExpect: 100-continue\r\nContent-Length: 3\r\n\r\na");
    talk_say(&t, 0, "bc");
    assert_int_equal(talk_status(&t, 0), 200);
    talk_say(&t, 0, "POST / HTTP/1.0\r\nExpect: 100-continue\r\nContent-Length: 3\r\n\r\n");
    talk_say(&t, 0, "abc");
    assert_int_equal(talk_status(&t, 0), 200);
    talk_end(&t);
}

static void continue_is_said_at_the_first_read_of_a_streamed_body(void **state)
{
    struct talk t;
    char part[8];
    size_t got;

    (void)state;
    talk_init(&t, app_keep);
    t.h.limits.is_body_buffered = false;
    talk_start(&t);
    talk_say(&t, 0, "POST / HTTP/1.1\r\nExpect: 100-continue\r\nContent-Length: 3\r\n\r\n");
    assert_true(talk_is_silent(&t, 0));
    assert_int_equal(lc_exchange_read(t.x, part, sizeof part, &got), LC_AGAIN);
    assert_int_equal(talk_status(&t, 0), 100);
    assert_int_equal(lc_exchange_read(t.x, part, sizeof part, &got), LC_AGAIN);
    assert_true(talk_is_silent(&t, 0));
    talk_say(&t, 0, "abc");
    assert_int_equal(lc_exchange_read(t.x, part, sizeof part, &got), LC_OK);
    assert_int_equal(got, 3);
    app_hello(&t, t.x);
    assert_false(talk_hear(&t, 0, false).is_close);
    talk_end(&t);
}

/* It may go on with its body or not: only a close makes both ends agree on where the next request begins. */
static void an_answer_instead_of_continue_closes(void **state)
{
    struct talk t;

    (void)state;
    talk_init(&t, app_hello);
    t.h.limits.is_body_buffered = false;
    talk_start(&t);
    talk_say(&t, 0, "POST / HTTP/1.1\r\nExpect: 100-continue\r\nContent-Length: 3\r\n\r\n");
    assert_true(talk_hear(&t, 0, false).is_close);
    talk_say(&t, 0, TALK_GET("/smuggled"));
    assert_string_equal(t.calls, "/ ");
    talk_end(&t);
}

static void a_body_that_is_too_large_is_refused_before_it_comes(void **state)
{
    struct talk t;

    (void)state;
    talk_init(&t, app_count);
    t.h.limits.body = 100;
    talk_start(&t);
    talk_say(&t, 0, "POST / HTTP/1.1\r\nExpect: 100-continue\r\nContent-Length: 101\r\n\r\n");
    assert_int_equal(talk_status(&t, 0), 413);
    talk_say(&t, 1, "POST / HTTP/1.1\r\n" CHUNKED "64\r\n");
    host_send(&t.c[1], filler, 100);
    talk_say(&t, 1, "\r\n");
    assert_true(talk_is_silent(&t, 1));
    talk_say(&t, 1, "1\r\nx");
    assert_int_equal(talk_status(&t, 1), 413);
    assert_int_equal(t.ncalls, 0);
    talk_say(&t, 2, "POST / HTTP/1.1\r\nContent-Length: 100\r\n\r\n");
    host_send(&t.c[2], filler, 100);
    talk_say(&t, 2, "");
    assert_int_equal(talk_status(&t, 2), 200);
    talk_end(&t);
}

static void a_streamed_body_that_grows_too_large_breaks_off(void **state)
{
    struct talk t;
    enum lc_rc rc;
    char part[64];
    size_t got;

    (void)state;
    talk_init(&t, app_keep);
    t.h.limits.body = 100;
    t.h.limits.is_body_buffered = false;
    talk_start(&t);
    talk_say(&t, 0, "POST / HTTP/1.1\r\n" CHUNKED "65\r\n");
    host_send(&t.c[0], filler, 101);
    talk_say(&t, 0, "\r\n0\r\n\r\n");
    do
        rc = lc_exchange_read(t.x, part, sizeof part, &got);
    while (rc == LC_OK && got > 0);
    assert_int_equal(rc, LC_CLOSED);
    lc_exchange_fail(t.x, 413, "");
    assert_int_equal(talk_status(&t, 0), 413);
    talk_end(&t);
}

static void broken_chunks_break_off_a_streamed_body(void **state)
{
    static const char *const wires[] = {"5\r\nhelloX", "zz\r\n", "0\r\nHost: x\r\n\r\n"};

    (void)state;
    for (size_t i = 0; i < LC_ARRAY_LEN(wires); i++) {
        struct talk t;
        enum lc_rc rc;
        char part[64];
        size_t got;

        talk_init(&t, app_keep);
        t.h.limits.is_body_buffered = false;
        talk_start(&t);
        talk_say(&t, 0, "POST / HTTP/1.1\r\n" CHUNKED);
        talk_say(&t, 0, wires[i]);
        do
            rc = lc_exchange_read(t.x, part, sizeof part, &got);
        while (rc == LC_OK && got > 0);
        assert_int_equal(rc, LC_CLOSED);
        app_hello(&t, t.x);
        assert_true(talk_hear(&t, 0, false).is_close);
        talk_say(&t, 0, TALK_GET("/smuggled"));
        assert_string_equal(t.calls, "/ ");
        talk_end(&t);
    }
}

struct drain {
    size_t n, each, sent;
    bool is_kept;
};

static const struct drain drains_table[] = {
    {1000, 0, 1000, true},      {1000, 0, 0, true},   {65536, 0, 0, true}, {65537, 0, 0, false},
    {300000, 0, 300000, false}, {1000, 10, 0, false}, /* chunked: nobody knows how much will come */
};

/* An answer without reading: the rest of the body is read away when it is short, and the next request served. */
static void drains(const struct drain *d)
{
    struct talk t;
    char head[128];

    talk_init(&t, app_hello);
    t.h.limits.is_body_buffered = false;
    talk_start(&t);
    if (d->each)
        snprintf(head, sizeof head, "POST / HTTP/1.1\r\n" CHUNKED);
    else
        snprintf(head, sizeof head, "POST / HTTP/1.1\r\nContent-Length: %zu\r\n\r\n", d->n);
    talk_say(&t, 0, head);
    if (d->sent)
        send_body(&t, d->sent, d->each);
    host_pump(&t.h);
    assert_int_equal(talk_hear(&t, 0, false).is_close, !d->is_kept);
    if (d->is_kept && d->sent == 0)
        send_body(&t, d->n, d->each);
    talk_say(&t, 0, TALK_GET("/next"));
    assert_string_equal(t.calls, d->is_kept ? "/ /next " : "/ ");
    talk_end(&t);
}

static void an_unread_body_is_drained_when_it_is_short(void **state)
{
    (void)state;
    for (size_t i = 0; i < LC_ARRAY_LEN(drains_table); i++)
        drains(&drains_table[i]);
}

static void trailers_end_the_body_and_are_not_part_of_it(void **state)
{
    struct talk t;

    (void)state;
    talk_open(&t, app_count);
    talk_say(&t, 0, "POST / HTTP/1.1\r\n" CHUNKED "3\r\nabc\r\n0\r\nX: 1\r\n");
    assert_int_equal(t.ncalls, 0);
    talk_say(&t, 0, "Y: 2\r\n\r\n" TALK_GET("/next"));
    assert_string_equal(t.calls, "/ /next ");
    assert_memory_equal(talk_hear(&t, 0, false).body.p, "1\r\n3\r\n", 6);
    talk_end(&t);
}

/* A trailer section may be longer than the room left behind the window. */
static void long_trailers_find_room(void **state)
{
    (void)state;
    for (int is_streamed = 0; is_streamed < 2; is_streamed++) {
        struct talk t;
        char name[32];

        talk_init(&t, app_keep);
        t.h.limits.is_body_buffered = !is_streamed;
        talk_start(&t);
        host_say(&t.c[0], "POST / HTTP/1.1\r\n" CHUNKED "FDE8\r\n"); /* 65000 */
        host_send(&t.c[0], filler, 65000);
        host_say(&t.c[0], "\r\n0\r\n");
        for (int i = 0; i < 60; i++) {
            snprintf(name, sizeof name, "T%d: ", i);
            host_say(&t.c[0], name);
            host_send(&t.c[0], filler, 2000);
            host_say(&t.c[0], "\r\n");
        }
        host_say(&t.c[0], "\r\n");
        talk_say(&t, 0, TALK_GET("/next"));
        assert_int_equal(t.ncalls, 1);
        read_all(t.x, 65000);
        app_hello(&t, t.x);
        host_pump(&t.h);
        assert_string_equal(t.calls, "/ /next ");
        app_hello(&t, t.x);
        talk_end(&t);
    }
}

/* No place to put it: this request is refused, the server lives. */
static void without_disk_a_long_body_is_refused(void **state)
{
    struct talk t;

    (void)state;
    talk_open(&t, app_count);
    t.h.h1.tmp_dir = "/nowhere";
    send_post(&t, 100000, 0);
    assert_int_equal(talk_status(&t, 0), 503);
    assert_int_equal(t.ncalls, 0);
    talk_say(&t, 1, TALK_GET("/"));
    assert_int_equal(talk_status(&t, 1), 200);
    talk_end(&t);
}

static void a_head_larger_than_a_block_finds_room(void **state)
{
    struct talk t;

    (void)state;
    talk_open(&t, app_keep);
    host_say(&t.c[0], TALK_GET("/first"));
    host_say(&t.c[0], "GET /second HTTP/1.1\r\n");
    for (int i = 0; i < 9; i++) {
        host_say(&t.c[0], "N: ");
        host_send(&t.c[0], filler, 8000);
        host_say(&t.c[0], "\r\n");
    }
    talk_say(&t, 0, "\r\n");
    app_hello(&t, t.x);
    host_pump(&t.h);
    assert_int_equal(t.ncalls, 2);
    assert_int_equal(t.x->req.nfields, 9);
    assert_int_equal(t.x->req.fields[8].value.len, 8000);
    assert_memory_equal(lc_req_text(&t.x->req, t.x->req.fields[8].value).p, filler, 8000);
    app_hello(&t, t.x);
    talk_end(&t);
}

static int fill(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof filler; i++)
        filler[i] = (char)('a' + i % 23);
    return 0;
}

#define EACH(name) cmocka_unit_test(name)

int main(void)
{
    const struct CMUnitTest tests[] = {
        EACH(a_body_waits_in_memory_then_in_a_file_then_in_the_client),
        EACH(without_buffering_the_call_comes_with_the_head),
        EACH(a_streamed_body_holds_the_client_back),
        EACH(continue_is_said_once_head_and_limits_are_accepted),
        EACH(continue_is_not_said_to_who_does_not_wait),
        EACH(continue_is_said_at_the_first_read_of_a_streamed_body),
        EACH(an_answer_instead_of_continue_closes),
        EACH(a_body_that_is_too_large_is_refused_before_it_comes),
        EACH(a_streamed_body_that_grows_too_large_breaks_off),
        EACH(broken_chunks_break_off_a_streamed_body),
        EACH(an_unread_body_is_drained_when_it_is_short),
        EACH(trailers_end_the_body_and_are_not_part_of_it),
        EACH(long_trailers_find_room),
        EACH(without_disk_a_long_body_is_refused),
        EACH(a_head_larger_than_a_block_finds_room),
    };

    return cmocka_run_group_tests(tests, fill, NULL);
}
