/* A file that takes what memory should not. */
#include "base/test/support.h"

#include "net/spool.h"
#include "os/test/no_fds.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static void what_goes_in_comes_out_in_order(void **state)
{
    struct lc_spool s;
    char out[16];
    size_t got;

    (void)state;
    lc_spool_init(&s);
    assert_int_equal(lc_spool_here(&s), 0);
    assert_int_equal(s.fd, -1); /* nothing is opened for nothing */
    assert_int_equal(lc_spool_append(&s, "/tmp", "abc", 3), LC_OK);
    assert_int_equal(lc_spool_append(&s, "/tmp", "defg", 4), LC_OK);
    assert_int_equal(lc_spool_take(&s, out, 5, &got), LC_OK);
    assert_int_equal(got, 5);
    assert_int_equal(lc_spool_append(&s, "/tmp", "hi", 2), LC_OK);
    assert_int_equal(lc_spool_here(&s), 4);
    assert_int_equal(lc_spool_take(&s, out + 5, sizeof out - 5, &got), LC_OK);
    assert_int_equal(got, 4);
    assert_memory_equal(out, "abcdefghi", 9);
    assert_int_equal(lc_spool_take(&s, out, sizeof out, &got), LC_OK);
    assert_int_equal(got, 0);
    lc_spool_close(&s);
    lc_spool_close(&s);
}

static void it_has_no_name(void **state)
{
    struct lc_spool s;
    char link[64], target[256] = "";

    (void)state;
    lc_spool_init(&s);
    assert_int_equal(lc_spool_append(&s, NULL, "x", 1), LC_OK); /* the system's place */
    snprintf(link, sizeof link, "/proc/self/fd/%d", s.fd);
    if (readlink(link, target, sizeof target - 1) > 0)
        assert_int_not_equal(access(target, F_OK), 0);
    lc_spool_close(&s);
}

static void trouble_is_told_and_what_was_there_stays(void **state)
{
    struct lc_spool s;
    char out[4];
    size_t got;
    enum lc_rc rc;

    (void)state;
    lc_spool_init(&s);
    assert_int_equal(lc_spool_append(&s, "/nowhere", "x", 1), LC_ENOSPC);
    WITHOUT_FDS(rc = lc_spool_append(&s, "/tmp", "x", 1));
    assert_int_equal(rc, LC_ENOFD);
    assert_int_equal(lc_spool_append(&s, "/tmp", "ab", 2), LC_OK);
    lc_spool_close(&s);

    lc_spool_init(&s);
    assert_int_equal(lc_spool_append(&s, "/tmp", "ab", 2), LC_OK);
    {
        int real = s.fd, full = open("/dev/full", O_RDWR | O_CLOEXEC);

        s.fd = full;
        assert_int_equal(lc_spool_append(&s, "/tmp", "cd", 2), LC_ENOSPC);
        s.fd = real;
        close(full);
    }
    assert_int_equal(lc_spool_here(&s), 2);
    assert_int_equal(lc_spool_take(&s, out, sizeof out, &got), LC_OK);
    assert_memory_equal(out, "ab", got);
    lc_spool_close(&s);
}

static void a_file_that_was_cut_behind_our_back_is_an_error(void **state)
{
    struct lc_spool s;
    char out[4];
    size_t got;

    (void)state;
    lc_spool_init(&s);
    assert_int_equal(lc_spool_append(&s, "/tmp", "ab", 2), LC_OK);
    assert_int_equal(ftruncate(s.fd, 0), 0);
    assert_int_equal(lc_spool_take(&s, out, sizeof out, &got), LC_EIO);
    lc_spool_close(&s);
}

#define EACH(name) cmocka_unit_test(name)

int main(void)
{
    const struct CMUnitTest tests[] = {
        EACH(what_goes_in_comes_out_in_order),
        EACH(it_has_no_name),
        EACH(trouble_is_told_and_what_was_there_stays),
        EACH(a_file_that_was_cut_behind_our_back_is_an_error),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
