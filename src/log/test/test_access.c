/* Lines of the access log: every atom, what is escaped, how long lines are cut, and which formats are none. */
#include "log/access.h"

#include "base/test/support.h"

#include <stdio.h>
#include <string.h>

static struct lc_str named(void *ctx, enum lc_access_source from, struct lc_str name)
{
    static char text[64];

    (void)ctx;
    if (lc_str_ieq(name, LC_STR("missing")))
        return LC_STR_NULL;
    snprintf(text, sizeof text, "%d:%.*s", (int)from, (int)name.n, name.p);
    return lc_str_of(text, strlen(text));
}

static struct lc_access_record record(void)
{
    return (struct lc_access_record){
        .text =
            {
                [LC_ACCESS_REMOTE] = LC_STR("10.1.2.3"),
                [LC_ACCESS_METHOD] = LC_STR("GET"),
                [LC_ACCESS_TARGET] = LC_STR("/a%20b?q=1"),
                [LC_ACCESS_PROTOCOL] = LC_STR("HTTP/1.1"),
                [LC_ACCESS_PATH] = LC_STR("/a b"),
                [LC_ACCESS_QUERY] = LC_STR("q=1"),
                [LC_ACCESS_AUTHORIZATION] = LC_STR("Basic dXNlcjpwYXNz"),
                [LC_ACCESS_REFERER] = LC_STR("http://from/"),
                [LC_ACCESS_AGENT] = LC_STR("agent/1.0"),
            },
        .status = 200,
        .sent = 1234,
        .took_ns = 3000000000u + 45678912u,
        .now = 784111777, /* Sun, 06 Nov 1994 08:49:37 GMT */
        .pid = 77,
        .named = named,
    };
}

/* The line, without its LF. */
static const char *line_of(const char *format, const struct lc_access_record *r)
{
    static char line[LC_ACCESS_LINE_MIN + 1];
    struct lc_access_format f;
    size_t at, n;

    assert_int_equal(lc_access_compile(&f, lc_str_of(format, strlen(format)), &at), LC_OK);
    memset(line, 'Z', sizeof line);
    n = lc_access_line(&f, r, line, LC_ACCESS_LINE_MIN);
    assert_true(n > 0 && n <= LC_ACCESS_LINE_MIN && line[n - 1] == '\n');
    assert_int_equal(line[LC_ACCESS_LINE_MIN], 'Z');
    line[n - 1] = '\0';
    lc_access_free(&f);
    return line;
}

static void is_line(const char *format, const struct lc_access_record *r, const char *expected)
{
    assert_string_equal(line_of(format, r), expected);
}

static void every_atom_has_its_value(void **state)
{
    static const struct {
        const char *format, *expected;
    } rows[] = {
        {"%(h)s", "10.1.2.3"},
        {"%(l)s", "-"},
        {"%(u)s", "user"},
        {"%(t)s", "[06/Nov/1994:08:49:37 +0000]"},
        {"%(r)s", "GET /a%20b?q=1 HTTP/1.1"},
        {"%(m)s", "GET"},
        {"%(U)s", "/a b"},
        {"%(q)s", "q=1"},
        {"%(H)s", "HTTP/1.1"},
        {"%(s)s", "200"},
        {"%(B)s", "1234"},
        {"%(b)s", "1234"},
        {"%(f)s", "http://from/"},
        {"%(a)s", "agent/1.0"},
        {"%(T)s", "3"},
        {"%(D)s", "3045678"},
        {"%(M)s", "3045"},
        {"%(L)s", "3.045678"},
        {"%(p)s", "<77>"},
        {"%({X-Name}i)s", "0:X-Name"},
        {"%({X-Name}o)s", "1:X-Name"},
        {"%({X_NAME}e)s", "2:X_NAME"},
        {"%({missing}i)s", "-"},
        {"%(z)s", "-"},
        {"%()s", "-"},
        {"%(hh)s", "-"},
        {"%({x)s", "-"},
        {"%({}i)s", "0:"},
        {"%%", "%"},
        {"100%% of %(h)s", "100% of 10.1.2.3"},
        {"", ""},
        {"plain", "plain"},
        {"%(h)s %(l)s %(u)s %(t)s \"%(r)s\" %(s)s %(b)s \"%(f)s\" \"%(a)s\"",
         "10.1.2.3 - user [06/Nov/1994:08:49:37 +0000] \"GET /a%20b?q=1 HTTP/1.1\" 200 1234 "
         "\"http://from/\" \"agent/1.0\""},
    };
    struct lc_access_record r = record();

    (void)state;
    for (size_t i = 0; i < LC_ARRAY_LEN(rows); i++)
        is_line(rows[i].format, &r, rows[i].expected);
}

static void what_is_missing_is_a_dash(void **state)
{
    struct lc_access_record r = {.now = 784111777, .pid = 1};

    (void)state;
    is_line("%(h)s %(u)s %(m)s %(U)s %(q)s %(H)s %(s)s %(f)s %(a)s %(b)s %(L)s %({x}i)s", &r,
            "- - - - - - - - - 0 0.000000 -");
    is_line("%(r)s|%(r)20s", &r, "- - -|               - - -");
    r.text[LC_ACCESS_REMOTE] = LC_STR(""); /* a unix socket's peer */
    is_line("[%(h)s]", &r, "[]");
}

static void widths_and_precisions_are_python_s(void **state)
{
    static const struct {
        const char *format, *expected;
    } rows[] = {
        {"%(m)6s|", "   GET|"},
        {"%(m)-6s|", "GET   |"},
        {"%(m).2s|", "GE|"},
        {"%(m)6.2s|", "    GE|"},
        {"%(m)06s|", "   GET|"},
        {"%(m)2s|", "GET|"},
        {"%(T)d|", "3|"},
        {"%(T)05d|", "00003|"},
        {"%(T)-5d|", "3    |"},
        {"%(T)-05d|", "3    |"},
        {"%(B)i%(D)u|", "12343045678|"},
        {"%(m)r|", "'GET'|"},
        {"%(T)r|", "3|"},
        {"%(s)r|", "'200'|"},
        {"%(r).5s|", "GET /|"},
        {"%(r)25s|", "  GET /a%20b?q=1 HTTP/1.1|"},
        {"%(m).0s|", "|"},
        {"%(m).s|", "|"},
        {"%(l)3s|", "  -|"},
        {"%(t).5s|", "[06/N|"},
        {"%(m)8a|", "   'GET'|"},
    };
    struct lc_access_record r = record();

    (void)state;
    for (size_t i = 0; i < LC_ARRAY_LEN(rows); i++)
        is_line(rows[i].format, &r, rows[i].expected);
}

/* Whatever stands before and behind it, so that every way of copying sees it. */
static void escapes(const char *raw, size_t n, const char *expected)
{
    static const char pads[] = "........................";

    for (size_t before = 0; before < 18; before++) {
        for (size_t after = 0; after < 18; after++) {
            struct lc_access_record r = record();
            char text[64], want[128];

            snprintf(text, sizeof text, "%.*s", (int)before, pads);
            memcpy(text + before, raw, n);
            memcpy(text + before + n, pads, after);
            snprintf(want, sizeof want, "%.*s%s%.*s", (int)before, pads, expected, (int)after,
                     pads);
            r.text[LC_ACCESS_AGENT] = lc_str_of(text, before + n + after);
            is_line("%(a)s", &r, want);
        }
    }
}

static void what_could_forge_a_line_is_escaped(void **state)
{
    (void)state;
    escapes("\"", 1, "\\\"");
    escapes("\\", 1, "\\\\");
    escapes("\n", 1, "\\x0a");
    escapes("\r\n", 2, "\\x0d\\x0a");
    escapes("\0", 1, "\\x00");
    escapes("\x1b[31m", 5, "\\x1b[31m");
    escapes("\x7f", 1, "\\x7f");
    escapes("\x1f", 1, "\\x1f");
    escapes(" ~!#[]", 6, " ~!#[]");
    escapes("\xc3\xa9", 2, "\xc3\xa9");   /* e acute, as UTF-8 */
    escapes("\xe9", 1, "\\xe9");          /* the same, as Latin-1 */
    escapes("\xc2\x9b", 2, "\\xc2\\x9b"); /* a control character too */
    escapes("\xe2\x82\xac", 3, "\xe2\x82\xac");
    escapes("\xe2\x82", 2, "\\xe2\\x82"); /* half of one */
    escapes("\xf0\x9f\xa6\x84", 4, "\xf0\x9f\xa6\x84");
    escapes("\xc0\x8a", 2, "\\xc0\\x8a"); /* LF, the long way */
    escapes("\xe0\x80\x8a", 3, "\\xe0\\x80\\x8a");
    escapes("\xed\xa0\x80", 3, "\\xed\\xa0\\x80"); /* half of a pair */
    escapes("\xf5\x80\x80\x80", 4, "\\xf5\\x80\\x80\\x80");
    escapes("\xff", 1, "\\xff");
}

static void every_foreign_text_is_escaped(void **state)
{
    static const char *const formats[] = {"%(h)s", "%(m)s", "%(U)s",  "%(q)s",   "%(H)s",
                                          "%(f)s", "%(a)s", "%(U)9s", "%(U)-9s", "%(U)r"};
    struct lc_access_record r = record();

    (void)state;
    for (int i = 0; i < LC_ACCESS_TEXTS; i++)
        r.text[i] = LC_STR("a\nb");
    for (size_t i = 0; i < LC_ARRAY_LEN(formats); i++)
        assert_non_null(strstr(line_of(formats[i], &r), "a\\x0ab"));
    is_line("%(r)s", &r, "a\\x0ab a\\x0ab a\\x0ab");
    is_line("%(r).7s", &r, "a\\x0ab ");
    is_line("%(U).4s|", &r, "a|");                              /* no half of an escape */
    r.text[LC_ACCESS_AUTHORIZATION] = LC_STR("Basic YQpiOng="); /* a LF b */
    is_line("%(u)s", &r, "a\\x0ab");
}

static void the_user_comes_from_basic_authorization(void **state)
{
    static const struct {
        const char *field, *expected;
    } rows[] = {
        {"Basic dXNlcjpwYXNz", "user"},
        {"basic   dXNlcjpwYXNz  ", "user"},
        {"BASIC dXNlcg==", "user"},
        {"Basic Og==", "-"},
        {"Basic OnBhc3M=", "-"},
        {"Basic ", "-"},
        {"Basic", "-"},
        {"Bearer dXNlcjpwYXNz", "-"},
        {"Basic dXN*lcjpwYXNz", "-"},
        {"", "-"},
        {"Basic w7xzZXI6eA==", "\xc3\xbcser"},
    };
    struct lc_access_record r = record();

    (void)state;
    for (size_t i = 0; i < LC_ARRAY_LEN(rows); i++) {
        r.text[LC_ACCESS_AUTHORIZATION] = lc_str_of(rows[i].field, strlen(rows[i].field));
        is_line("%(u)s", &r, rows[i].expected);
    }
}

static void the_time_is_local(void **state)
{
    struct lc_access_format f;
    struct lc_access_record r = record();
    char line[LC_ACCESS_LINE_MIN];
    size_t at, n;

    (void)state;
    setenv("TZ", "XXX-05:30", 1);
    assert_int_equal(lc_access_compile(&f, LC_STR("%(t)s"), &at), LC_OK);
    for (int i = 0; i < 3; i++) {
        static const char *const expected[] = {"[06/Nov/1994:14:19:37 +0530]\n",
                                               "[06/Nov/1994:14:19:37 +0530]\n",
                                               "[06/Nov/1994:14:19:38 +0530]\n"};

        r.now = 784111777 + (i == 2);
        n = lc_access_line(&f, &r, line, sizeof line);
        assert_int_equal(n, strlen(expected[i]));
        assert_memory_equal(line, expected[i], n);
    }
    lc_access_free(&f);
    setenv("TZ", "YYY03:30", 1);
    is_line("%(t)s", &r, "[06/Nov/1994:05:19:38 -0330]");
    unsetenv("TZ");
    tzset();
}

static void a_long_line_is_cut_in_its_longest_field(void **state)
{
    static char agent[9000], target[7000];
    struct lc_access_record r = record();
    const char *line;

    (void)state;
    memset(agent, 'a', sizeof agent);
    memset(target, 't', sizeof target);
    r.text[LC_ACCESS_AGENT] = lc_str_of(agent, 5000);
    line = line_of("%(h)s \"%(r)s\" \"%(a)s\" %(s)s", &r);
    assert_int_equal(strlen(line), LC_ACCESS_LINE_MIN - 1);
    assert_memory_equal(line, "10.1.2.3 \"GET /a%20b?q=1 HTTP/1.1\" \"aaa", 38);
    assert_string_equal(line + strlen(line) - 9, "a...\" 200");

    r.text[LC_ACCESS_TARGET] = lc_str_of(target, sizeof target);
    r.text[LC_ACCESS_AGENT] = lc_str_of(agent, sizeof agent);
    line = line_of("%(h)s \"%(r)s\" \"%(a)s\" %(s)s", &r);
    assert_true(strlen(line) < LC_ACCESS_LINE_MIN);
    assert_non_null(
        strstr(line, "t... HTTP/1.1\" \"...\" 200")); /* the longest went, then the next */

    r.text[LC_ACCESS_AGENT] = lc_str_of(agent, LC_ACCESS_LINE_MIN - 1);
    assert_int_equal(strlen(line_of("%(a)s", &r)), LC_ACCESS_LINE_MIN - 1);
    assert_null(strstr(line_of("%(a)s", &r), "..."));
    assert_non_null(strstr(line_of("%(a)s.", &r), "a...."));
}

static void a_cut_never_leaves_half_an_escape(void **state)
{
    static char agent[4096];
    struct lc_access_record r = record();

    (void)state;
    memset(agent, '\n', sizeof agent);
    for (size_t pad = 0; pad < 8; pad++) {
        char format[32];
        const char *line;
        size_t n;

        snprintf(format, sizeof format, "%.*s%%(a)s", (int)pad, "........");
        r.text[LC_ACCESS_AGENT] = lc_str_of(agent, sizeof agent);
        line = line_of(format, &r);
        n = strlen(line);
        assert_true(n > LC_ACCESS_LINE_MIN - 8 && n < LC_ACCESS_LINE_MIN);
        assert_string_equal(line + n - 7, "\\x0a...");
    }
}

static void a_padded_field_can_be_cut(void **state)
{
    struct lc_access_record r = record();
    const char *line = line_of("%(h)999s%(h)999s%(h)999s%(h)999s%(h)999s|", &r);

    (void)state;
    assert_true(strlen(line) < LC_ACCESS_LINE_MIN);
    assert_string_equal(line + strlen(line) - 9, "10.1.2.3|");
}

static void a_format_without_sense_is_refused_where_it_ends(void **state)
{
    static const struct {
        const char *format;
        size_t at;
    } rows[] = {
        {"%", 0},        {"a%", 1},        {"%s", 0},     {"ab %h", 3},   {"%(h)", 0},
        {"%(h", 0},      {"%(h)d", 0},     {"%(s)d", 0},  {"%(L)d", 0},   {"%({x}i)d", 0},
        {"%(h)c", 0},    {"%(h)1000s", 0}, {"%(T)f", 0},  {"%(T).2d", 0}, {"%((h))s", 0},
        {"%% %(h)q", 3}, {"%(h)*s", 0},    {"%(zz)d", 0},
    };

    (void)state;
    for (size_t i = 0; i < LC_ARRAY_LEN(rows); i++) {
        struct lc_access_format f;
        size_t at = 99;

        assert_int_equal(
            lc_access_compile(&f, lc_str_of(rows[i].format, strlen(rows[i].format)), &at),
            LC_EINVAL);
        assert_int_equal(at, rows[i].at);
    }
}

static void a_format_has_its_bounds(void **state)
{
    static char text[LC_ACCESS_FORMAT_MAX + 1];
    struct lc_access_format f;
    struct lc_access_record r = record();
    char line[LC_ACCESS_LINE_MIN];
    size_t at;

    (void)state;
    memset(text, 'x', sizeof text);
    assert_int_equal(lc_access_compile(&f, lc_str_of(text, sizeof text), &at), LC_ELIMIT);
    assert_int_equal(lc_access_compile(&f, lc_str_of(text, sizeof text - 1), &at), LC_OK);
    assert_int_equal(lc_access_line(&f, &r, line, sizeof line), LC_ACCESS_FORMAT_MAX + 1);
    lc_access_free(&f);
    for (size_t i = 0; i + 5 <= sizeof text; i += 5)
        memcpy(text + i, "%(r)s", 5);
    assert_int_equal(lc_access_compile(&f, lc_str_of(text, 2000), &at), LC_ELIMIT);
    assert_int_equal(lc_access_compile(&f, lc_str_of(text, 200), &at), LC_OK);
    lc_access_free(&f);
}

static void a_format_says_what_it_needs(void **state)
{
    struct lc_access_format f;
    size_t at;

    (void)state;
    assert_int_equal(lc_access_compile(&f, LC_STR("%(h)s %(s)s"), &at), LC_OK);
    assert_int_equal(f.needs, LC_BIT(LC_ACCESS_REMOTE));
    lc_access_free(&f);
    assert_int_equal(lc_access_compile(&f, LC_STR("%(u)s %(L)s %(U)s"), &at), LC_OK);
    assert_int_equal(f.needs, LC_BIT(LC_ACCESS_AUTHORIZATION) | LC_BIT(LC_ACCESS_PATH) |
                                  LC_ACCESS_NEEDS_DURATION);
    lc_access_free(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_atom_has_its_value),
        cmocka_unit_test(what_is_missing_is_a_dash),
        cmocka_unit_test(widths_and_precisions_are_python_s),
        cmocka_unit_test(what_could_forge_a_line_is_escaped),
        cmocka_unit_test(every_foreign_text_is_escaped),
        cmocka_unit_test(the_user_comes_from_basic_authorization),
        cmocka_unit_test(the_time_is_local),
        cmocka_unit_test(a_long_line_is_cut_in_its_longest_field),
        cmocka_unit_test(a_cut_never_leaves_half_an_escape),
        cmocka_unit_test(a_padded_field_can_be_cut),
        cmocka_unit_test(a_format_without_sense_is_refused_where_it_ends),
        cmocka_unit_test(a_format_has_its_bounds),
        cmocka_unit_test(a_format_says_what_it_needs),
    };

    setenv("TZ", "UTC", 1);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
