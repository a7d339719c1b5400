/* Descriptors: closed once, modes as asked. */
#include "base/test/support.h"

#include "os/fd.h"
#include "os/test/no_fds.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <sys/socket.h>
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

static void tells_what_a_descriptor_is(void **state)
{
    enum lc_fd_kind kind;
    int fds[2], null = open("/dev/null", O_WRONLY | O_CLOEXEC);
    FILE *f = tmpfile();

    (void)state;
    assert_int_equal(lc_fd_pipe(fds), LC_OK);
    assert_int_equal(lc_fd_kind(fds[1], &kind), LC_OK);
    assert_int_equal(kind, LC_FD_PIPE);
    assert_int_equal(lc_fd_kind(fileno(f), &kind), LC_OK);
    assert_int_equal(kind, LC_FD_FILE);
    assert_int_equal(lc_fd_kind(null, &kind), LC_OK);
    assert_int_equal(kind, LC_FD_OTHER);
    lc_fd_close(&fds[0]);
    lc_fd_close(&fds[1]);
    lc_fd_close(&null);
    fclose(f);
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, fds), 0);
    assert_int_equal(lc_fd_kind(fds[0], &kind), LC_OK);
    assert_int_equal(kind, LC_FD_SOCKET);
    lc_fd_close(&fds[0]);
    lc_fd_close(&fds[1]);
    assert_int_equal(lc_fd_kind(9999, &kind), LC_EIO);
}

#ifdef __linux__
static void one_opened_anew_has_a_mode_of_its_own(void **state)
{
    char waste[4096] = {0};
    int fds[2], fresh;
    size_t done;
    enum lc_rc rc;

    (void)state;
    assert_int_equal(pipe(fds), 0);
    assert_int_equal(lc_fd_reopen(fds[1], &fresh), LC_OK);
    assert_int_equal(fcntl(fds[1], F_GETFL) & O_NONBLOCK, 0);
    assert_true(fcntl(fresh, F_GETFD) & FD_CLOEXEC);
    while ((rc = lc_fd_write(fresh, waste, sizeof waste, &done)) == LC_OK)
        assert_int_equal(done, sizeof waste);
    assert_int_equal(rc, LC_AGAIN);
    assert_int_equal(done, 0);
    lc_fd_await_room(fresh, 1);
    assert_int_equal(read(fds[0], waste, sizeof waste), sizeof waste);
    lc_fd_await_room(fresh, 10000);
    assert_int_equal(lc_fd_write(fresh, "x", 1, &done), LC_OK);
    lc_fd_close(&fds[0]);
    signal(SIGPIPE, SIG_IGN);
    assert_int_equal(lc_fd_write(fresh, "x", 1, &done), LC_CLOSED);
    lc_fd_close(&fresh);
    lc_fd_close(&fds[1]);
    assert_int_equal(lc_fd_reopen(9999, &fresh), LC_EUNSUP);
    assert_int_equal((fresh = open("/dev/full", O_WRONLY | O_CLOEXEC)) == -1, 0);
    assert_int_equal(lc_fd_write(fresh, "x", 1, &done), LC_ENOSPC);
    lc_fd_close(&fresh);
}
#endif

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(closes_once),
        cmocka_unit_test(a_pipe_is_private_and_never_blocks),
        cmocka_unit_test(the_mode_goes_and_comes_back),
        cmocka_unit_test(says_when_no_descriptors_are_left),
        cmocka_unit_test(tells_what_a_descriptor_is),
#ifdef __linux__
        cmocka_unit_test(one_opened_anew_has_a_mode_of_its_own),
#endif
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
