/* Temporary files leave nothing behind, and say when there is no room. */
#include "base/test/support.h"

#include "os/fs.h"
#include "os/test/no_fds.h"

#include <dirent.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static char dir[64];

static int make_dir(void **state)
{
    (void)state;
    snprintf(dir, sizeof(dir), "/tmp/licorne-test-XXXXXX");
    return mkdtemp(dir) != NULL ? 0 : -1;
}

/* Also proves that the directory is empty again. */
static int remove_dir(void **state)
{
    (void)state;
    return rmdir(dir);
}

static void a_temporary_file_has_no_name_and_no_heirs(void **state)
{
    struct stat st;
    int fd;

    (void)state;
    assert_int_equal(lc_tmpfile_open(dir, &fd), LC_OK);
    assert_int_equal(fstat(fd, &st), 0);
    assert_int_equal(st.st_nlink, 0);
    assert_int_equal(st.st_mode & 077, 0);
    assert_true(fcntl(fd, F_GETFD) & FD_CLOEXEC);
    lc_fd_close(&fd);
}

static void what_was_written_is_read_back_from_any_place(void **state)
{
    char bytes[10000], got_bytes[10000];
    size_t got;
    int fd;

    (void)state;
    for (size_t i = 0; i < sizeof(bytes); i++)
        bytes[i] = (char)(i * 7);
    assert_int_equal(lc_tmpfile_open(dir, &fd), LC_OK);
    assert_int_equal(lc_pwrite_all(fd, bytes + 5000, 5000, 5000), LC_OK);
    assert_int_equal(lc_pwrite_all(fd, bytes, 5000, 0), LC_OK);
    assert_int_equal(lc_pwrite_all(fd, bytes, 0, 99999), LC_OK);
    for (size_t at = 0; at < sizeof(bytes); at += got)
        assert_int_equal(lc_pread_some(fd, got_bytes + at, 3000, (off_t)at, &got), LC_OK);
    assert_memory_equal(got_bytes, bytes, sizeof(bytes));
    assert_int_equal(lc_pread_some(fd, got_bytes, 1, 10000, &got), LC_CLOSED);
    assert_int_equal(got, 0);
    lc_fd_close(&fd);
    assert_int_equal(lc_pread_some(fd, got_bytes, 1, 0, &got), LC_EIO);
    assert_int_equal(lc_pwrite_all(fd, bytes, 1, 0), LC_EIO);
}

static void a_directory_that_is_none_is_an_error(void **state)
{
    char too_long[5000];
    int fd;

    (void)state;
    assert_int_equal(lc_tmpfile_open("/nowhere/at/all", &fd), LC_EIO);
    assert_int_equal(fd, -1);
    memset(too_long, 'a', sizeof(too_long) - 1);
    too_long[sizeof(too_long) - 1] = '\0';
    assert_int_equal(lc_tmpfile_open(too_long, &fd), LC_EIO);
    assert_int_equal(fd, -1);
}

static void says_when_no_descriptors_are_left(void **state)
{
    enum lc_rc rc;
    int fd;

    (void)state;
    WITHOUT_FDS(rc = lc_tmpfile_open(dir, &fd));
    assert_int_equal(rc, LC_ENOFD);
    assert_int_equal(fd, -1);
}

static void a_full_disk_has_its_own_name(void **state)
{
    int fd = open("/dev/full", O_RDWR | O_CLOEXEC);

    (void)state;
    if (fd == -1)
        skip();
    assert_int_equal(lc_pwrite_all(fd, "x", 1, 0), LC_ENOSPC);
    lc_fd_close(&fd);
}

/* The kernel writes what fits first: the rest must still be noticed. */
static void so_has_a_file_that_may_not_grow(void **state)
{
    struct rlimit saved, tight;
    char bytes[3000] = {0};
    enum lc_rc rc;
    int fd;

    (void)state;
    assert_int_equal(lc_tmpfile_open(dir, &fd), LC_OK);
    assert_int_equal(getrlimit(RLIMIT_FSIZE, &saved), 0);
    tight = saved;
    tight.rlim_cur = 1000;
    signal(SIGXFSZ, SIG_IGN);
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &tight), 0);
    rc = lc_pwrite_all(fd, bytes, sizeof(bytes), 0);
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &saved), 0);
    assert_int_equal(rc, LC_ENOSPC);
    lc_fd_close(&fd);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_temporary_file_has_no_name_and_no_heirs),
        cmocka_unit_test(what_was_written_is_read_back_from_any_place),
        cmocka_unit_test(a_directory_that_is_none_is_an_error),
        cmocka_unit_test(says_when_no_descriptors_are_left),
        cmocka_unit_test(a_full_disk_has_its_own_name),
        cmocka_unit_test(so_has_a_file_that_may_not_grow),
    };

    return cmocka_run_group_tests(tests, make_dir, remove_dir);
}
