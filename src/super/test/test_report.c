/* What is said about a worker, from what it left behind. */
#include "base/test/support.h"

#include "super/report.h"

#include "os/memfile.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

static int file_of(const char *text)
{
    int fd;

    assert_int_equal(lc_memfile_open(&fd), LC_OK);
    assert_int_equal(write(fd, text, strlen(text)), (ssize_t)strlen(text));
    return fd;
}

/* What the tail adds, in memory of this size. */
static const char *tail(const char *text, int nlines, size_t cap, char *memory)
{
    struct lc_report r;
    int fd = file_of(text);
    size_t n;

    lc_report_init(&r, memory, cap);
    n = lc_report_add_tail(&r, fd, nlines);
    lc_fd_close(&fd);
    assert_int_equal(strlen(memory), r.n);
    assert_int_equal(n, r.n ? r.n - 1 : 0);
    return memory;
}

static void the_last_lines_are_kept(void **state)
{
    char m[200];

    (void)state;
    assert_string_equal(tail("one\ntwo\nthree\n\n", 2, sizeof m, m), "\ntwo\nthree");
    assert_string_equal(tail("one\ntwo\n", 9, sizeof m, m), "\none\ntwo");
    assert_string_equal(tail("one", 1, sizeof m, m), "\none");
    assert_string_equal(tail("", 9, sizeof m, m), "");
    assert_string_equal(tail("\n\n", 9, sizeof m, m), "");
}

static void memory_is_never_left(void **state)
{
    char m[64];

    (void)state;
    for (size_t cap = 3; cap < sizeof m; cap++) {
        memset(m, '#', sizeof m);
        tail("some words\nand more of them\n", 9, cap, m);
        assert_true(strlen(m) < cap);
        if (cap < sizeof m)
            assert_int_equal(m[cap], '#');
    }
}

static void what_is_no_text_is_masked(void **state)
{
    char m[64];

    (void)state;
    assert_string_equal(tail("a\033[1m\tb\x7f\rc", 9, sizeof m, m), "\na?[1m\tb??c");
}

static void without_a_file_nothing_is_added(void **state)
{
    struct lc_report r;
    char m[64];

    (void)state;
    lc_report_init(&r, m, sizeof m);
    assert_int_equal(lc_report_add_tail(&r, -1, 9), 0);
    assert_int_equal(r.n, 0);
}

static void calls_are_shown_a_line_each(void **state)
{
    struct lc_board b;
    struct lc_report r;
    char m[600], target[300], line[64];

    (void)state;
    assert_int_equal(lc_board_open(&b, 2, 3), LC_OK);
    lc_board_take(&b, 1, 42, LC_LIFE_SERVING);
    lc_report_init(&r, m, sizeof m);
    assert_int_equal(lc_report_add_calls(&r, &b, 1, 9000), 0);
    lc_call_begin(lc_board_call_use(&b, 1, 0), 8500, 77, LC_STR("GET"), LC_STR("/a\n\033b"),
                  "127.0.0.1:99");
    memset(target, 'x', sizeof target);
    lc_call_begin(lc_board_call_use(&b, 1, 2), 4000, 78, LC_STR("POST"),
                  lc_str_of(target, sizeof target), "");
    lc_call_phase(lc_board_call(&b, 1, 2), LC_CALL_OUTPUT);
    assert_int_equal(lc_report_add_calls(&r, &b, 1, 9000), 2);
    assert_non_null(
        strstr(m, "\n  GET /a??b from 127.0.0.1:99, for 0.5 s (thread 77)\n  POST xxx"));
    snprintf(line, sizeof line, "%s", strstr(m, "x... "));
    assert_string_equal(line, "x... from a unix socket, for 5.0 s, waiting for its client to r");
    lc_board_close(&b);
}

static void an_end_has_its_name(void **state)
{
    struct lc_report r;
    char m[64];

    (void)state;
    lc_report_init(&r, m, sizeof m);
    lc_report_add_status(&r, 3 << 8);
    lc_report_add(&r, " ");
    lc_report_add_status(&r, 11);
    lc_report_add(&r, " ");
    lc_report_add_status(&r, 63);
    assert_string_equal(m, "exit code 3 SIGSEGV signal 63");
    for (unsigned i = 0; i <= LC_BOOT_STEPS; i++)
        assert_true(strlen(lc_boot_step_name(i)) > 4);
}

#define EACH(name) cmocka_unit_test(name)

int main(void)
{
    const struct CMUnitTest tests[] = {
        EACH(the_last_lines_are_kept),     EACH(memory_is_never_left),
        EACH(what_is_no_text_is_masked),   EACH(without_a_file_nothing_is_added),
        EACH(calls_are_shown_a_line_each), EACH(an_end_has_its_name),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
