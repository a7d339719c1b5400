/* Messages with descriptors. */
#include "base/test/support.h"

#include "os/fd.h"
#include "os/fdpass.h"
#include "os/test/no_fds.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

static int lowest_fd(void)
{
    int fd = dup(STDERR_FILENO);

    assert_true(fd >= 0);
    close(fd);
    return fd;
}

static enum lc_rc send_text(int fd, const char *text, const int *fds, int nfds)
{
    struct iovec v = {(void *)text, strlen(text)};

    return lc_fdpass_send(fd, &v, 1, fds, nfds);
}

static bool same_file(int a, int b)
{
    struct stat x, y;

    assert_int_equal(fstat(a, &x), 0);
    assert_int_equal(fstat(b, &y), 0);
    return x.st_dev == y.st_dev && x.st_ino == y.st_ino;
}

static void whole_messages_come_in_order_with_their_descriptors(void **state)
{
    int pair[2], pipe_fds[2], fds[2], nfds;
    char a[] = "a", bc[] = "bc";
    struct iovec v[3] = {{a, 1}, {NULL, 0}, {bc, 2}};
    char text[16];
    size_t got;

    (void)state;
    assert_int_equal(lc_fdpass_pair(pair), LC_OK);
    assert_int_equal(lc_fd_pipe(pipe_fds), LC_OK);
    assert_int_equal(lc_fdpass_send(pair[1], v, 3, pipe_fds, 2), LC_OK);
    assert_int_equal(send_text(pair[1], "second", NULL, 0), LC_OK);
    assert_int_equal(lc_fdpass_recv(pair[0], text, sizeof text, &got, fds, 2, &nfds), LC_OK);
    assert_int_equal(got, 3);
    assert_memory_equal(text, "abc", 3);
    assert_int_equal(nfds, 2);
    for (int i = 0; i < 2; i++) {
        assert_true(same_file(fds[i], pipe_fds[i]));
        assert_true(fcntl(fds[i], F_GETFD) & FD_CLOEXEC);
        lc_fd_close(&fds[i]);
        lc_fd_close(&pipe_fds[i]);
    }
    assert_int_equal(lc_fdpass_recv(pair[0], text, sizeof text, &got, fds, 2, &nfds), LC_OK);
    assert_int_equal(got, 6);
    assert_int_equal(nfds, 0);
    assert_int_equal(lc_fdpass_recv(pair[0], text, sizeof text, &got, fds, 2, &nfds), LC_AGAIN);
    lc_fd_close(&pair[1]);
    assert_int_equal(lc_fdpass_recv(pair[0], text, sizeof text, &got, fds, 2, &nfds), LC_CLOSED);
    lc_fd_close(&pair[0]);
}

/* What a process took and did not live to serve is lost; what it had not taken is not. */
static void what_waits_outlives_a_receiver(void **state)
{
    int pair[2], fds[1], nfds, status;
    char text[16];
    size_t got;
    pid_t pid;

    (void)state;
    assert_int_equal(lc_fdpass_pair(pair), LC_OK);
    assert_int_equal(send_text(pair[1], "first", NULL, 0), LC_OK);
    assert_int_equal(send_text(pair[1], "second", NULL, 0), LC_OK);
    if ((pid = fork()) == 0)
        _exit(lc_fdpass_recv(pair[0], text, sizeof text, &got, fds, 1, &nfds) == LC_OK ? 7 : 1);
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_int_equal(WEXITSTATUS(status), 7);
    assert_int_equal(lc_fdpass_recv(pair[0], text, sizeof text, &got, fds, 1, &nfds), LC_OK);
    assert_memory_equal(text, "second", got);
    lc_fd_close(&pair[0]);
    lc_fd_close(&pair[1]);
}

static void too_much_is_refused_and_changes_nothing(void **state)
{
    int pair[2], fds[1], nfds;
    size_t n = 8 << 20, got;
    char *big = calloc(1, n);
    struct iovec v = {big, n};
    int nsent = 0;

    (void)state;
    assert_int_equal(lc_fdpass_pair(pair), LC_OK);
    assert_int_equal(lc_fdpass_send(pair[1], &v, 1, NULL, 0), LC_ELIMIT);
    v.iov_len = 100000;
    while (lc_fdpass_send(pair[1], &v, 1, NULL, 0) == LC_OK)
        nsent++;
    assert_in_range(nsent, 1, 100);
    assert_int_equal(lc_fdpass_send(pair[1], &v, 1, NULL, 0), LC_AGAIN);
    while (nsent-- > 0) {
        assert_int_equal(lc_fdpass_recv(pair[0], big, n, &got, fds, 1, &nfds), LC_OK);
        assert_int_equal(got, 100000);
    }
    assert_int_equal(lc_fdpass_recv(pair[0], big, n, &got, fds, 1, &nfds), LC_AGAIN);
    lc_fd_close(&pair[0]);
    assert_int_equal(lc_fdpass_send(pair[1], &v, 1, NULL, 0), LC_CLOSED);
    lc_fd_close(&pair[1]);
    free(big);
}

static void what_does_not_fit_is_closed(void **state)
{
    int pair[2], pipe_fds[2], many[LC_FDPASS_MAX], fds[LC_FDPASS_MAX], nfds, before;
    char text[16];
    size_t got;

    (void)state;
    assert_int_equal(lc_fdpass_pair(pair), LC_OK);
    assert_int_equal(lc_fd_pipe(pipe_fds), LC_OK);
    for (int i = 0; i < LC_FDPASS_MAX; i++)
        many[i] = pipe_fds[i & 1];
    before = lowest_fd();
    assert_int_equal(send_text(pair[1], "too many", many, LC_FDPASS_MAX), LC_OK);
    assert_int_equal(send_text(pair[1], "too many bytes for it", many, 2), LC_OK);
    assert_int_equal(send_text(pair[1], "next", many, 1), LC_OK);
    assert_int_equal(lc_fdpass_recv(pair[0], text, sizeof text, &got, fds, 2, &nfds), LC_EPROTO);
    assert_int_equal(nfds, 0);
    assert_int_equal(lc_fdpass_recv(pair[0], text, 4, &got, fds, 2, &nfds), LC_EPROTO);
    assert_int_equal(lowest_fd(), before);
    assert_int_equal(lc_fdpass_recv(pair[0], text, sizeof text, &got, fds, 2, &nfds), LC_OK);
    assert_int_equal(nfds, 1);
    lc_fd_close(&fds[0]);
    for (int i = 0; i < 2; i++) {
        lc_fd_close(&pair[i]);
        lc_fd_close(&pipe_fds[i]);
    }
}

static void no_room_for_descriptors_closes_those_that_came(void **state)
{
    int pair[2], pipe_fds[2], fds[2], nfds;
    char text[16];
    size_t got;
    enum lc_rc rc;

    (void)state;
    assert_int_equal(lc_fdpass_pair(pair), LC_OK);
    assert_int_equal(lc_fd_pipe(pipe_fds), LC_OK);
    assert_int_equal(send_text(pair[1], "x", pipe_fds, 2), LC_OK);
    WITHOUT_FDS(rc = lc_fdpass_recv(pair[0], text, sizeof text, &got, fds, 2, &nfds));
    assert_int_equal(rc, LC_ENOFD);
    assert_int_equal(lc_fdpass_recv(pair[0], text, sizeof text, &got, fds, 2, &nfds), LC_AGAIN);
    for (int i = 0; i < 2; i++) {
        lc_fd_close(&pair[i]);
        lc_fd_close(&pipe_fds[i]);
    }
}

static void without_descriptors_there_is_no_pair(void **state)
{
    int pair[2] = {5, 5};
    enum lc_rc rc;

    (void)state;
    WITHOUT_FDS(rc = lc_fdpass_pair(pair));
    assert_int_equal(rc, LC_ENOFD);
    assert_int_equal(pair[0], -1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(whole_messages_come_in_order_with_their_descriptors),
        cmocka_unit_test(what_waits_outlives_a_receiver),
        cmocka_unit_test(too_much_is_refused_and_changes_nothing),
        cmocka_unit_test(what_does_not_fit_is_closed),
        cmocka_unit_test(no_room_for_descriptors_closes_those_that_came),
        cmocka_unit_test(without_descriptors_there_is_no_pair),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
