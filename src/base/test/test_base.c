/* A broken invariant ends the process, loudly. */
#include "base/test/support.h"

#include "base/base.h"
#include "base/list.h"

#include <signal.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

struct thing {
    uint32_t magic;
    int value;
};

/* Runs fn in a child and returns its wait status; what it said on stderr goes to text. */
static int status_of(void (*fn)(void), char *text, size_t size)
{
    int fds[2], status;
    ssize_t n;
    size_t len = 0;
    pid_t pid;

    assert_int_equal(pipe(fds), 0);
    pid = fork();
    assert_true(pid >= 0);
    if (pid == 0) {
        signal(SIGABRT, SIG_DFL); /* cmocka caught it */
        dup2(fds[1], STDERR_FILENO);
        close(fds[0]);
        close(fds[1]);
        fn();
        _exit(0);
    }
    close(fds[1]);
    while (len < size - 1 && (n = read(fds[0], text + len, size - 1 - len)) > 0)
        len += (size_t)n;
    text[len] = '\0';
    close(fds[0]);
    assert_int_equal(waitpid(pid, &status, 0), pid);
    return status;
}

static void break_a_check(void)
{
    LC_CHECK(1 + 1 == 3);
}

static void break_a_magic(void)
{
    struct thing t = {.magic = LC_MAGIC_LOOP};

    LC_OBJ(&t, CONN);
}

static void pass_both(void)
{
    struct thing t = {.magic = LC_MAGIC_CONN};

    LC_OBJ(&t, CONN);
    LC_CHECK(t.value == 0);
}

static void aborts_and_says_what_and_where(void **state)
{
    char text[1024];
    int status = status_of(break_a_check, text, sizeof(text));

    (void)state;
    assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT);
    assert_non_null(strstr(text, "check failed: 1 + 1 == 3"));
    assert_non_null(strstr(text, "test_base.c:"));
}

static void aborts_on_the_wrong_kind_of_object(void **state)
{
    char text[1024];
    int status = status_of(break_a_magic, text, sizeof(text));

    (void)state;
    assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT);
}

static void stays_silent_while_all_is_well(void **state)
{
    char text[1024];
    int status = status_of(pass_both, text, sizeof(text));

    (void)state;
    assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 0);
    assert_string_equal(text, "");
}

struct item {
    int n;
    struct lc_list link;
};

static void list_keeps_order_and_forgives_a_second_removal(void **state)
{
    struct lc_list head;
    struct item items[3] = {{.n = 0}, {.n = 1}, {.n = 2}};

    (void)state;
    lc_list_init(&head);
    assert_null(LC_LIST_FIRST(&head, struct item, link));
    for (size_t i = 0; i < LC_ARRAY_LEN(items); i++)
        lc_list_append(&head, &items[i].link);
    lc_list_remove(&items[1].link);
    lc_list_remove(&items[1].link);
    assert_ptr_equal(LC_LIST_FIRST(&head, struct item, link), &items[0]);
    lc_list_remove(&items[0].link);
    assert_ptr_equal(LC_LIST_FIRST(&head, struct item, link), &items[2]);
    lc_list_remove(&items[2].link);
    assert_true(lc_list_is_empty(&head));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(aborts_and_says_what_and_where),
        cmocka_unit_test(aborts_on_the_wrong_kind_of_object),
        cmocka_unit_test(stays_silent_while_all_is_well),
        cmocka_unit_test(list_keeps_order_and_forgives_a_second_removal),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
