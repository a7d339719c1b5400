/* Lines of the engine's log: their form, their bound, and what is held back. */
#include "base/test/support.h"

#include "log/log.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

struct sink {
    int fds[2];
    struct lc_log log;
    char text[8192];
};

static void sink_open(struct sink *s, int level)
{
    assert_int_equal(pipe2(s->fds, O_NONBLOCK), 0);
    s->log = (struct lc_log){.fd = s->fds[1], .level = level};
}

static void sink_close(struct sink *s)
{
    close(s->fds[0]);
    close(s->fds[1]);
}

/* What was written since the last look. */
static const char *look(struct sink *s)
{
    ssize_t n = read(s->fds[0], s->text, sizeof s->text - 1);

    s->text[n > 0 ? n : 0] = '\0';
    return s->text;
}

/* '0' stands for a digit, '+' for a sign. */
static bool is_like(const char *text, const char *form)
{
    for (; *form; text++, form++) {
        bool is_digit = *text >= '0' && *text <= '9', is_sign = *text == '+' || *text == '-';

        if (*form == '0' ? !is_digit : *form == '+' ? !is_sign : *text != *form)
            return false;
    }
    return true;
}

static void a_line_has_time_process_and_level(void **state)
{
    struct sink s;
    char expected[64];
    const char *line;

    (void)state;
    sink_open(&s, LC_INFO);
    lc_log_write(&s.log, LC_WARNING, "Invalid request from ip=%s", "1.2.3.4");
    line = look(&s);
    assert_true(is_like(line, "[0000-00-00 00:00:00 +0000] ["));
    snprintf(expected, sizeof expected, "] [%ld] [WARNING] Invalid request from ip=1.2.3.4\n",
             (long)getpid());
    assert_string_equal(strchr(line, ']'), expected);
    sink_close(&s);
}

static void each_level_has_its_name(void **state)
{
    static const struct {
        enum lc_level level;
        const char *name;
    } rows[] = {{LC_DEBUG_LEVEL, "[DEBUG] x\n"},
                {LC_INFO, "[INFO] x\n"},
                {LC_WARNING, "[WARNING] x\n"},
                {LC_ERROR, "[ERROR] x\n"},
                {LC_CRITICAL, "[CRITICAL] x\n"}};
    struct sink s;

    (void)state;
    sink_open(&s, LC_DEBUG_LEVEL);
    for (size_t i = 0; i < LC_ARRAY_LEN(rows); i++) {
        lc_log_write(&s.log, rows[i].level, "x");
        assert_non_null(strstr(look(&s), rows[i].name));
    }
    sink_close(&s);
}

static void lines_below_the_level_are_not_written(void **state)
{
    struct sink s;

    (void)state;
    sink_open(&s, LC_ERROR);
    lc_log_write(&s.log, LC_WARNING, "x");
    assert_string_equal(look(&s), "");
    lc_log_write(&s.log, LC_ERROR, "x");
    assert_string_not_equal(look(&s), "");
    lc_log_write(NULL, LC_ERROR, "nobody listens");
    sink_close(&s);
}

static void a_long_line_is_cut_and_still_ends(void **state)
{
    struct sink s;
    char long_text[5000];
    const char *line;

    (void)state;
    memset(long_text, 'l', sizeof long_text - 1);
    long_text[sizeof long_text - 1] = '\0';
    sink_open(&s, LC_INFO);
    lc_log_write(&s.log, LC_INFO, "%s", long_text);
    line = look(&s);
    assert_in_range(strlen(line), 1000, 2048);
    assert_int_equal(line[strlen(line) - 1], '\n');
    assert_ptr_equal(strchr(line, '\n'), line + strlen(line) - 1);
    sink_close(&s);
}

static void a_log_that_takes_nothing_is_given_up_silently(void **state)
{
    struct lc_log closed = {.fd = -1, .level = LC_INFO};

    (void)state;
    lc_log_write(&closed, LC_ERROR, "x");
}

static void what_a_peer_can_provoke_is_told_once_a_second(void **state)
{
    struct lc_log_limit limit = {0};
    struct sink s;

    (void)state;
    sink_open(&s, LC_INFO);
    lc_log_limited(&s.log, &limit, 5000, LC_ERROR, "no descriptors");
    assert_non_null(strstr(look(&s), "[ERROR] no descriptors\n"));
    lc_log_limited(&s.log, &limit, 5001, LC_ERROR, "no descriptors");
    lc_log_limited(&s.log, &limit, 5999, LC_ERROR, "no descriptors");
    assert_string_equal(look(&s), "");
    lc_log_limited(&s.log, &limit, 6000, LC_ERROR, "no descriptors");
    assert_non_null(
        strstr(look(&s), "[ERROR] no descriptors (2 more like this were not logged)\n"));
    lc_log_limited(&s.log, &limit, 7000, LC_ERROR, "no descriptors");
    assert_non_null(strstr(look(&s), "[ERROR] no descriptors\n"));
    sink_close(&s);
}

#define EACH(name) cmocka_unit_test(name)

int main(void)
{
    const struct CMUnitTest tests[] = {
        EACH(a_line_has_time_process_and_level),
        EACH(each_level_has_its_name),
        EACH(lines_below_the_level_are_not_written),
        EACH(a_long_line_is_cut_and_still_ends),
        EACH(a_log_that_takes_nothing_is_given_up_silently),
        EACH(what_a_peer_can_provoke_is_told_once_a_second),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
