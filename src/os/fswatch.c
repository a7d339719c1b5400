/* os/fswatch.c - what happens to the files of some directories. */
#include "os/fswatch.h"

#ifdef __linux__
#    include "os/errno_int.h"

#    include <errno.h>
#    include <poll.h>
#    include <stdalign.h>
#    include <sys/inotify.h>
#    include <unistd.h>

/* IN_CLOSE_WRITE and not IN_MODIFY: a file is of interest when it is whole.  IN_ATTRIB: touch(1). */
#    define WHAT                                                                            \
        (IN_CLOSE_WRITE | IN_CREATE | IN_DELETE | IN_MOVED_FROM | IN_MOVED_TO | IN_ATTRIB | \
         IN_ONLYDIR)

enum lc_rc lc_fswatch_open(int *fd)
{
    *fd = inotify_init1(IN_CLOEXEC | IN_NONBLOCK);
    return *fd == -1 ? lc_os_rc(errno) : LC_OK;
}

enum lc_rc lc_fswatch_add(int fd, const char *dir, int *id)
{
    *id = inotify_add_watch(fd, dir, WHAT);
    if (*id != -1)
        return LC_OK;
    return errno == ENOENT || errno == ENOTDIR ? LC_CLOSED : lc_os_rc(errno);
}

static void tell(const char *at, const char *end, lc_fswatch_fn fn, void *ctx)
{
    while (at < end) {
        const struct inotify_event *event = (const void *)at;

        if (event->mask & IN_Q_OVERFLOW)
            fn(ctx, -1, "");
        else if (event->len > 0)
            fn(ctx, event->wd, event->name);
        at += sizeof *event + event->len;
    }
}

enum lc_rc lc_fswatch_wait(int fd, int timeout_ms, lc_fswatch_fn fn, void *ctx)
{
    alignas(struct inotify_event) char events[4096];
    struct pollfd p = {.fd = fd, .events = POLLIN};
    int n = poll(&p, 1, timeout_ms);
    ssize_t got;

    if (n <= 0)
        return n == 0 || errno == EINTR ? LC_AGAIN : lc_os_rc(errno);
    while ((got = read(fd, events, sizeof events)) > 0)
        tell(events, events + got, fn, ctx);
    return got == -1 && errno != EAGAIN && errno != EINTR ? lc_os_rc(errno) : LC_OK;
}
#else
enum lc_rc lc_fswatch_open(int *fd LC_UNUSED)
{
    return LC_EUNSUP;
}

enum lc_rc lc_fswatch_add(int fd LC_UNUSED, const char *dir LC_UNUSED, int *id LC_UNUSED)
{
    return LC_EUNSUP;
}

enum lc_rc lc_fswatch_wait(int fd LC_UNUSED, int timeout_ms LC_UNUSED, lc_fswatch_fn fn LC_UNUSED,
                           void *ctx LC_UNUSED)
{
    return LC_EUNSUP;
}
#endif
