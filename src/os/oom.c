/* os/oom.c - the control group's own count of processes ended for want of memory. */
#include "os/oom.h"

#include "base/str.h"
#include "os/fd.h"
#include "os/fs.h"

#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>

static enum lc_rc read_file(const char *path, char *out, size_t cap)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    size_t n = 0;
    enum lc_rc rc;

    if (fd == -1)
        return LC_EUNSUP;
    rc = lc_pread_some(fd, out, cap - 1, 0, &n);
    out[n] = '\0';
    lc_fd_close(&fd);
    return rc == LC_OK ? LC_OK : LC_EUNSUP;
}

enum lc_rc lc_oom_kills_in(const char *path, uint64_t *n)
{
    static const char word[] = "oom_kill ";
    char text[1024], *at = text;
    int64_t count;

    if (read_file(path, text, sizeof text) != LC_OK)
        return LC_EUNSUP;
    while (at && strncmp(at, word, sizeof word - 1) != 0)
        at = (at = strchr(at, '\n')) ? at + 1 : NULL;
    if (at == NULL)
        return LC_EUNSUP;
    at += sizeof word - 1;
    if (lc_str_to_i64(lc_str_of(at, strcspn(at, "\n")), &count) != LC_OK || count < 0)
        return LC_EUNSUP;
    *n = (uint64_t)count;
    return LC_OK;
}

/* A line of /proc/self/cgroup is "0::/path" in the second version, "N:memory:/path" in the first.  NULL: neither. */
static const char *group_path(char *line, const char *kind)
{
    char *first = strchr(line, ':'), *second = first ? strchr(first + 1, ':') : NULL;

    if (second == NULL)
        return NULL;
    *second = '\0';
    return strcmp(first + 1, kind) == 0 ? second + 1 : NULL;
}

static enum lc_rc kills_of(const char *kind, const char *root, const char *file, uint64_t *n)
{
    char groups[4096], path[PATH_MAX], *rest = groups, *line;

    if (read_file("/proc/self/cgroup", groups, sizeof groups) != LC_OK)
        return LC_EUNSUP;
    while ((line = strsep(&rest, "\n")) != NULL) {
        const char *group = group_path(line, kind);

        if (group == NULL)
            continue;
        if (snprintf(path, sizeof path, "%s%s/%s", root, group, file) < (int)sizeof path &&
            lc_oom_kills_in(path, n) == LC_OK)
            return LC_OK;
        /* Inside a container its own group is mounted as the root. */
        snprintf(path, sizeof path, "%s/%s", root, file);
        return lc_oom_kills_in(path, n);
    }
    return LC_EUNSUP;
}

enum lc_rc lc_oom_kills(uint64_t *n)
{
    if (kills_of("", "/sys/fs/cgroup", "memory.events", n) == LC_OK)
        return LC_OK;
    return kills_of("memory", "/sys/fs/cgroup/memory", "memory.oom_control", n);
}
