/* Clients of every kind, none of which holds up the others or the loop.  The clock is the test's. */
#include "base/test/support.h"

#include "ctl/server.h"
#include "os/fd.h"
#include "os/test/no_fds.h"

#include <errno.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

struct room {
    struct lc_loop loop;
    struct lc_ctl_server s;
    struct sockaddr_un addr;
    socklen_t addr_len;
    int answered;
    pid_t asked_by;
};

static bool answer(void *ctx, const struct lc_peer *peer, const struct lc_ctl_request *r,
                   struct lc_json *out)
{
    struct room *m = ctx;

    m->answered++;
    m->asked_by = peer->pid;
    if (r->nwords == 0)
        return lc_ctl_reply_fail(out, r, "empty") == LC_OK;
    lc_ctl_reply_begin(out, r);
    lc_json_open(out, '[');
    lc_json_str(out, r->words[0]);
    for (int i = 0; lc_str_eq(r->words[0], LC_STR("big")) && i < 400000; i++)
        lc_json_number(out, 123456789);
    lc_json_close(out, ']');
    return lc_ctl_reply_end(out, r) == LC_OK;
}

static void room_open(struct room *m)
{
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

    memset(m, 0, sizeof *m);
    m->addr.sun_family = AF_UNIX; /* no name: the system gives an abstract one */
    assert_int_equal(bind(fd, (struct sockaddr *)&m->addr, sizeof(sa_family_t)), 0);
    m->addr_len = sizeof m->addr;
    assert_int_equal(getsockname(fd, (struct sockaddr *)&m->addr, &m->addr_len), 0);
    assert_int_equal(listen(fd, 64), 0);
    assert_int_equal(lc_loop_open(&m->loop, NULL), LC_OK);
    m->loop.is_clock_told = true;
    assert_int_equal(lc_ctl_server_open(&m->s, &m->loop, fd, answer, m), LC_OK);
}

static void room_close(struct room *m)
{
    lc_ctl_server_close(&m->s);
    lc_loop_close(&m->loop);
}

static void turns(struct room *m, int n)
{
    while (n-- > 0)
        lc_loop_step(&m->loop, 0);
}

static void pass(struct room *m, uint64_t ms)
{
    m->loop.now_ms += ms;
    turns(m, 2);
}

static int join(struct room *m)
{
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

    assert_int_equal(connect(fd, (struct sockaddr *)&m->addr, m->addr_len), 0);
    turns(m, 1);
    return fd;
}

static size_t frame(char to[256], const char *command)
{
    int n = snprintf(to + LC_CTL_HEAD, 256 - LC_CTL_HEAD, "{\"id\":1,\"command\":\"%s\"}", command);

    lc_ctl_frame_head(to, (uint32_t)n);
    return (size_t)n + LC_CTL_HEAD;
}

static void ask(int fd, const char *command)
{
    char bytes[256];
    size_t n = frame(bytes, command);

    assert_int_equal(write(fd, bytes, n), n);
}

/* What there is to read: a whole reply's text, "" for none, NULL for the end. */
static const char *heard(int fd)
{
    static char text[512];
    ssize_t n = read(fd, text, LC_CTL_HEAD);
    size_t len;

    if (n == 0 || (n < 0 && errno == ECONNRESET))
        return NULL;
    if (n < 0)
        return "";
    assert_int_equal(n, LC_CTL_HEAD);
    len = (size_t)(unsigned char)text[2] << 8 | (unsigned char)text[3];
    assert_true(len < sizeof text);
    assert_int_equal(read(fd, text, len), len);
    text[len] = '\0';
    return text;
}

static void expect_answer(int fd, const char *word)
{
    char text[128];

    snprintf(text, sizeof text, "{\"id\":1,\"status\":\"ok\",\"data\":[\"%s\"]}", word);
    assert_string_equal(heard(fd), text);
}

static void a_request_in_single_bytes_is_answered_once(void **state)
{
    struct room m;
    char bytes[256];
    size_t n = frame(bytes, "one");
    int fd;

    (void)state;
    room_open(&m);
    fd = join(&m);
    for (size_t i = 0; i < n; i++) {
        assert_string_equal(heard(fd), "");
        assert_int_equal(write(fd, bytes + i, 1), 1);
        turns(&m, 1);
    }
    expect_answer(fd, "one");
    assert_int_equal(m.answered, 1);
    assert_int_equal(m.asked_by, getpid());
    ask(fd, "");
    turns(&m, 1);
    assert_string_equal(heard(fd), "{\"id\":1,\"status\":\"error\",\"error\":\"empty\"}");
    close(fd);
    turns(&m, 1);
    assert_int_equal(m.s.nclients, 0);
    room_close(&m);
}

static void requests_sent_ahead_are_answered_in_order_one_in_a_turn(void **state)
{
    struct room m;
    int fd;

    (void)state;
    room_open(&m);
    fd = join(&m);
    ask(fd, "a");
    ask(fd, "b");
    ask(fd, "c");
    for (int i = 1; i <= 3; i++) {
        turns(&m, 1);
        assert_int_equal(m.answered, i);
    }
    expect_answer(fd, "a");
    expect_answer(fd, "b");
    expect_answer(fd, "c");
    assert_string_equal(heard(fd), "");
    close(fd);
    room_close(&m);
}

static void who_ends_after_asking_gets_what_was_asked_for(void **state)
{
    struct room m;
    int fd;

    (void)state;
    room_open(&m);
    fd = join(&m);
    ask(fd, "a");
    ask(fd, "b");
    assert_int_equal(shutdown(fd, SHUT_WR), 0);
    turns(&m, 4);
    expect_answer(fd, "a");
    expect_answer(fd, "b");
    assert_null(heard(fd));
    assert_int_equal(m.s.nclients, 0);
    close(fd);
    room_close(&m);
}

static void one_that_does_not_read_holds_up_nobody_and_is_dropped(void **state)
{
    struct room m;
    int deaf, other;

    (void)state;
    room_open(&m);
    deaf = join(&m);
    ask(deaf, "big");
    ask(deaf, "more");
    turns(&m, 5);
    other = join(&m);
    ask(other, "me");
    turns(&m, 1);
    expect_answer(other, "me");
    assert_int_equal(m.answered, 2); /* its second request waits until the first answer has left */
    pass(&m, LC_CTL_STALL_MS - 1000);
    assert_int_equal(m.s.nclients, 2);
    pass(&m, 2000);
    assert_int_equal(m.s.nclients, 1);
    ask(other, "still");
    turns(&m, 1);
    expect_answer(other, "still");
    close(deaf);
    close(other);
    room_close(&m);
}

static void a_long_answer_comes_whole_to_who_reads(void **state)
{
    struct room m;
    static char bytes[65536];
    size_t got = 0;
    ssize_t n;
    int fd;

    (void)state;
    room_open(&m);
    fd = join(&m);
    ask(fd, "big");
    ask(fd, "next");
    while (m.answered < 2) {
        turns(&m, 1);
        n = read(fd, bytes, sizeof bytes);
        got += n > 0 ? (size_t)n : 0;
    }
    turns(&m, 1);
    while ((n = read(fd, bytes, sizeof bytes)) > 0)
        got += (size_t)n;
    assert_true(got > 4000000);
    assert_int_equal(m.s.nclients, 1);
    close(fd);
    room_close(&m);
}

static void silence_ends(void **state)
{
    struct room m;
    int idle, half;

    (void)state;
    room_open(&m);
    idle = join(&m);
    half = join(&m);
    assert_int_equal(write(half, "\0\0", 2), 2);
    turns(&m, 1);
    pass(&m, LC_CTL_STALL_MS + 1000);
    assert_null(heard(half));
    pass(&m, LC_CTL_IDLE_MS - LC_CTL_STALL_MS - 5000);
    assert_string_equal(heard(idle), "");
    ask(idle, "x");
    turns(&m, 1);
    expect_answer(idle, "x");
    pass(&m, LC_CTL_IDLE_MS - 1000);
    assert_string_equal(heard(idle), "");
    pass(&m, 2000);
    assert_null(heard(idle));
    close(idle);
    close(half);
    room_close(&m);
}

static void when_all_places_are_taken_the_most_silent_goes(void **state)
{
    struct room m;
    int fds[LC_CTL_CONNS_MAX + 1];

    (void)state;
    room_open(&m);
    for (int i = 0; i < LC_CTL_CONNS_MAX; i++)
        fds[i] = join(&m);
    ask(fds[0], "x");
    turns(&m, 1);
    expect_answer(fds[0], "x");
    fds[LC_CTL_CONNS_MAX] = join(&m);
    assert_int_equal(m.s.nclients, LC_CTL_CONNS_MAX);
    assert_null(heard(fds[1]));
    assert_string_equal(heard(fds[0]), "");
    ask(fds[LC_CTL_CONNS_MAX], "y");
    turns(&m, 1);
    expect_answer(fds[LC_CTL_CONNS_MAX], "y");
    for (int i = 0; i <= LC_CTL_CONNS_MAX; i++)
        close(fds[i]);
    room_close(&m);
}

static void broken_requests_are_told_and_end_it(void **state)
{
    static const struct {
        const char *bytes;
        size_t n;
        const char *error;
    } cases[] = {
        {"\xff\xff\xff\xff", 4, "The request is too long"},
        {"\0\0\x20\x01...", 7, "The request is too long"},
        {"\0\0\0\2[]", 6, "Not a request: JSON with a command is expected"},
        {"\0\0\0\0", 4, "Not a request: JSON with a command is expected"},
        {"GET / HTTP/1.1\r\n\r\n", 18, "The request is too long"},
    };
    struct room m;

    (void)state;
    room_open(&m);
    for (size_t i = 0; i < LC_ARRAY_LEN(cases); i++) {
        int fd = join(&m);
        char text[128];

        assert_int_equal(write(fd, cases[i].bytes, cases[i].n), cases[i].n);
        turns(&m, 2);
        snprintf(text, sizeof text, "{\"id\":0,\"status\":\"error\",\"error\":\"%s\"}",
                 cases[i].error);
        assert_string_equal(heard(fd), text);
        assert_null(heard(fd));
        close(fd);
    }
    assert_int_equal(m.answered, 0);
    room_close(&m);
}

static void a_command_that_cannot_be_split_does_not_end_it(void **state)
{
    struct room m;
    int fd;

    (void)state;
    room_open(&m);
    fd = join(&m);
    ask(fd, "show 'x");
    ask(fd, "fine");
    turns(&m, 2);
    assert_string_equal(heard(fd),
                        "{\"id\":1,\"status\":\"error\",\"error\":\"Invalid argument: No "
                        "closing quotation\"}");
    expect_answer(fd, "fine");
    close(fd);
    room_close(&m);
}

static void a_child_lets_go_without_a_word_to_the_clients(void **state)
{
    struct room m;
    int fd, status;
    pid_t pid;

    (void)state;
    room_open(&m);
    fd = join(&m);
    pid = fork();
    if (pid == 0) {
        lc_ctl_server_abandon(&m.s);
        _exit(m.s.watch.fd == -1 ? 0 : 1);
    }
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_int_equal(status, 0);
    ask(fd, "x");
    turns(&m, 1);
    expect_answer(fd, "x");
    close(fd);
    room_close(&m);
}

static void without_descriptors_it_rests_and_comes_back(void **state)
{
    struct room m;
    int waiting;

    (void)state;
    room_open(&m);
    waiting = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    assert_int_equal(connect(waiting, (struct sockaddr *)&m.addr, m.addr_len), 0);
    WITHOUT_FDS(turns(&m, 1));
    assert_int_equal(m.s.nclients, 0);
    assert_int_equal(m.s.watch.events, 0); /* it is not told again in every turn */
    pass(&m, 1100);
    turns(&m, 1);
    assert_int_equal(m.s.nclients, 1);
    close(waiting);
    room_close(&m);
}

static int ask_as_nobody(struct room *m)
{
    char bytes[256];
    int fd = socket(AF_UNIX, SOCK_STREAM, 0);

    if (setgid(65534) != 0 || setuid(65534) != 0)
        return 77;
    if (connect(fd, (struct sockaddr *)&m->addr, m->addr_len) != 0)
        return 1;
    (void)!send(fd, bytes, frame(bytes, "x"), MSG_NOSIGNAL);
    return read(fd, bytes, sizeof bytes) > 0 ? 10 : 20;
}

static int other_user(struct room *m)
{
    pid_t pid = fork();
    int status;

    if (pid == 0) {
        alarm(20);
        _exit(ask_as_nobody(m));
    }
    while (waitpid(pid, &status, WNOHANG) == 0)
        lc_loop_step(&m->loop, 5);
    return WEXITSTATUS(status);
}

static void another_user_is_served_only_where_the_file_lets_him_in(void **state)
{
    struct room m;

    (void)state;
    if (geteuid() != 0)
        skip();
    room_open(&m);
    assert_int_equal(other_user(&m), 20);
    assert_int_equal(m.answered, 0);
    m.s.is_shared = true;
    assert_int_equal(other_user(&m), 10);
    room_close(&m);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_request_in_single_bytes_is_answered_once),
        cmocka_unit_test(requests_sent_ahead_are_answered_in_order_one_in_a_turn),
        cmocka_unit_test(who_ends_after_asking_gets_what_was_asked_for),
        cmocka_unit_test(one_that_does_not_read_holds_up_nobody_and_is_dropped),
        cmocka_unit_test(a_long_answer_comes_whole_to_who_reads),
        cmocka_unit_test(silence_ends),
        cmocka_unit_test(when_all_places_are_taken_the_most_silent_goes),
        cmocka_unit_test(broken_requests_are_told_and_end_it),
        cmocka_unit_test(a_command_that_cannot_be_split_does_not_end_it),
        cmocka_unit_test(a_child_lets_go_without_a_word_to_the_clients),
        cmocka_unit_test(without_descriptors_it_rests_and_comes_back),
        cmocka_unit_test(another_user_is_served_only_where_the_file_lets_him_in),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
