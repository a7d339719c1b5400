/* The count of processes ended for want of memory. */
#include "base/test/support.h"

#include "os/oom.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static enum lc_rc count_in(const char *text, uint64_t *n)
{
    char path[] = "/tmp/licorne-oom-XXXXXX";
    int fd = mkstemp(path);
    enum lc_rc rc;

    assert_true(fd >= 0);
    assert_int_equal(write(fd, text, strlen(text)), (ssize_t)strlen(text));
    close(fd);
    rc = lc_oom_kills_in(path, n);
    unlink(path);
    return rc;
}

static void both_versions_of_the_file_are_read(void **state)
{
    uint64_t n = 99;

    (void)state;
    assert_int_equal(count_in("low 0\nhigh 0\nmax 12\noom 3\noom_kill 2\noom_group_kill 7\n", &n),
                     LC_OK);
    assert_int_equal(n, 2);
    assert_int_equal(count_in("oom_kill_disable 0\nunder_oom 0\noom_kill 41\n", &n), LC_OK);
    assert_int_equal(n, 41);
    assert_int_equal(count_in("oom_kill 0", &n), LC_OK);
    assert_int_equal(n, 0);
}

static void what_does_not_say_is_not_guessed(void **state)
{
    static const char *const texts[] = {"", "oom 3\n", "oom_kill x\n", "oom_kill -1\n",
                                        "xoom_kill 3\n"};
    uint64_t n;

    (void)state;
    for (size_t i = 0; i < LC_ARRAY_LEN(texts); i++)
        assert_int_equal(count_in(texts[i], &n), LC_EUNSUP);
    assert_int_equal(lc_oom_kills_in("/nowhere/at/all", &n), LC_EUNSUP);
}

static void the_own_group_is_asked_without_harm(void **state)
{
    uint64_t n = 0;
    enum lc_rc rc = lc_oom_kills(&n);

    (void)state;
    assert_true(rc == LC_OK || rc == LC_EUNSUP);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(both_versions_of_the_file_are_read),
        cmocka_unit_test(what_does_not_say_is_not_guessed),
        cmocka_unit_test(the_own_group_is_asked_without_harm),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
