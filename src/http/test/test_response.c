/* The head of an answer: what may be in it, what is dropped, how it is laid out. */
#include "base/test/support.h"

#include "http/response.h"

#include <string.h>

static struct lc_pool pool;

static int open_pool(void **state)
{
    (void)state;
    lc_pool_init(&pool, 4096, 4);
    return 0;
}

static int close_pool(void **state)
{
    (void)state;
    lc_pool_fini(&pool); /* stops when a block is missing */
    return 0;
}

static struct lc_str str(const char *s)
{
    return lc_str_of(s, strlen(s));
}

struct line_row {
    const char *line;
    int status; /* 0: refused */
    bool is_bodiless;
};

static const struct line_row lines[] = {
    {"200 OK", 200, false},
    {"200", 200, false},
    {"404 Not Found", 404, false},
    {"999 x", 999, false},
    {"204 No Content", 204, true},
    {"304 Not Modified", 304, true},
    {"101 Switching", 101, true},
    {"200 ", 200, false},
    {"200 Tr\xe8s bien", 200, false},
    {"", 0, false},
    {"20", 0, false},
    {"2000 OK", 0, false},
    {"20x OK", 0, false},
    {" 200 OK", 0, false},
    {"200OK", 0, false},
    {"200 O\nK", 0, false},
    {"200 O\rK", 0, false},
    {"200 OK\r\n", 0, false},
    {"200 O\x7fK", 0, false},
    {"099 low", 0, false},
    {"-20 OK", 0, false},
};

static void a_status_line_is_three_digits_and_a_reason(void **state)
{
    (void)state;
    for (size_t i = 0; i < LC_ARRAY_LEN(lines); i++) {
        struct lc_response r;

        lc_response_init(&r, &pool);
        assert_int_equal(lc_response_begin(&r, str(lines[i].line), false),
                         lines[i].status ? LC_OK : LC_EINVAL);
        assert_int_equal(r.status, lines[i].status);
        assert_int_equal(r.is_started, lines[i].status != 0);
        assert_int_equal(r.is_bodiless, lines[i].is_bodiless);
        lc_response_fini(&r);
    }
}

static void a_reason_has_a_bound(void **state)
{
    char line[LC_STATUS_MAX + 1];
    struct lc_response r;

    (void)state;
    memset(line, 'r', sizeof line);
    memcpy(line, "200 ", 4);
    lc_response_init(&r, &pool);
    assert_int_equal(lc_response_begin(&r, lc_str_of(line, LC_STATUS_MAX), false), LC_EINVAL);
    assert_int_equal(lc_response_begin(&r, lc_str_of(line, LC_STATUS_MAX - 1), false), LC_OK);
    lc_response_fini(&r);
}

static void an_answer_to_head_is_bodiless(void **state)
{
    struct lc_response r;

    (void)state;
    lc_response_init(&r, &pool);
    assert_int_equal(lc_response_begin(&r, LC_STR("200 OK"), true), LC_OK);
    assert_true(r.is_bodiless);
    lc_response_fini(&r);
}

struct field_row {
    const char *name, *value;
    enum lc_rc rc;
    const char *kept; /* what is in the head, "" when it is the server's own field */
};

static const struct field_row fields[] = {
    {"A", "b", LC_OK, "A: b\r\n"},
    {"A", "", LC_OK, "A: \r\n"},
    {"A", " \t b c \t", LC_OK, "A: b c\r\n"},
    {"A", "caf\xe9", LC_OK, "A: caf\xe9\r\n"},
    {"A", "tab\tinside", LC_OK, "A: tab\tinside\r\n"},
    {"Set-Cookie", "a=b; Path=/", LC_OK, "Set-Cookie: a=b; Path=/\r\n"},
    {"", "b", LC_EINVAL, ""},
    {"A B", "b", LC_EINVAL, ""},
    {"A:", "b", LC_EINVAL, ""},
    {"A\r\nB", "b", LC_EINVAL, ""},
    {"A\xe9", "b", LC_EINVAL, ""},
    {"A", "b\r\nEvil: 1", LC_EINVAL, ""},
    {"A", "b\nEvil: 1", LC_EINVAL, ""},
    {"A", "b\rEvil", LC_EINVAL, ""},
    {"A", "b\x01", LC_EINVAL, ""},
    {"A", "b\x7f", LC_EINVAL, ""},
    {"Server", "mine", LC_OK, ""},
    {"dAtE", "today", LC_OK, ""},
    {"TE", "x", LC_OK, ""},
    {"Trailers", "x", LC_OK, ""},
    {"Connection", "keep-alive", LC_OK, ""},
    {"Keep-Alive", "timeout=5", LC_OK, ""},
    {"Transfer-Encoding", "chunked", LC_OK, ""},
    {"Proxy-Authenticate", "x", LC_OK, ""},
    {"Proxy-Authorization", "x", LC_OK, ""},
    {"Upgrade", "h2c", LC_OK, ""},
    {"Upgrade", "WebSocket", LC_OK, "Upgrade: WebSocket\r\n"},
    {"Content-Length", "12", LC_OK, "Content-Length: 12\r\n"},
    {"content-length", "012", LC_OK, "content-length: 012\r\n"},
    {"Content-Length", "", LC_EINVAL, ""},
    {"Content-Length", "-1", LC_EINVAL, ""},
    {"Content-Length", "+1", LC_EINVAL, ""},
    {"Content-Length", "1 2", LC_EINVAL, ""},
    {"Content-Length", "0x10", LC_EINVAL, ""},
    {"Content-Length", "99999999999999999999", LC_EINVAL, ""},
    {"Connection", "bad\r\nvalue", LC_EINVAL, ""},
    {"Transfer-Encoding", "bad\nvalue", LC_EINVAL, ""},
    {"Date-Time", "x", LC_OK, "Date-Time: x\r\n"},
    {"Upgrades", "x", LC_OK, "Upgrades: x\r\n"},
};

static void each_field_is_judged(void **state)
{
    (void)state;
    for (size_t i = 0; i < LC_ARRAY_LEN(fields); i++) {
        struct lc_response r;

        lc_response_init(&r, &pool);
        assert_int_equal(lc_response_begin(&r, LC_STR("200 OK"), false), LC_OK);
        assert_int_equal(lc_response_field(&r, str(fields[i].name), str(fields[i].value)),
                         fields[i].rc);
        assert_int_equal(r.block.len, LC_HEAD_ROOM + strlen(fields[i].kept));
        assert_memory_equal(r.block.p + LC_HEAD_ROOM, fields[i].kept, strlen(fields[i].kept));
        lc_response_fini(&r);
    }
}

static void a_second_length_must_be_the_same(void **state)
{
    struct lc_response r;

    (void)state;
    lc_response_init(&r, &pool);
    assert_int_equal(lc_response_begin(&r, LC_STR("200 OK"), false), LC_OK);
    assert_int_equal(lc_response_field(&r, LC_STR("Content-Length"), LC_STR("5")), LC_OK);
    assert_int_equal(lc_response_field(&r, LC_STR("content-length"), LC_STR("5")), LC_OK);
    assert_int_equal(r.block.len, LC_HEAD_ROOM + 19); /* once */
    assert_int_equal(lc_response_field(&r, LC_STR("content-length"), LC_STR("6")), LC_EINVAL);
    assert_int_equal(r.content_length, 5);
    lc_response_fini(&r);
}

/* RFC 9110 8.6: not in 1xx and 204; in 304 it tells of the other answer. */
static void a_length_is_dropped_where_it_must_not_be(void **state)
{
    static const struct {
        const char *line;
        bool is_kept;
    } rows[] = {{"101 x", false}, {"204 x", false}, {"304 x", true}, {"200 x", true}};

    (void)state;
    for (size_t i = 0; i < LC_ARRAY_LEN(rows); i++) {
        struct lc_response r;

        lc_response_init(&r, &pool);
        assert_int_equal(lc_response_begin(&r, str(rows[i].line), false), LC_OK);
        assert_int_equal(lc_response_field(&r, LC_STR("Content-Length"), LC_STR("5")), LC_OK);
        assert_int_equal(r.block.len > LC_HEAD_ROOM, rows[i].is_kept);
        lc_response_fini(&r);
    }
}

static void beginning_again_forgets_everything(void **state)
{
    struct lc_response r;

    (void)state;
    lc_response_init(&r, &pool);
    assert_int_equal(lc_response_begin(&r, LC_STR("200 OK"), false), LC_OK);
    assert_int_equal(lc_response_field(&r, LC_STR("Content-Length"), LC_STR("5")), LC_OK);
    assert_int_equal(lc_response_field(&r, LC_STR("Connection"), LC_STR("upgrade")), LC_OK);
    assert_true(r.is_upgrade);
    assert_int_equal(lc_response_begin(&r, LC_STR("500 Oh"), false), LC_OK);
    assert_int_equal(r.block.len, LC_HEAD_ROOM);
    assert_int_equal(r.content_length, -1);
    assert_false(r.is_upgrade);
    assert_memory_equal(r.line, "500 Oh", 6);
    lc_response_fini(&r);
}

/* Beyond the block, beyond the doubling, up to the bound: contents kept, the bound met. */
static void a_head_grows_up_to_its_bound(void **state)
{
    char value[1000];
    struct lc_response r;
    enum lc_rc rc = LC_OK;
    int n = 0;

    (void)state;
    memset(value, 'v', sizeof value);
    lc_response_init(&r, &pool);
    assert_int_equal(lc_response_begin(&r, LC_STR("200 OK"), false), LC_OK);
    while (rc == LC_OK && n < 5000) {
        rc = lc_response_field(&r, LC_STR("Name"), lc_str_of(value, sizeof value));
        n += rc == LC_OK;
    }
    assert_int_equal(rc, LC_ELIMIT);
    assert_in_range(n, LC_HEAD_MAX / 1008 - 2, LC_HEAD_MAX / 1008);
    for (int i = 0; i < n; i++)
        assert_memory_equal(r.block.p + LC_HEAD_ROOM + (size_t)i * 1008, "Name: vvv", 9);
    lc_response_fini(&r);
}

static void a_body_is_clipped_to_its_length(void **state)
{
    struct lc_response r;

    (void)state;
    lc_response_init(&r, &pool);
    assert_int_equal(lc_response_begin(&r, LC_STR("200 OK"), false), LC_OK);
    assert_int_equal(lc_response_clip(&r, 7), 7); /* no length: no bound */
    r.content_length = 10;
    assert_int_equal(lc_response_clip(&r, 2), 2);
    assert_int_equal(lc_response_clip(&r, 5), 1);
    assert_int_equal(lc_response_clip(&r, 5), 0);
    assert_int_equal(r.sent, 10);
    lc_response_fini(&r);
}

#define EACH(name) cmocka_unit_test_setup_teardown(name, open_pool, close_pool)

int main(void)
{
    const struct CMUnitTest tests[] = {
        EACH(a_status_line_is_three_digits_and_a_reason),
        EACH(a_reason_has_a_bound),
        EACH(an_answer_to_head_is_bodiless),
        EACH(each_field_is_judged),
        EACH(a_second_length_must_be_the_same),
        EACH(a_length_is_dropped_where_it_must_not_be),
        EACH(beginning_again_forgets_everything),
        EACH(a_head_grows_up_to_its_bound),
        EACH(a_body_is_clipped_to_its_length),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
