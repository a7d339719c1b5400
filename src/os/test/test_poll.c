/* Readiness as poll.h promises it, whichever system call stands behind. */
#include "base/test/support.h"

#include "os/fd.h"
#include "os/poll.h"
#include "os/test/no_fds.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

static struct lc_poll poll;
static int pair[2];

static int open_all(void **state)
{
    (void)state;
    if (lc_poll_open(&poll) != LC_OK)
        return -1;
    return socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair);
}

static int close_all(void **state)
{
    (void)state;
    lc_poll_close(&poll);
    lc_fd_close(&pair[0]);
    lc_fd_close(&pair[1]);
    return 0;
}

/* What is reported for w at once, 0 when nothing is. */
static uint32_t seen(struct lc_watch *w)
{
    struct lc_ready ready[8];
    uint32_t events = 0;
    int n;

    assert_int_equal(lc_poll_wait(&poll, ready, 8, 0, &n), LC_OK);
    for (int i = 0; i < n; i++) {
        assert_ptr_equal(ready[i].w, w);
        events |= ready[i].events;
    }
    return events;
}

static void set(struct lc_watch *w, uint32_t events)
{
    assert_int_equal(lc_poll_set(&poll, w, events), LC_OK);
    assert_int_equal(w->events, events);
}

static void every_change_of_interest_takes_effect(void **state)
{
    static const uint32_t all[] = {0, LC_READ, LC_WRITE, LC_READ | LC_WRITE};
    struct lc_watch w = {.fd = pair[0]};

    (void)state;
    assert_int_equal(write(pair[1], "x", 1), 1);
    for (size_t from = 0; from < LC_ARRAY_LEN(all); from++) {
        for (size_t to = 0; to < LC_ARRAY_LEN(all); to++) {
            set(&w, all[from]);
            assert_int_equal(seen(&w), all[from]);
            set(&w, all[to]);
            assert_int_equal(seen(&w), all[to]);
        }
    }
    set(&w, 0);
}

static void what_was_not_consumed_is_reported_again(void **state)
{
    struct lc_watch w = {.fd = pair[0]};
    char byte;

    (void)state;
    set(&w, LC_READ);
    assert_int_equal(seen(&w), 0);
    assert_int_equal(write(pair[1], "x", 1), 1);
    assert_int_equal(seen(&w), LC_READ);
    assert_int_equal(seen(&w), LC_READ);
    assert_int_equal(read(pair[0], &byte, 1), 1);
    assert_int_equal(seen(&w), 0);
}

static void nothing_new_asks_the_kernel_nothing(void **state)
{
    struct lc_watch w = {.fd = pair[0]};

    (void)state;
    set(&w, LC_READ);
    w.fd = -1; /* the kernel would refuse it */
    set(&w, LC_READ);
    w.events = 0;
    set(&w, 0);
}

static void a_closed_peer_is_readable_and_hung_up(void **state)
{
    struct lc_watch w = {.fd = pair[0]};

    (void)state;
    set(&w, LC_READ);
    lc_fd_close(&pair[1]);
    assert_int_equal(seen(&w), LC_READ | LC_HUP);
    set(&w, LC_WRITE);
    assert_true(seen(&w) & LC_HUP);
}

static void a_half_closed_peer_is_only_readable(void **state)
{
    struct lc_watch w = {.fd = pair[0]};

    (void)state;
    set(&w, LC_READ);
    assert_int_equal(shutdown(pair[1], SHUT_WR), 0);
    assert_int_equal(seen(&w), LC_READ);
    set(&w, LC_WRITE);
    assert_int_equal(seen(&w), LC_WRITE);
}

static void a_forgotten_descriptor_may_be_closed_and_its_number_used_again(void **state)
{
    struct lc_watch w = {.fd = pair[0]}, again = {.fd = pair[0]};
    int other[2], number = pair[0];

    (void)state;
    set(&w, LC_READ | LC_WRITE);
    lc_poll_forget(&poll, &w);
    assert_int_equal(w.events, 0);
    lc_fd_close(&pair[0]);
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, other), 0);
    if (other[0] != number) {
        assert_int_equal(dup2(other[0], number), number);
        close(other[0]);
    }
    pair[0] = number;
    set(&again, LC_WRITE);
    assert_int_equal(seen(&again), LC_WRITE);
    close(other[1]);
}

static int listen_anywhere(void)
{
    struct sockaddr_un sa = {.sun_family = AF_UNIX};
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

    /* Only a family: Linux picks a free abstract name. */
    assert_int_equal(bind(fd, (struct sockaddr *)&sa, sizeof(sa.sun_family)), 0);
    assert_int_equal(listen(fd, 4), 0);
    return fd;
}

static void connect_to(int listen_fd, int fd)
{
    struct sockaddr_un sa;
    socklen_t n = sizeof(sa);

    assert_int_equal(getsockname(listen_fd, (struct sockaddr *)&sa, &n), 0);
    assert_int_equal(connect(fd, (struct sockaddr *)&sa, n), 0);
}

static void an_exclusive_listener_may_pause_and_go_on(void **state)
{
    struct lc_watch w = {.fd = listen_anywhere()};
    int client = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

    (void)state;
    set(&w, LC_READ | LC_EXCLUSIVE);
    assert_int_equal(seen(&w), 0);
    connect_to(w.fd, client);
    assert_int_equal(seen(&w), LC_READ);
    set(&w, 0);
    assert_int_equal(seen(&w), 0);
    set(&w, LC_READ | LC_EXCLUSIVE);
    assert_int_equal(seen(&w), LC_READ);
    set(&w, LC_READ);
    assert_int_equal(seen(&w), LC_READ);
    set(&w, LC_READ | LC_EXCLUSIVE);
    assert_int_equal(seen(&w), LC_READ);
    lc_fd_close(&w.fd);
    close(client);
}

static void a_refused_change_leaves_the_interest_as_it_was(void **state)
{
    struct lc_watch none = {.fd = -1}, w = {.fd = pair[0]};

    (void)state;
    assert_int_equal(lc_poll_set(&poll, &none, LC_READ), LC_EIO);
    assert_int_equal(none.events, 0);
    set(&w, LC_READ);
    w.fd = -1;
    assert_int_equal(lc_poll_set(&poll, &w, LC_READ | LC_WRITE), LC_EIO);
    assert_int_equal(w.events, LC_READ);
}

static void reports_no_more_than_there_is_room_for(void **state)
{
    struct lc_watch a = {.fd = pair[0]}, b = {.fd = pair[1]};
    struct lc_ready ready[1];
    int n;

    (void)state;
    set(&a, LC_WRITE);
    set(&b, LC_WRITE);
    assert_int_equal(lc_poll_wait(&poll, ready, 1, 0, &n), LC_OK);
    assert_int_equal(n, 1);
    assert_true(ready[0].w == &a || ready[0].w == &b);
}

static void on_alarm(int signo)
{
    (void)signo;
}

static void a_signal_ends_the_wait(void **state)
{
    struct sigaction sa = {.sa_handler = on_alarm};
    /* Repeats, so that one that comes before the wait does no harm. */
    struct itimerval every = {.it_interval = {0, 5000}, .it_value = {0, 5000}},
                     off = {{0, 0}, {0, 0}};
    struct lc_ready ready[1];
    int n = 77;

    (void)state;
    assert_int_equal(sigaction(SIGALRM, &sa, NULL), 0);
    assert_int_equal(setitimer(ITIMER_REAL, &every, NULL), 0);
    assert_int_equal(lc_poll_wait(&poll, ready, 1, -1, &n), LC_EINTR);
    assert_int_equal(setitimer(ITIMER_REAL, &off, NULL), 0);
    assert_int_equal(n, 0);
}

static void says_when_no_descriptors_are_left(void **state)
{
    struct lc_poll other;
    struct lc_wake wake;
    enum lc_rc poll_rc, wake_rc;

    (void)state;
    WITHOUT_FDS(poll_rc = lc_poll_open(&other));
    WITHOUT_FDS(wake_rc = lc_wake_open(&wake));
    assert_int_equal(poll_rc, LC_ENOFD);
    assert_int_equal(wake_rc, LC_ENOFD);
    assert_true(other.fd == -1 && wake.fd == -1);
}

static void the_poll_itself_is_readable_when_something_is_ready(void **state)
{
    struct lc_poll outer;
    struct lc_watch w = {.fd = pair[0]}, inner = {.fd = poll.fd};
    struct lc_ready ready[1];
    int n;

    (void)state;
    assert_int_equal(lc_poll_open(&outer), LC_OK);
    assert_int_equal(lc_poll_set(&outer, &inner, LC_READ), LC_OK);
    set(&w, LC_READ);
    assert_int_equal(lc_poll_wait(&outer, ready, 1, 0, &n), LC_OK);
    assert_int_equal(n, 0);
    assert_int_equal(write(pair[1], "x", 1), 1);
    assert_int_equal(lc_poll_wait(&outer, ready, 1, 0, &n), LC_OK);
    assert_int_equal(n, 1);
    lc_poll_close(&outer);
}

#define EACH(test) cmocka_unit_test_setup_teardown(test, open_all, close_all)

int main(void)
{
    const struct CMUnitTest tests[] = {
        EACH(every_change_of_interest_takes_effect),
        EACH(what_was_not_consumed_is_reported_again),
        EACH(nothing_new_asks_the_kernel_nothing),
        EACH(a_closed_peer_is_readable_and_hung_up),
        EACH(a_half_closed_peer_is_only_readable),
        EACH(a_forgotten_descriptor_may_be_closed_and_its_number_used_again),
        EACH(an_exclusive_listener_may_pause_and_go_on),
        EACH(a_refused_change_leaves_the_interest_as_it_was),
        EACH(reports_no_more_than_there_is_room_for),
        EACH(a_signal_ends_the_wait),
        EACH(says_when_no_descriptors_are_left),
        EACH(the_poll_itself_is_readable_when_something_is_ready),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
