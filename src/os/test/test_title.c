/* The title of a process, written over its arguments. */
#include "base/test/support.h"

#include "os/title.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static size_t read_file(const char *path, char *out, size_t cap)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    ssize_t n;

    assert_true(fd >= 0);
    n = read(fd, out, cap);
    assert_true(n >= 0);
    close(fd);
    return (size_t)n;
}

static bool is_offered(void)
{
    return lc_title_set("x") == LC_OK;
}

static void the_title_is_what_the_system_shows(void **state)
{
    char line[4096];

    (void)state;
    if (!is_offered())
        return;
    assert_int_equal(lc_title_set("a title"), LC_OK);
    assert_true(read_file("/proc/self/cmdline", line, sizeof line) > 0);
    assert_string_equal(line, "a title");
    assert_int_equal(lc_title_set("b"), LC_OK); /* nothing is left of a longer one */
    assert_true(read_file("/proc/self/cmdline", line, sizeof line) > 0);
    assert_string_equal(line, "b");
    assert_string_equal(line + 2, "");
}

static void a_long_title_is_cut_and_the_environment_stays(void **state)
{
    static char before[1 << 16], after[1 << 16], line[1 << 16];
    char title[8192], home[4096];
    size_t n, m;

    (void)state;
    if (!is_offered())
        return;
    snprintf(home, sizeof home, "%s", getenv("PATH"));
    n = read_file("/proc/self/environ", before, sizeof before);
    memset(title, 'y', sizeof title - 1);
    title[sizeof title - 1] = '\0';
    assert_int_equal(lc_title_set(title), LC_OK);
    m = read_file("/proc/self/environ", after, sizeof after);
    assert_int_equal(n, m);
    assert_memory_equal(before, after, n);
    assert_string_equal(getenv("PATH"), home);
    n = read_file("/proc/self/cmdline", line, sizeof line);
    assert_true(n > 1 && n < sizeof title);
    assert_int_equal(line[0], 'y');
    assert_int_equal(line[n - 2], 'y');
    assert_int_equal(line[n - 1], '\0');
}

static void the_place_is_found_behind_any_name(void **state)
{
    static const char good[] =
        "12 (a) b) S 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20 21 22 "
        "23 24 25 26 27 28 29 30 31 32 33 34 35 36 37 38 39 40 41 42 43 44 "
        "1000 1100 1200 1300 0\n";
    uint64_t start = 0, end = 0;

    (void)state;
    if (!is_offered())
        return;
    assert_int_equal(lc_title_range(good, &start, &end), LC_OK);
    assert_int_equal(start, 1000);
    assert_int_equal(end, 1100);
}

static void what_is_no_place_is_refused(void **state)
{
    static const char *const bad[] = {
        "",
        "12 (x)",
        "12 (x) S 1 2 3",
        "12 (x) S 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20 21 22 23 24 25 26 27 28 29 30 "
        "31 32 33 34 35 36 37 38 39 40 41 42 43 44 0 0 0 0 0\n", /* not told */
        "12 (x) S 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20 21 22 23 24 25 26 27 28 29 30 "
        "31 32 33 34 35 36 37 38 39 40 41 42 43 44 1100 1000 0 0 0\n",
        "12 (x) S 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20 21 22 23 24 25 26 27 28 29 30 "
        "31 32 33 34 35 36 37 38 39 40 41 42 43 44 1000 900000000 0 0 0\n",
    };
    uint64_t start, end;

    (void)state;
    for (size_t i = 0; i < LC_ARRAY_LEN(bad); i++)
        assert_int_equal(lc_title_range(bad[i], &start, &end), LC_EUNSUP);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_title_is_what_the_system_shows),
        cmocka_unit_test(a_long_title_is_cut_and_the_environment_stays),
        cmocka_unit_test(the_place_is_found_behind_any_name),
        cmocka_unit_test(what_is_no_place_is_refused),
    };

    return cmocka_run_group_tests_name("title", tests, NULL, NULL);
}
