/* Words become commands, or a message that says what is wrong. */
#include "base/test/support.h"

#include "ctl/cmd.h"

#include <stdio.h>

static struct lc_ctl_cmd cmd;
static char error[256];

static enum lc_rc parse(const char *command)
{
    static struct lc_ctl_request r;
    static char json[256];

    snprintf(json, sizeof json, "{\"command\":\"%s\"}", command);
    assert_int_equal(lc_ctl_request_parse(lc_str_of(json, strlen(json)), &r), LC_OK);
    error[0] = '\0';
    return lc_ctl_cmd_parse(&r, &cmd, error, sizeof error);
}

static void every_row_is_found_by_its_words(void **state)
{
    (void)state;
    for (unsigned v = 0; v < LC_CTL_VERBS; v++) {
        struct lc_str words = lc_ctl_cmd_words((enum lc_ctl_verb)v);
        char text[64];

        snprintf(text, sizeof text, "%.*s 7 more", (int)words.n, words.p);
        assert_int_equal(parse(text), LC_OK);
        assert_int_equal(cmd.verb, v);
        assert_true(strncmp(lc_ctl_cmd_usage((enum lc_ctl_verb)v), words.p, words.n) == 0);
        assert_true(strlen(lc_ctl_cmd_help((enum lc_ctl_verb)v)) > 5);
    }
    assert_int_equal(parse("SHOW Workers"), LC_OK);
    assert_int_equal(cmd.verb, LC_CTL_SHOW_WORKERS);
}

static void numbers_are_read_as_people_write_them(void **state)
{
    static const struct {
        const char *command;
        int64_t number;
    } cases[] = {
        {"worker add", 1},        {"worker add 3", 3},      {"worker add +3", 3},
        {"worker add 0", 1},      {"worker add -5", 1},     {"worker add ' 4 '", 4},
        {"worker remove 10", 10}, {"worker kill 812", 812}, {"worker kill -1", -1},
        {"worker kill 0", 0},
    };

    (void)state;
    for (size_t i = 0; i < LC_ARRAY_LEN(cases); i++) {
        assert_int_equal(parse(cases[i].command), LC_OK);
        assert_int_equal(cmd.number, cases[i].number);
    }
}

static void shutdown_has_a_mode(void **state)
{
    (void)state;
    assert_int_equal(parse("shutdown"), LC_OK);
    assert_true(lc_str_eq(cmd.mode, LC_STR("graceful")));
    assert_int_equal(parse("shutdown quick"), LC_OK);
    assert_true(lc_str_eq(cmd.mode, LC_STR("quick")));
}

static void mistakes_are_named(void **state)
{
    static const struct {
        const char *command, *error;
    } cases[] = {
        {"", "Empty command"},
        {"bogus x", "Invalid argument: Unknown command: bogus"},
        {"''", "Invalid argument: Unknown command: "},
        {"showworkers", "Invalid argument: Unknown command: showworkers"},
        {"show", "Invalid argument: Missing show target "
                 "(all|workers|dirty|config|stats|listeners|requests)"},
        {"show bogus", "Invalid argument: Unknown show target: bogus"},
        {"worker", "Invalid argument: Missing worker action (add|remove|kill)"},
        {"worker bogus", "Invalid argument: Unknown worker action: bogus"},
        {"dirty", "Invalid argument: Missing dirty action (add|remove)"},
        {"dirty kill", "Invalid argument: Unknown dirty action: kill"},
        {"worker kill", "Invalid argument: Missing PID for worker kill"},
        {"worker kill 0x10", "Invalid argument: not a number: 0x10"},
        {"worker add x", "Invalid argument: not a number: x"},
        {"worker add ''", "Invalid argument: not a number: "},
        {"worker add -", "Invalid argument: not a number: -"},
        {"worker add 99999999999999999999", "Invalid argument: not a number: 99999999999999999999"},
    };

    (void)state;
    for (size_t i = 0; i < LC_ARRAY_LEN(cases); i++) {
        assert_int_equal(parse(cases[i].command), LC_EINVAL);
        assert_string_equal(error, cases[i].error);
    }
}

static void a_long_mistake_is_cut(void **state)
{
    char text[220];

    (void)state;
    memset(text, 'x', sizeof text - 1);
    text[sizeof text - 1] = '\0';
    assert_int_equal(parse(text), LC_EINVAL);
    assert_int_equal(strlen(error), strlen("Invalid argument: Unknown command: ") + 100);
}

static void orders_are_told_from_questions(void **state)
{
    (void)state;
    for (unsigned v = 0; v < LC_CTL_VERBS; v++) {
        bool is_question =
            strncmp(lc_ctl_cmd_usage((enum lc_ctl_verb)v), "show", 4) == 0 || v == LC_CTL_HELP;

        assert_int_equal(lc_ctl_cmd_is_order((enum lc_ctl_verb)v), !is_question);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_row_is_found_by_its_words),
        cmocka_unit_test(numbers_are_read_as_people_write_them),
        cmocka_unit_test(shutdown_has_a_mode),
        cmocka_unit_test(mistakes_are_named),
        cmocka_unit_test(a_long_mistake_is_cut),
        cmocka_unit_test(orders_are_told_from_questions),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
