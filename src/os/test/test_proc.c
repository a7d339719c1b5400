/* Children are told apart: some left, none left, none ever there. */
#include "base/test/support.h"

#include "os/proc.h"

#include <signal.h>
#include <unistd.h>

/* A child that lives until its pipe is closed. */
static pid_t start_child(int exit_code, int *hold_fd)
{
    int fds[2];
    pid_t pid;

    assert_int_equal(pipe(fds), 0);
    pid = fork();
    assert_true(pid >= 0);
    if (pid == 0) {
        close(fds[1]);
        while (read(fds[0], &(char){0}, 1) > 0)
            continue;
        _exit(exit_code);
    }
    close(fds[0]);
    *hold_fd = fds[1];
    return pid;
}

/* Waits for the end of one child without reaping it. */
static void await_end(pid_t pid)
{
    siginfo_t info;

    assert_int_equal(waitid(P_PID, (id_t)pid, &info, WEXITED | WNOWAIT), 0);
}

static void none_is_not_the_same_as_none_yet(void **state)
{
    pid_t pid, got;
    int status, hold_fd;

    (void)state;
    assert_int_equal(lc_proc_wait_any(&got, &status), LC_CLOSED);
    pid = start_child(7, &hold_fd);
    assert_int_equal(lc_proc_wait_any(&got, &status), LC_AGAIN);
    close(hold_fd);
    await_end(pid);
    assert_int_equal(lc_proc_wait_any(&got, &status), LC_OK);
    assert_int_equal(got, pid);
    assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 7);
    assert_int_equal(lc_proc_wait_any(&got, &status), LC_CLOSED);
}

static void a_signal_reaches_a_child_and_nobody_after_it(void **state)
{
    pid_t pid, got;
    int status, hold_fd;

    (void)state;
    pid = start_child(0, &hold_fd);
    assert_int_equal(lc_proc_kill(pid, 0), LC_OK);
    assert_int_equal(lc_proc_kill(pid, SIGKILL), LC_OK);
    await_end(pid);
    assert_int_equal(lc_proc_kill(pid, SIGKILL), LC_OK); /* it has ended, but is still ours */
    assert_int_equal(lc_proc_wait_any(&got, &status), LC_OK);
    assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
    assert_int_equal(lc_proc_kill(pid, 0), LC_CLOSED);
    close(hold_fd);
}

static void the_state_of_a_process_is_one_letter(void **state)
{
    pid_t pid;
    int status, hold_fd;

    (void)state;
    pid = start_child(0, &hold_fd);
    assert_int_equal(lc_proc_kill(pid, SIGSTOP), LC_OK);
    while (lc_proc_state(pid) != 'T')
        usleep(1000);
    assert_int_equal(lc_proc_kill(pid, SIGKILL), LC_OK);
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_int_equal(lc_proc_state(pid), '?');
    assert_int_equal(lc_proc_state(getpid()), 'R');
    close(hold_fd);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(none_is_not_the_same_as_none_yet),
        cmocka_unit_test(the_state_of_a_process_is_one_letter),
        cmocka_unit_test(a_signal_reaches_a_child_and_nobody_after_it),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
