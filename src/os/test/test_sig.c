/* Signals arrive as bytes, in order, and only where they are meant. */
#include "base/test/support.h"

#include "os/fd.h"
#include "os/sig.h"
#include "os/test/no_fds.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/wait.h>
#include <unistd.h>

static const int caught[] = {SIGUSR1, SIGUSR2, SIGTERM, SIGCHLD};

static struct lc_sig sig;

static int open_all(void **state)
{
    (void)state;
    return lc_sig_open(&sig, caught, LC_ARRAY_LEN(caught)) == LC_OK ? 0 : -1;
}

static int close_all(void **state)
{
    (void)state;
    lc_sig_reset_all(caught, LC_ARRAY_LEN(caught));
    lc_sig_close(&sig);
    return 0;
}

static int next_signal(void)
{
    int signo;

    return lc_sig_read(&sig, &signo) == LC_OK ? signo : 0;
}

static int wait_for(pid_t pid)
{
    int status;

    while (waitpid(pid, &status, 0) == -1)
        assert_int_equal(errno, EINTR);
    return status;
}

static void arrive_in_order_and_each_one_counts(void **state)
{
    (void)state;
    assert_int_equal(next_signal(), 0);
    errno = 4711;
    raise(SIGUSR2);
    raise(SIGUSR1);
    raise(SIGUSR1);
    raise(SIGTERM);
    assert_int_equal(errno, 4711);
    assert_int_equal(next_signal(), SIGUSR2);
    assert_int_equal(next_signal(), SIGUSR1);
    assert_int_equal(next_signal(), SIGUSR1);
    assert_int_equal(next_signal(), SIGTERM);
    assert_int_equal(next_signal(), 0);
}

static void a_flood_never_blocks(void **state)
{
    int n = 0;

    (void)state;
    for (int i = 0; i < 70000; i++)
        raise(SIGUSR1);
    while (next_signal() == SIGUSR1)
        n++;
    assert_true(n >= 4096 && n <= 70000);
}

static void a_child_never_tells_its_parent(void **state)
{
    pid_t pid = fork();

    (void)state;
    if (pid == 0) {
        raise(SIGUSR1);
        _exit(0);
    }
    assert_int_equal(wait_for(pid), 0);
    assert_int_equal(next_signal(), SIGCHLD);
    assert_int_equal(next_signal(), 0);
}

/* 0 when all went well, else the line that failed. */
static int start_anew_in_child(void)
{
    static const int mine[] = {SIGUSR1};
    struct lc_sig own;
    int signo;

    lc_sig_reset_all(caught, LC_ARRAY_LEN(caught));
    if (lc_sig_open(&own, mine, 1) != LC_OK)
        return __LINE__;
    lc_sig_close(&sig); /* what was inherited, after the child's own was made */
    raise(SIGUSR1);
    if (lc_sig_read(&own, &signo) != LC_OK || signo != SIGUSR1)
        return __LINE__;
    raise(SIGTERM); /* back to what it means to everybody */
    return __LINE__;
}

static void a_child_may_start_anew(void **state)
{
    pid_t pid = fork();
    int status;

    (void)state;
    if (pid == 0)
        _exit(start_anew_in_child());
    status = wait_for(pid);
    assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGTERM);
    assert_int_equal(next_signal(), SIGCHLD);
    assert_int_equal(next_signal(), 0);
    raise(SIGUSR1);
    assert_int_equal(next_signal(), SIGUSR1);
}

static void after_close_a_handler_does_nothing(void **state)
{
    (void)state;
    lc_sig_close(&sig);
    raise(SIGUSR1);
    assert_true(sig.fd == -1 && sig.write_fd == -1);
    assert_int_equal(lc_sig_open(&sig, caught, LC_ARRAY_LEN(caught)), LC_OK);
    assert_int_equal(next_signal(), 0);
}

static void what_cannot_be_caught_is_refused_whole(void **state)
{
    static const int bad[] = {SIGUSR1, SIGKILL};
    struct sigaction sa;

    (void)state;
    close_all(NULL);
    assert_int_equal(lc_sig_open(&sig, bad, 2), LC_EINVAL);
    assert_int_equal(sig.fd, -1);
    assert_int_equal(sigaction(SIGUSR1, NULL, &sa), 0);
    assert_ptr_equal(sa.sa_handler, SIG_DFL);
    assert_int_equal(open_all(NULL), 0);
}

static void says_when_no_descriptors_are_left(void **state)
{
    enum lc_rc rc;

    (void)state;
    close_all(NULL);
    WITHOUT_FDS(rc = lc_sig_open(&sig, caught, LC_ARRAY_LEN(caught)));
    assert_int_equal(rc, LC_ENOFD);
    assert_int_equal(open_all(NULL), 0);
}

static void blocked_signals_wait_and_faults_do_not(void **state)
{
    sigset_t old, now;

    (void)state;
    lc_sig_block_all(&old);
    assert_int_equal(pthread_sigmask(SIG_SETMASK, NULL, &now), 0);
    assert_true(sigismember(&now, SIGTERM) && sigismember(&now, SIGCHLD));
    assert_false(sigismember(&now, SIGSEGV) || sigismember(&now, SIGABRT));
    raise(SIGUSR1);
    assert_int_equal(next_signal(), 0);
    lc_sig_restore(&old);
    assert_int_equal(next_signal(), SIGUSR1);
}

static void a_child_may_leave_on_them_at_once(void **state)
{
    static const int stops[] = {SIGTERM, SIGINT, SIGQUIT};

    (void)state;
    for (size_t i = 0; i < LC_ARRAY_LEN(stops); i++) {
        pid_t pid = fork();

        if (pid == 0) {
            lc_sig_leave_on(stops, LC_ARRAY_LEN(stops));
            raise(stops[i]);
            _exit(99);
        }
        assert_int_equal(wait_for(pid), 0);
    }
}

#define EACH(test) cmocka_unit_test_setup_teardown(test, open_all, close_all)

int main(void)
{
    const struct CMUnitTest tests[] = {
        EACH(arrive_in_order_and_each_one_counts),
        EACH(a_flood_never_blocks),
        EACH(a_child_may_leave_on_them_at_once),
        EACH(a_child_never_tells_its_parent),
        EACH(a_child_may_start_anew),
        EACH(after_close_a_handler_does_nothing),
        EACH(what_cannot_be_caught_is_refused_whole),
        EACH(says_when_no_descriptors_are_left),
        EACH(blocked_signals_wait_and_faults_do_not),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
