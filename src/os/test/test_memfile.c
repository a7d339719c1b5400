/* A file in memory that one process writes and another reads. */
#include "base/test/support.h"

#include "os/memfile.h"

#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

static void put(int fd, const char *text)
{
    assert_int_equal(write(fd, text, strlen(text)), (ssize_t)strlen(text));
}

static const char *tail(int fd, size_t cap, char *out)
{
    out[lc_memfile_tail(fd, out, cap)] = '\0';
    return out;
}

static void what_a_child_wrote_outlives_it(void **state)
{
    char out[32];
    int fd;
    pid_t pid;

    (void)state;
    assert_int_equal(lc_memfile_open(&fd), LC_OK);
    if ((pid = fork()) == 0) {
        put(fd, "from the ");
        put(fd, "child");
        _exit(0);
    }
    assert_int_equal(waitpid(pid, NULL, 0), pid);
    put(fd, "!");
    assert_string_equal(tail(fd, 31, out), "from the child!");
    assert_string_equal(tail(fd, 6, out), "child!");
    assert_int_equal(lc_memfile_size(fd), 15);
    lc_fd_close(&fd);
}

static void after_it_was_cleared_the_next_write_is_the_first(void **state)
{
    char out[32];
    int fd;

    (void)state;
    assert_int_equal(lc_memfile_open(&fd), LC_OK);
    put(fd, "old words");
    lc_memfile_clear(fd);
    assert_int_equal(lc_memfile_size(fd), 0);
    assert_string_equal(tail(fd, 31, out), "");
    put(fd, "new");
    assert_string_equal(tail(fd, 31, out), "new");
    lc_fd_close(&fd);
}

static void a_bad_descriptor_is_an_empty_file(void **state)
{
    char out[8];

    (void)state;
    assert_int_equal(lc_memfile_size(-1), 0);
    assert_int_equal(lc_memfile_tail(-1, out, sizeof out), 0);
    lc_memfile_clear(-1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_a_child_wrote_outlives_it),
        cmocka_unit_test(after_it_was_cleared_the_next_write_is_the_first),
        cmocka_unit_test(a_bad_descriptor_is_an_empty_file),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
