/* A file goes to a socket whole, in whatever pieces, by the kernel or by hand. */
#include "base/test/support.h"

#include "os/fs.h"
#include "os/sock.h"

#include <signal.h>
#include <string.h>
#include <unistd.h>

enum { FILE_SIZE = 700000 };

static char bytes[FILE_SIZE];
static int file_fd, fds[2];

static int open_all(void **state)
{
    (void)state;
    signal(SIGPIPE, SIG_IGN); /* as every process of ours does */
    for (size_t i = 0; i < sizeof(bytes); i++)
        bytes[i] = (char)(i * 31 >> 3);
    if (lc_tmpfile_open("/tmp", &file_fd) != LC_OK ||
        lc_pwrite_all(file_fd, bytes, sizeof(bytes), 0) != LC_OK ||
        socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds) == -1)
        return -1;
    return lc_sock_set_nonblock(fds[0], true) == LC_OK ? 0 : -1;
}

static int close_all(void **state)
{
    (void)state;
    lc_fd_close(&file_fd);
    lc_fd_close(&fds[0]);
    lc_fd_close(&fds[1]);
    return 0;
}

/* Sends [from, from + n) and reads it at the other end as room is needed. */
static void assert_arrives(off_t from, size_t n)
{
    static char got_bytes[FILE_SIZE];
    off_t off = from;
    size_t sent, got, n_sent = 0, n_got = 0;

    while (n_got < n) {
        enum lc_rc rc = lc_sock_sendfile(fds[0], file_fd, &off, n - n_sent, &sent);
        assert_true(rc == LC_OK || (rc == LC_AGAIN && sent == 0));
        n_sent += sent;
        assert_int_equal(off, from + (off_t)n_sent);
        if (lc_sock_recv(fds[1], got_bytes + n_got, n - n_got, &got) == LC_OK)
            n_got += got;
    }
    assert_int_equal(n_sent, n);
    assert_memory_equal(got_bytes, bytes + from, n);
}

static void all_of_it_and_any_part_of_it_arrives(void **state)
{
    (void)state;
    assert_arrives(0, FILE_SIZE);
    assert_arrives(12345, 65537);
    assert_arrives(FILE_SIZE - 1, 1);
    assert_arrives(7, 0);
}

static void a_full_socket_says_again(void **state)
{
    off_t off = 0;
    size_t sent;
    enum lc_rc rc;

    (void)state;
    while ((rc = lc_sock_sendfile(fds[0], file_fd, &off, FILE_SIZE, &sent)) == LC_OK)
        off = 0;
    assert_int_equal(rc, LC_AGAIN);
    assert_int_equal(sent, 0);
    assert_int_equal(off, 0);
}

static void a_file_that_ends_early_is_an_error(void **state)
{
    off_t off = FILE_SIZE - 10;
    size_t sent;

    (void)state;
    assert_int_equal(lc_sock_sendfile(fds[0], file_fd, &off, 100, &sent), LC_OK);
    assert_int_equal(sent, 10);
    assert_int_equal(lc_sock_sendfile(fds[0], file_fd, &off, 90, &sent), LC_EIO);
    assert_int_equal(sent, 0);
}

static void who_left_is_closed(void **state)
{
    off_t off = 0;
    size_t sent;

    (void)state;
    lc_fd_close(&fds[1]);
    assert_int_equal(lc_sock_sendfile(fds[0], file_fd, &off, 100, &sent), LC_CLOSED);
    assert_int_equal(sent, 0);
    assert_int_equal(off, 0);
}

#define EACH(test) cmocka_unit_test_setup_teardown(test, open_all, close_all)

int main(void)
{
    const struct CMUnitTest tests[] = {
        EACH(all_of_it_and_any_part_of_it_arrives),
        EACH(a_full_socket_says_again),
        EACH(a_file_that_ends_early_is_an_error),
        EACH(who_left_is_closed),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
