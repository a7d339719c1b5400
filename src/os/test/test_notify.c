/* Words to the service manager, heard by a manager of the test's own. */
#include "base/test/support.h"

#include "os/notify.h"

#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

static int listen_at(const char *path, size_t n)
{
    struct sockaddr_un addr = {.sun_family = AF_UNIX};
    int fd = socket(AF_UNIX, SOCK_DGRAM, 0);

    memcpy(addr.sun_path, path, n);
    assert_int_equal(
        bind(fd, (struct sockaddr *)&addr, (socklen_t)(offsetof(struct sockaddr_un, sun_path) + n)),
        0);
    return fd;
}

static void hear(int fd, const char *expected)
{
    char text[128];
    ssize_t n = recv(fd, text, sizeof text - 1, MSG_DONTWAIT);

    assert_true(n >= 0);
    text[n] = '\0';
    assert_string_equal(text, expected);
}

static void one_message_is_one_datagram(void **state)
{
    char dir[] = "/tmp/lc-notify-XXXXXX", path[64];
    int fd;

    (void)state;
    assert_non_null(mkdtemp(dir));
    snprintf(path, sizeof path, "%s/socket", dir);
    assert_int_equal(lc_notify_send(path, "READY=1"), LC_CLOSED);
    fd = listen_at(path, strlen(path));
    assert_int_equal(lc_notify_send(path, "READY=1\nSTATUS=fine"), LC_OK);
    assert_int_equal(lc_notify_send(path, "STOPPING=1"), LC_OK);
    hear(fd, "READY=1\nSTATUS=fine");
    hear(fd, "STOPPING=1");
    close(fd);
    assert_int_equal(lc_notify_send(path, "READY=1"), LC_CLOSED);
    unlink(path);
    rmdir(dir);
}

#ifdef __linux__
static void a_name_without_a_file(void **state)
{
    char name[64];
    int fd, n;

    (void)state;
    n = snprintf(name, sizeof name, "@lc-notify-%ld", (long)getpid());
    name[0] = '\0';
    fd = listen_at(name, (size_t)n);
    name[0] = '@';
    assert_int_equal(lc_notify_send(name, "READY=1"), LC_OK);
    hear(fd, "READY=1");
    close(fd);
}

static void a_full_queue_is_not_waited_for(void **state)
{
    char name[64];
    enum lc_rc rc = LC_OK;
    int fd, n;

    (void)state;
    n = snprintf(name, sizeof name, "@lc-full-%ld", (long)getpid());
    name[0] = '\0';
    fd = listen_at(name, (size_t)n);
    name[0] = '@';
    for (int i = 0; i < 100000 && rc == LC_OK; i++)
        rc = lc_notify_send(name, "WATCHDOG=1");
    assert_int_equal(rc, LC_AGAIN);
    close(fd);
}
#endif

static void other_addresses_are_refused(void **state)
{
    char longest[200];

    (void)state;
    memset(longest, 'x', sizeof longest);
    longest[0] = '/';
    longest[sizeof longest - 1] = '\0';
    assert_int_equal(lc_notify_send("", "x"), LC_EUNSUP);
    assert_int_equal(lc_notify_send("@", "x"), LC_EUNSUP);
    assert_int_equal(lc_notify_send("relative", "x"), LC_EUNSUP);
    assert_int_equal(lc_notify_send("vsock:2:1", "x"), LC_EUNSUP);
    assert_int_equal(lc_notify_send(longest, "x"), LC_EUNSUP);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(one_message_is_one_datagram),
#ifdef __linux__
        cmocka_unit_test(a_name_without_a_file),
        cmocka_unit_test(a_full_queue_is_not_waited_for),
#endif
        cmocka_unit_test(other_addresses_are_refused),
    };

    return cmocka_run_group_tests_name("notify", tests, NULL, NULL);
}
