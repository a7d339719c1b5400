/* Frames and requests: at every split point, of every length, and of none. */
#include "base/test/support.h"

#include "ctl/proto.h"

#include <stdio.h>

static struct lc_ctl_request request;

static enum lc_rc parse(const char *p, size_t n)
{
    char *mine = malloc(n ? n : 1);
    enum lc_rc rc;

    assert_non_null(mine);
    memcpy(mine, p, n);
    memset(&request, 0xaa, sizeof request);
    rc = lc_ctl_request_parse(lc_str_of(mine, n), &request);
    if (request.id.p >= mine && request.id.p < mine + n)
        request.id = lc_str_of(p + (request.id.p - mine), request.id.n);
    free(mine);
    return rc;
}

static enum lc_rc parse_text(const char *text)
{
    return parse(text, strlen(text));
}

static void expect_words(const char *joined)
{
    char text[512] = "";
    size_t n = 0;

    for (int i = 0; i < request.nwords; i++)
        n += (size_t)snprintf(text + n, sizeof text - n, "%s%.*s", i ? "|" : "",
                              (int)request.words[i].n, request.words[i].p);
    assert_string_equal(text, joined);
}

/* --- frames --------------------------------------------------------------------------------------------------- */

static void a_frame_at_every_split_point(void **state)
{
    static const char bytes[] = "\0\0\0\x05hello\0\0\0\0";
    struct lc_str payload;

    (void)state;
    for (size_t n = 0; n < sizeof bytes; n++) {
        char *mine = malloc(n ? n : 1);
        enum lc_rc rc;

        assert_non_null(mine);
        memcpy(mine, bytes, n);
        rc = lc_ctl_frame(mine, n, &payload);
        assert_int_equal(rc, n < 9 ? LC_AGAIN : LC_OK);
        if (rc == LC_OK) {
            assert_int_equal(payload.n, 5);
            assert_memory_equal(payload.p, "hello", 5);
        }
        free(mine);
    }
    assert_int_equal(lc_ctl_frame("\0\0\0\0", 4, &payload), LC_OK);
    assert_int_equal(payload.n, 0);
}

static void hostile_lengths_are_refused_before_a_byte_of_them_has_come(void **state)
{
    static const uint32_t lengths[] = {LC_CTL_REQUEST_MAX + 1,
                                       65536,
                                       0x00ffffff,
                                       0x01000000,
                                       0x7fffffff,
                                       0x80000000,
                                       0xfffffffb,
                                       0xfffffffc,
                                       0xffffffff};
    struct lc_str payload;
    char head[LC_CTL_HEAD];

    (void)state;
    for (size_t i = 0; i < LC_ARRAY_LEN(lengths); i++) {
        lc_ctl_frame_head(head, lengths[i]);
        assert_int_equal(lc_ctl_frame(head, sizeof head, &payload), LC_ELIMIT);
    }
    lc_ctl_frame_head(head, LC_CTL_REQUEST_MAX);
    assert_int_equal(lc_ctl_frame(head, sizeof head, &payload), LC_AGAIN);
    lc_ctl_frame_head(head, 0x01020304);
    assert_memory_equal(head, "\1\2\3\4", 4);
}

/* --- requests ------------------------------------------------------------------------------------------------- */

static void a_request_as_gunicornc_sends_it(void **state)
{
    (void)state;
    assert_int_equal(parse_text("{\"id\": 7, \"command\": \"show workers\", \"args\": []}"), LC_OK);
    expect_words("show|workers");
    assert_int_equal(request.id.n, 1);
    assert_memory_equal(request.id.p, "7", 1);
    assert_null(request.error);
}

static void members_may_come_in_any_order_or_not_at_all(void **state)
{
    static const struct {
        const char *json, *id, *words;
    } cases[] = {
        {"{}", "0", ""},
        {"{\"command\":\"help\"}", "0", "help"},
        {"{\"args\":[\"2\"],\"command\":\"worker add\",\"id\":\"a\"}", "\"a\"", "worker|add|2"},
        {"{\"args\":null,\"id\":[1,{\"a\":2}],\"command\":\"x\"}", "[1,{\"a\":2}]", "x"},
        {"{\"a_longer_name\":{\"id\":9},\"command\":\"x\",\"id\":null}", "null", "x"},
        {"{\"command\":\"a\",\"command\":\"b\"}", "0", "b"},
        {"{\"command\":\"a\",\"args\":[\"b c\",\"'\"]}", "0", "a|b c|'"},
    };

    (void)state;
    for (size_t i = 0; i < LC_ARRAY_LEN(cases); i++) {
        assert_int_equal(parse_text(cases[i].json), LC_OK);
        expect_words(cases[i].words);
        assert_int_equal(request.id.n, strlen(cases[i].id));
        assert_memory_equal(request.id.p, cases[i].id, request.id.n);
    }
}

static void commands_are_split_as_a_shell_would(void **state)
{
    static const struct {
        const char *command, *words;
    } cases[] = {
        {"", ""},
        {" \\t ", ""},
        {"show  workers ", "show|workers"},
        {"'show' \\\"workers\\\" x", "show|workers|x"},
        {"a'b c'd", "ab cd"},
        {"'' b", "|b"},
        {"a\\\\ b", "a b"},
        {"\\\"a\\\\\\\"b\\\\c\\\"", "a\"b\\c"},
        {"'a\\\\b'", "a\\b"},
        {"\\u0073how", "show"},
    };
    char json[128];

    (void)state;
    for (size_t i = 0; i < LC_ARRAY_LEN(cases); i++) {
        snprintf(json, sizeof json, "{\"command\":\"%s\"}", cases[i].command);
        assert_int_equal(parse_text(json), LC_OK);
        expect_words(cases[i].words);
    }
}

static void what_cannot_be_split_is_told(void **state)
{
    (void)state;
    assert_int_equal(parse_text("{\"command\":\"show 'x\"}"), LC_EINVAL);
    assert_string_equal(request.error, "Invalid argument: No closing quotation");
    assert_int_equal(parse_text("{\"command\":\"a \\\\\"}"), LC_EINVAL);
    assert_string_equal(request.error, "Invalid argument: No escaped character");
    assert_int_equal(parse_text("{\"command\":\"1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6\"}"), LC_OK);
    assert_int_equal(parse_text("{\"command\":\"1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7\"}"), LC_EINVAL);
    assert_int_equal(
        parse_text("{\"command\":\"1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6\",\"args\":[\"\"]}"), LC_EINVAL);
    assert_string_equal(request.error, "Invalid argument: Too many words");
}

static void other_languages_are_refused(void **state)
{
    static const char *const cases[] = {
        "",
        "[]",
        "\"x\"",
        "{\"command\":5}",
        "{\"command\":\"x\",}",
        "{\"command\":\"x\"} x",
        "{\"command\":\"x\",\"args\":{}}",
        "{\"command\":\"x\",\"args\":[1]}",
        "GET / HTTP/1.1",
        "{\"command\":\"\xff\"}",
        "{\"args\":[\"x\"],\"command\":\"\\ud800\"}",
        "{1:2}",
    };

    (void)state;
    for (size_t i = 0; i < LC_ARRAY_LEN(cases); i++) {
        assert_int_equal(parse_text(cases[i]), LC_EPROTO);
        assert_non_null(request.error);
        assert_memory_equal(request.id.p, "0", request.id.n > 0);
    }
}

static void no_part_of_a_request_is_one(void **state)
{
    static const char whole[] =
        "{\"id\":1,\"command\":\"worker \\\"add\\\"\",\"args\":[\"2\",\"\xc3\xa9\"]}";

    (void)state;
    assert_int_equal(parse(whole, sizeof whole - 1), LC_OK);
    expect_words("worker|add|2|\xc3\xa9");
    for (size_t n = 0; n < sizeof whole - 1; n++)
        assert_int_equal(parse(whole, n), LC_EPROTO);
}

/* Nothing that bytes can say brings it out of its memory: a sanitizer looks on. */
static void any_bytes_of_any_length(void **state)
{
    static const char alphabet[] = "{}[]\",:\\u0d8aid \"command\"\"args\"'\xc3\xa9\xff\n1-e";
    struct lc_test_rng rng = {.s = 20};
    char bytes[LC_CTL_REQUEST_MAX];

    (void)state;
    for (int round = 0; round < 20000; round++) {
        size_t n = lc_test_below(&rng, round % 100 ? 60 : sizeof bytes), from = 0;

        if (round % 2) { /* half of them begin as a request does */
            static const char begin[] = "{\"command\":\"";

            from = LC_MIN(n, sizeof begin - 1);
            memcpy(bytes, begin, from);
        }
        for (size_t i = from; i < n; i++)
            bytes[i] = alphabet[lc_test_below(&rng, sizeof alphabet - 1)];
        if (parse(bytes, n) != LC_OK)
            assert_non_null(request.error);
        assert_in_range(request.nwords, 0, LC_CTL_WORDS_MAX);
        for (int i = 0; i < request.nwords; i++) {
            assert_true(request.words[i].p >= request.text);
            assert_true(request.words[i].p + request.words[i].n <=
                        request.text + sizeof request.text);
        }
    }
}

static void the_longest_request_fits(void **state)
{
    char bytes[LC_CTL_REQUEST_MAX];
    static const char begin[] = "{\"command\":\"";

    (void)state;
    memset(bytes, 'x', sizeof bytes);
    memcpy(bytes, begin, sizeof begin - 1);
    memcpy(bytes + sizeof bytes - 2, "\"}", 2);
    assert_int_equal(parse(bytes, sizeof bytes), LC_OK);
    assert_int_equal(request.words[0].n, sizeof bytes - sizeof begin + 1 - 2);
}

/* --- replies -------------------------------------------------------------------------------------------------- */

static void expect_reply(struct lc_json *out, const char *text)
{
    char head[LC_CTL_HEAD];

    lc_ctl_frame_head(head, (uint32_t)strlen(text));
    assert_int_equal(out->n, LC_CTL_HEAD + strlen(text));
    assert_memory_equal(out->p, head, sizeof head);
    assert_memory_equal(out->p + LC_CTL_HEAD, text, strlen(text));
}

static void replies_carry_the_id_as_it_came(void **state)
{
    static const char json[] = "{\"id\":[1.5,\"x\"],\"command\":\"a\"}";
    struct lc_json out;

    (void)state;
    assert_int_equal(parse_text(json), LC_OK);
    lc_json_init(&out, LC_CTL_REPLY_MAX);
    lc_ctl_reply_begin(&out, &request);
    lc_json_open(&out, '{');
    lc_json_close(&out, '}');
    assert_int_equal(lc_ctl_reply_end(&out, &request), LC_OK);
    expect_reply(&out, "{\"id\":[1.5,\"x\"],\"status\":\"ok\",\"data\":{}}");
    assert_int_equal(lc_ctl_reply_fail(&out, &request, "no \"x\""), LC_OK);
    expect_reply(&out, "{\"id\":[1.5,\"x\"],\"status\":\"error\",\"error\":\"no \\\"x\\\"\"}");
    lc_json_free(&out);
}

static void a_reply_that_has_no_room_becomes_a_failure(void **state)
{
    struct lc_json out;
    size_t least;

    (void)state;

    assert_int_equal(parse_text("{\"command\":\"a\"}"), LC_OK);
    lc_json_init(&out, 0);
    lc_ctl_reply_begin(&out, &request);
    assert_int_equal(lc_ctl_reply_end(&out, &request), LC_ENOMEM);
    lc_json_init(&out, 300);
    lc_ctl_reply_begin(&out, &request);
    for (int i = 0; i < 200; i++)
        lc_json_number(&out, i);
    assert_int_equal(lc_ctl_reply_end(&out, &request), LC_OK);
    assert_non_null(memmem(out.p, out.n, "\"status\":\"error\"", 16));
    least = out.n;
    lc_json_free(&out);
    for (size_t max = 0; max < 200; max++) {
        enum lc_rc rc;

        lc_json_init(&out, max);
        lc_ctl_reply_begin(&out, &request);
        for (int i = 0; i < 200; i++)
            lc_json_number(&out, i);
        rc = lc_ctl_reply_end(&out, &request);
        assert_int_equal(rc, max < least ? LC_ENOMEM : LC_OK);
        if (rc == LC_OK)
            assert_non_null(memmem(out.p, out.n, "\"status\":\"error\"", 16));
        lc_json_free(&out);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_frame_at_every_split_point),
        cmocka_unit_test(hostile_lengths_are_refused_before_a_byte_of_them_has_come),
        cmocka_unit_test(a_request_as_gunicornc_sends_it),
        cmocka_unit_test(members_may_come_in_any_order_or_not_at_all),
        cmocka_unit_test(commands_are_split_as_a_shell_would),
        cmocka_unit_test(what_cannot_be_split_is_told),
        cmocka_unit_test(other_languages_are_refused),
        cmocka_unit_test(no_part_of_a_request_is_one),
        cmocka_unit_test(any_bytes_of_any_length),
        cmocka_unit_test(the_longest_request_fits),
        cmocka_unit_test(replies_carry_the_id_as_it_came),
        cmocka_unit_test(a_reply_that_has_no_room_becomes_a_failure),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
