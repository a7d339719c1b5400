/* Requests that never reach the application, and what client and log are told. */
#include "talk.h"

#include <unistd.h>

static void a_refusal_lingers_until_the_client_has_ended(void **state)
{
    struct talk t;

    (void)state;
    talk_open(&t, app_hello);
    talk_say(&t, 0, "GET / HTTP/1.1\r\nno colon\r\n\r\n" TALK_GET("/b"));
    assert_int_equal(talk_status(&t, 0), 400);
    assert_true(t.c[0].mem.is_write_shut &&
                !t.c[0].mem.is_closed); /* a close now could be a reset */
    assert_int_equal(host_state(&t.h, &t.c[0]), LC_H1_LINGER);
    assert_null(host_conn(&t.h, &t.c[0])->in.p);
    talk_say(&t, 0, TALK_GET("/c"));
    assert_int_equal(t.ncalls, 0);
    t.c[0].mem.is_in_ended = true;
    host_pump(&t.h);
    assert_true(t.c[0].mem.is_closed && talk_is_silent(&t, 0));
    talk_end(&t);
}

static void lingering_ends_by_time_although_the_client_goes_on(void **state)
{
    struct talk t;

    (void)state;
    talk_open(&t, app_hello);
    talk_say(&t, 0, "BAD\r\n\r\n");
    for (int i = 0; i < 4; i++) {
        assert_false(t.c[0].mem.is_closed);
        talk_say(&t, 0, "more");
        host_pass(&t.h, 1300);
    }
    assert_true(t.c[0].mem.is_closed);
    talk_end(&t);
}

static void the_refusal_of_a_head_has_no_body(void **state)
{
    struct talk t;
    struct answer a;

    (void)state;
    talk_open(&t, app_hello);
    talk_say(&t, 0, "HEAD / HTTP/1.1\r\nExpect: tea\r\n\r\n");
    a = talk_hear(&t, 0, true);
    assert_int_equal(a.status, 417);
    assert_true(talk_is_silent(&t, 0));
    talk_end(&t);
}

static void a_failed_application_gets_the_page_and_a_close(void **state)
{
    struct talk t;
    struct answer a;

    (void)state;
    talk_open(&t, app_keep);
    talk_say(&t, 0, TALK_GET("/a"));
    lc_exchange_fail(t.x, 500, "");
    host_pump(&t.h);
    a = talk_hear(&t, 0, false);
    assert_int_equal(a.status, 500);
    assert_true(a.is_close && t.c[0].mem.is_closed);
    talk_end(&t);
}

static void contradicting_schemes_from_a_trusted_peer_are_refused(void **state)
{
    static const char request[] =
        "GET / HTTP/1.1\r\nX-Forwarded-Proto: https\r\nX-Forwarded-Ssl: off\r\n\r\n";
    struct talk t;

    (void)state;
    talk_init(&t, app_hello);
    t.h.policy.nsecure = 2;
    t.h.policy.secure_name[0] = LC_STR("X-FORWARDED-PROTO");
    t.h.policy.secure_value[0] = LC_STR("https");
    t.h.policy.secure_name[1] = LC_STR("X-FORWARDED-SSL");
    t.h.policy.secure_value[1] = LC_STR("on");
    assert_int_equal(lc_policy_trust(&t.h.policy, LC_STR("127.0.0.0/8")), LC_OK);
    talk_start(&t);
    talk_say(&t, 0, request);
    assert_int_equal(talk_status(&t, 0), 400);
    t.c[1].peer.u.ip4.sin_addr.s_addr = htonl(0x0a000001); /* nobody's word */
    talk_say(&t, 1, request);
    assert_int_equal(talk_status(&t, 1), 200);
    talk_end(&t);
}

/* One row: what is said, how it is answered, and what the log has of it (NULL: nothing). */
struct refusal {
    const char *wire;
    int status;
    const char *page; /* a part of it */
    const char *log;
};

static const struct refusal refusals[] = {
    {"GET /\r\n\r\n", 400,
     "Invalid Request Line &#x27;Invalid HTTP request line: &#x27;GET /&#x27;&#x27;",
     "Invalid HTTP request line: 'GET /'"},
    {"GET / HTTP/1.1\r\nA\r\n\r\n", 400, "Invalid HTTP Header: &#x27;A&#x27;",
     "Invalid HTTP Header: 'A'"},
    {"GET / HTTP/1.1\r\nA_b: 1\r\n\r\n", 400, "Invalid HTTP header name: &#x27;A_B&#x27;",
     "Invalid HTTP header name: 'A_B'"},
    {"GET / HTTP/1.1\r\nExpect: x\r\n\r\n", 417, "Unable to comply with expectation: &#x27;x&#x27;",
     "Unable to comply with expectation: 'x'"},
    {"POST / HTTP/1.1\r\nContent-Length: 101\r\n\r\n", 413, "Request body is too large",
     "Request body is too large"},
    {"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n", 400,
     "Invalid chunk size: b&#x27;zz", "Invalid chunk size: b'zz"},
    {"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabcXY", 400,
     "Invalid chunk terminator", "b'X"},
    {"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\nHost: h\r\n\r\n", 400,
     "Invalid HTTP header name: &#x27;H", "Invalid HTTP header name: 'H"},
};

static void refuses(const struct refusal *r, const char *before)
{
    struct talk t;
    struct answer a;
    char log[1024] = "", page[2048];
    int pipe_fds[2];

    talk_init(&t, app_hello);
    assert_int_equal(pipe(pipe_fds), 0);
    t.h.nfds += 2;
    t.h.log = (struct lc_log){.fd = pipe_fds[1], .level = LC_WARNING};
    t.h.limits.body = 100;
    t.h.policy.header_map = LC_MAP_REFUSE;
    talk_start(&t);
    talk_say(&t, 0, before);
    talk_say(&t, 0, r->wire);
    for (int i = 0; i < t.ncalls; i++)
        assert_int_equal(talk_status(&t, 0), 200);
    a = talk_hear(&t, 0, false);
    assert_int_equal(a.status, r->status);
    assert_true(a.is_close);
    assert_in_range(a.body_len, 1, sizeof page - 1);
    memcpy(page, a.body.p, a.body_len);
    page[a.body_len] = '\0';
    assert_non_null(strstr(page, r->page));
    assert_in_range(read(pipe_fds[0], log, sizeof log - 1), 1, sizeof log);
    assert_non_null(strstr(log, "[WARNING] Invalid request from ip=127.0.0.1: "));
    assert_non_null(strstr(log, r->log));
    talk_end(&t);
    close(pipe_fds[0]);
    close(pipe_fds[1]);
}

static void client_and_log_are_told_why(void **state)
{
    (void)state;
    for (size_t i = 0; i < LC_ARRAY_LEN(refusals); i++) {
        refuses(&refusals[i], "");
        refuses(&refusals[i], TALK_GET("/before"));
        refuses(&refusals[i],
                "POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n1\r\na\r\n0\r\nT: 1\r\n\r\n");
    }
}

#define EACH(name) cmocka_unit_test(name)

int main(void)
{
    const struct CMUnitTest tests[] = {
        EACH(client_and_log_are_told_why),
        EACH(a_refusal_lingers_until_the_client_has_ended),
        EACH(lingering_ends_by_time_although_the_client_goes_on),
        EACH(the_refusal_of_a_head_has_no_body),
        EACH(a_failed_application_gets_the_page_and_a_close),
        EACH(contradicting_schemes_from_a_trusted_peer_are_refused),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
