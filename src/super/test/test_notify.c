/* What a service manager hears of a master, by a manager of the test's own. */
#include "house.h"

#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>

struct manager {
    char path[64];
    int fd;
};

static void open_manager(struct manager *g)
{
    struct sockaddr_un addr = {.sun_family = AF_UNIX};
    struct timeval patience = {.tv_sec = 10};

    snprintf(g->path, sizeof g->path, "/tmp/lc-manager-%ld", (long)getpid());
    unlink(g->path);
    memcpy(addr.sun_path, g->path, strlen(g->path) + 1);
    g->fd = socket(AF_UNIX, SOCK_DGRAM, 0);
    assert_int_equal(bind(g->fd, (struct sockaddr *)&addr, sizeof addr), 0);
    setsockopt(g->fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
}

static void close_manager(struct manager *g)
{
    close(g->fd);
    unlink(g->path);
}

static const char *hear(struct manager *g)
{
    static char text[256];
    ssize_t n = recv(g->fd, text, sizeof text - 1, 0);

    assert_true(n > 0);
    text[n] = '\0';
    return text;
}

static void expect(struct manager *g, const char *begin)
{
    const char *text = hear(g);

    if (strncmp(text, begin, strlen(begin)) != 0)
        fail_msg("heard %s", text);
}

static void readiness_life_and_end_are_told(void **state)
{
    struct manager g;
    struct lc_master_conf conf = {.workers = 1, .graceful_ms = 200, .watchdog_ms = 60};
    struct house h;
    char text[64];

    (void)state;
    open_manager(&g);
    conf.notify_path = g.path;
    house_open_with(&h, WORK_WAITS, &conf, 0);
    expect(&g, "EXTEND_TIMEOUT_USEC=");
    snprintf(text, sizeof text, "READY=1\nSTATUS=Serving\nMAINPID=%ld", (long)h.master);
    expect(&g, text);
    expect(&g, "WATCHDOG=1");
    expect(&g, "WATCHDOG=1");
    tell_master(&h, SIGTERM);
    while (strcmp(hear(&g), "WATCHDOG=1") == 0) {
        /* until the last word */
    }
    assert_int_equal(house_end(&h), 0);
    close_manager(&g);
}

static void a_server_that_cannot_boot_is_never_ready(void **state)
{
    struct manager g;
    struct lc_master_conf conf = {.workers = 1, .graceful_ms = 200};
    struct house h;

    (void)state;
    open_manager(&g);
    conf.notify_path = g.path;
    house_open_with(&h, WORK_CANNOT_BOOT, &conf, 0);
    assert_int_equal(house_end(&h), LC_EXIT_BOOT);
    expect(&g, "EXTEND_TIMEOUT_USEC=");
    expect(&g, "STOPPING=1");
    close_manager(&g);
}

static void without_workers_it_is_ready_at_once(void **state)
{
    struct manager g;
    struct lc_master_conf conf = {.workers = 0, .graceful_ms = 200};
    struct house h;

    (void)state;
    open_manager(&g);
    conf.notify_path = g.path;
    house_open_with(&h, WORK_WAITS, &conf, 0);
    expect(&g, "READY=1");
    tell_master(&h, SIGTERM);
    expect(&g, "STOPPING=1");
    assert_int_equal(house_end(&h), 0);
    close_manager(&g);
}

static void a_manager_that_has_gone_is_warned_of_once(void **state)
{
    const struct lc_master_conf conf = {
        .workers = 1, .graceful_ms = 200, .watchdog_ms = 40, .notify_path = "/nosuch/manager"};
    struct house h;
    const char *first;

    (void)state;
    house_open_with(&h, WORK_WAITS, &conf, 0);
    await(&h, "say 30 The service manager at /nosuch/manager cannot be told (closed)");
    await_worker(&h, 0);
    usleep(150000);
    tell_master(&h, SIGTERM);
    assert_int_equal(house_end(&h), 0);
    first = strstr(h.text, "cannot be told");
    assert_non_null(first);
    assert_null(strstr(first + 1, "cannot be told"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(readiness_life_and_end_are_told),
        cmocka_unit_test(a_server_that_cannot_boot_is_never_ready),
        cmocka_unit_test(without_workers_it_is_ready_at_once),
        cmocka_unit_test(a_manager_that_has_gone_is_warned_of_once),
    };

    return cmocka_run_group_tests_name("notify", tests, NULL, NULL);
}
