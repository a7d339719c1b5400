/* A process that is forked learns of it on both sides. */
#include "base/test/support.h"

#include "os/fork.h"

#include <sys/wait.h>
#include <unistd.h>

/* Forks; 1 if the child found the flag set, 0 if not. */
static int child_sees(const bool *is_child)
{
    int status;
    pid_t pid = fork();

    assert_int_not_equal(pid, -1);
    if (pid == 0)
        _exit(*is_child);
    assert_int_equal(waitpid(pid, &status, 0), pid);
    return WEXITSTATUS(status);
}

static void both_sides_learn_of_a_fork(void **state)
{
    bool is_child = false, has_children = false;

    (void)state;
    assert_int_equal(lc_fork_watch(&is_child, &has_children), LC_OK);
    assert_int_equal(child_sees(&is_child), 1);
    assert_false(is_child);
    assert_true(has_children);
    lc_fork_unwatch();
    has_children = false;
    assert_int_equal(child_sees(&is_child), 0);
    assert_false(has_children);
    assert_int_equal(lc_fork_watch(&is_child, &has_children), LC_OK);
    assert_int_equal(child_sees(&is_child), 1);
    lc_fork_unwatch();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(both_sides_learn_of_a_fork),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
