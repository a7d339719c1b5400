/* A house that is steered through its control socket. */
#include "house.h"

#include "ctl/proto.h"
#include "os/fd.h"

#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>

struct desk {
    struct sockaddr_un addr;
    socklen_t len;
    char text[65536]; /* the last answer, whole */
};

static struct desk desk; /* its answer is too long for a stack that a sanitizer watches */

static void desk_open(struct house *h, enum work work, int workers, pid_t heir_of)
{
    struct lc_master_conf conf = {.workers = workers, .graceful_ms = 10000, .has_control = true};
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

    memset(&desk, 0, sizeof desk);
    desk.addr.sun_family = AF_UNIX;
    assert_int_equal(bind(fd, (struct sockaddr *)&desk.addr, sizeof(sa_family_t)), 0);
    desk.len = sizeof desk.addr;
    assert_int_equal(getsockname(fd, (struct sockaddr *)&desk.addr, &desk.len), 0);
    assert_int_equal(listen(fd, 16), 0);
    conf.control_fd = fd;
    conf.control_heir_of = heir_of;
    house_open_with(h, work, &conf, 0);
    close(fd);
}

static int join(void)
{
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

    assert_int_equal(connect(fd, (struct sockaddr *)&desk.addr, desk.len), 0);
    return fd;
}

static bool can_join(void)
{
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    bool is_joined = connect(fd, (struct sockaddr *)&desk.addr, desk.len) == 0;

    close(fd);
    return is_joined;
}

static void read_all(int fd, char *p, size_t n)
{
    while (n > 0) {
        ssize_t got = read(fd, p, n);

        assert_true(got > 0);
        p += got;
        n -= (size_t)got;
    }
}

static const char *ask_on(int fd, const char *command)
{
    char bytes[256], head[LC_CTL_HEAD];
    int n = snprintf(bytes + LC_CTL_HEAD, sizeof bytes - LC_CTL_HEAD,
                     "{\"id\":1,\"command\":\"%s\"}", command);
    uint32_t len = 0;

    lc_ctl_frame_head(bytes, (uint32_t)n);
    assert_int_equal(write(fd, bytes, (size_t)n + LC_CTL_HEAD), n + LC_CTL_HEAD);
    read_all(fd, head, sizeof head);
    for (size_t i = 0; i < LC_CTL_HEAD; i++)
        len = len << 8 | (unsigned char)head[i];
    assert_true(len < sizeof desk.text);
    read_all(fd, desk.text, len);
    desk.text[len] = '\0';
    return desk.text;
}

static const char *ask(const char *command)
{
    int fd = join();

    ask_on(fd, command);
    close(fd);
    return desk.text;
}

static void expect(const char *command, const char *words)
{
    if (strstr(ask(command), words) == NULL)
        fail_msg("%s: no %s in %s", command, words, desk.text);
}

static void workers_are_added_removed_and_replaced(void **state)
{
    struct house h;
    char words[64];
    pid_t pid;

    (void)state;
    desk_open(&h, WORK_WAITS, 1, 0);
    await_worker(&h, 0);
    expect("worker add 2", "\"data\":{\"added\":2,\"previous\":1,\"total\":3}");
    pid = await_worker(&h, 2);
    expect("worker remove", "\"data\":{\"removed\":1,\"previous\":3,\"total\":2}");
    snprintf(words, sizeof words, "worker kill %ld", (long)pid);
    expect(words, "\"success\":true,\"killed\":");
    snprintf(words, sizeof words, "signal 15 %ld", (long)pid);
    look_again(&h);
    await(&h, words);
    await_worker(&h, 2); /* another in its place */
    expect("worker kill 1", "{\"success\":false,\"error\":\"Worker 1 not found\"}");
    expect("worker kill -5", "{\"success\":false,\"error\":\"Worker -5 not found\"}");
    expect("worker remove 99", "\"data\":{\"removed\":1,\"previous\":2,\"total\":1}");
    expect("worker remove", "\"data\":{\"removed\":0,\"previous\":1,\"total\":1}");
    tell_master(&h, SIGTERM);
    assert_int_equal(house_end(&h), 0);
    assert_non_null(strstr(h.text, "say 20 Control socket: worker add 2 (asked by pid "));
}

static void orders_that_are_signals_go_the_signals_way(void **state)
{
    struct house h;

    (void)state;
    desk_open(&h, WORK_WAITS, 1, 0);
    await_worker(&h, 0);
    expect("reopen", "\"data\":{\"status\":\"reopening\"}");
    await(&h, "Handling signal: usr1");
    await(&h, "reopen ");
    expect("reload", "\"data\":{\"status\":\"reloading\"}");
    await(&h, "Handling signal: hup");
    expect("show stats", "\"reloads\":1");
    expect("shutdown", "\"data\":{\"status\":\"shutting_down\",\"mode\":\"graceful\"}");
    await(&h, "Handling signal: term");
    assert_int_equal(house_end(&h), 0);
}

static void shutdown_quick_is_quick(void **state)
{
    struct house h;

    (void)state;
    desk_open(&h, WORK_WAITS, 1, 0);
    await_worker(&h, 0);
    expect("shutdown quick", "\"mode\":\"quick\"");
    await(&h, "signal 3 ");
    assert_int_equal(house_end(&h), 0);
}

static void every_question_has_an_answer(void **state)
{
    struct house h;

    (void)state;
    desk_open(&h, WORK_WAITS, 1, 0);
    await_worker(&h, 0);
    expect("help", "\"worker kill <PID>\":\"");
    expect("show all", "\"web_worker_count\":1,\"dirty_arbiter\":null");
    expect("show workers", "\"booted\":true,\"aborted\":false");
    expect("show stats", "\"workers_spawned\":1");
    expect("show dirty", "{\"enabled\":false,\"pid\":null,\"workers\":[],\"apps\":[]}");
    expect("show requests", "{\"requests\":[],\"count\":0}");
    expect("show config", "\"data\":\"config\"}");
    expect("show listeners", "\"data\":\"listeners\"}");
    expect("dirty add", "{\"success\":false,\"error\":\"Dirty arbiter not running\"}");
    expect("bogus", "\"status\":\"error\",\"error\":\"Invalid argument: Unknown command: bogus\"}");
    tell_master(&h, SIGTERM);
    assert_int_equal(house_end(&h), 0);
    assert_null(strstr(h.text, "Control socket: show")); /* who only looks is not told of */
}

/* A worker that held a copy would keep clients from seeing that the master has gone. */
static void no_worker_keeps_the_socket_or_a_client(void **state)
{
    struct house h;
    char byte;
    int fd;

    (void)state;
    desk_open(&h, WORK_IS_STUBBORN, 1, 0);
    await_worker(&h, 0);
    fd = join();
    ask_on(fd, "worker add");
    await_worker(&h, 1);
    assert_int_equal(kill(h.master, SIGKILL), 0);
    assert_int_equal(read(fd, &byte, 1), 0);
    close(fd);
    for (int i = 0; i < 5000 && can_join(); i++) /* the system closes in an order of its own */
        usleep(1000);
    assert_false(can_join());
    look_again(&h);
    assert_int_equal(kill(await_worker(&h, 0), SIGKILL), 0);
    assert_int_equal(kill(await_worker(&h, 1), SIGKILL), 0);
    close(h.in);
}

static void a_client_that_never_reads_holds_up_nothing(void **state)
{
    struct house h;
    char request[64];
    int fd, n = snprintf(request + 4, sizeof request - 4, "{\"command\":\"help\"}");

    (void)state;
    desk_open(&h, WORK_WAITS, 1, 0);
    await_worker(&h, 0);
    fd = join();
    lc_ctl_frame_head(request, (uint32_t)n);
    for (int i = 0; i < 2000; i++) /* until its answers fill every buffer, and its requests too */
        (void)!send(fd, request, (size_t)n + 4, MSG_DONTWAIT | MSG_NOSIGNAL);
    expect("worker add", "\"total\":2");
    await_worker(&h, 1);
    tell_master(&h, SIGTERM);
    assert_int_equal(house_end(&h), 0);
    close(fd);
}

static void the_heir_asks_for_the_name_until_it_is_free(void **state)
{
    struct house h;

    (void)state;
    desk_open(&h, WORK_WAITS, 1, 1); /* whose parent process 1 is no more, if it ever was */
    h.inherits = 0;
    await(&h, "inherit ");
    tell_master(&h, SIGTERM);
    assert_int_equal(house_end(&h), 0);
    assert_null(strstr(h.text + h.at, "inherit "));
}

static void there_is_nothing_to_inherit_while_the_parent_lives(void **state)
{
    struct house h;

    (void)state;
    desk_open(&h, WORK_WAITS, 1, getpid());
    await_worker(&h, 0);
    usleep(1200000); /* longer than the heir waits between two looks */
    tell_master(&h, SIGTERM);
    assert_int_equal(house_end(&h), 0);
    assert_null(strstr(h.text, "inherit "));
}

#define EACH(name) cmocka_unit_test(name)

int main(void)
{
    const struct CMUnitTest tests[] = {
        EACH(workers_are_added_removed_and_replaced),
        EACH(orders_that_are_signals_go_the_signals_way),
        EACH(shutdown_quick_is_quick),
        EACH(every_question_has_an_answer),
        EACH(no_worker_keeps_the_socket_or_a_client),
        EACH(a_client_that_never_reads_holds_up_nothing),
        EACH(the_heir_asks_for_the_name_until_it_is_free),
        EACH(there_is_nothing_to_inherit_while_the_parent_lives),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
