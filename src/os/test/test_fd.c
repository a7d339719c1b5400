/* Descriptors: closed once, modes as asked. */
#include "base/test/support.h"

#include "os/fd.h"
#include "os/test/no_fds.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

static void closes_once(void **state)
{
    int fd = dup(STDERR_FILENO), old = fd;

    (void)state;
    lc_fd_close(&fd);
    assert_int_equal(fd, -1);
    assert_int_equal(fcntl(old, F_GETFD), -1);
    lc_fd_close(&fd);
    assert_int_equal(fd, -1);
}

static void a_pipe_is_private_and_never_blocks(void **state)
{
    int fds[2];
    char byte;

    (void)state;
    assert_int_equal(lc_fd_pipe(fds), LC_OK);
    for (int i = 0; i < 2; i++) {
        assert_true(fcntl(fds[i], F_GETFD) & FD_CLOEXEC);
        assert_true(fcntl(fds[i], F_GETFL) & O_NONBLOCK);
    }
    assert_int_equal(read(fds[0], &byte, 1), -1);
    assert_int_equal(errno, EAGAIN);
    lc_fd_close(&fds[0]);
    lc_fd_close(&fds[1]);
}

static void the_mode_goes_and_comes_back(void **state)
{
    int fds[2];

    (void)state;
    assert_int_equal(lc_fd_pipe(fds), LC_OK);
    for (int is_on = 0; is_on < 2; is_on++) {
        assert_int_equal(lc_fd_set_nonblock(fds[0], is_on), LC_OK);
        assert_int_equal((fcntl(fds[0], F_GETFL) & O_NONBLOCK) != 0, is_on);
    }
    lc_fd_close(&fds[0]);
    lc_fd_close(&fds[1]);
    assert_int_equal(lc_fd_set_nonblock(-1, true), LC_EIO);
}

static void says_when_no_descriptors_are_left(void **state)
{
    int fds[2] = {7, 7};
    enum lc_rc rc;

    (void)state;
    WITHOUT_FDS(rc = lc_fd_pipe(fds));
    assert_int_equal(rc, LC_ENOFD);
    assert_true(fds[0] == -1 && fds[1] == -1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(closes_once),
        cmocka_unit_test(a_pipe_is_private_and_never_blocks),
        cmocka_unit_test(the_mode_goes_and_comes_back),
        cmocka_unit_test(says_when_no_descriptors_are_left),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
