/* Who is at the other end. */
#include "base/test/support.h"

#include "os/peer.h"

#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

static void the_other_end_of_a_pair_is_this_process(void **state)
{
    struct lc_peer peer;
    int fds[2];

    (void)state;
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, fds), 0);
    assert_int_equal(lc_peer_get(fds[0], &peer), LC_OK);
    assert_true(peer.pid == getpid() || peer.pid == 0);
    assert_int_equal(peer.uid, geteuid());
    assert_int_equal(peer.gid, getegid());
    close(fds[0]);
    close(fds[1]);
}

static void what_is_no_unix_connection_has_nobody(void **state)
{
    struct lc_peer peer;
    int fd = socket(AF_INET, SOCK_STREAM, 0), fds[2];

    (void)state;
    assert_int_equal(lc_peer_get(fd, &peer), LC_EIO);
    close(fd);
    assert_int_equal(pipe(fds), 0);
    assert_int_equal(lc_peer_get(fds[0], &peer), LC_EIO);
    close(fds[0]);
    close(fds[1]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_other_end_of_a_pair_is_this_process),
        cmocka_unit_test(what_is_no_unix_connection_has_nobody),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
