/* os/title.c - what ps shows of this process.
 *
 * The place is asked for at each call, so that nothing is kept: a process does this once or twice in its life. */
#include "os/title.h"

#ifdef __linux__
#    include "base/str.h"
#    include "os/fd.h"
#    include "os/fs.h"

#    include <fcntl.h>
#    include <string.h>

#    define ARG_START     48 /* proc(5); the first field is 1 */
#    define ARG_MAX_BYTES (4u << 20)

/* The field `wanted` of the words from number `n` on. */
static enum lc_rc field(const char *at, int n, int wanted, uint64_t *out)
{
    int64_t value;
    enum lc_rc rc;

    for (; n < wanted; n++) {
        if ((at = strchr(at, ' ')) == NULL)
            return LC_EUNSUP;
        at++;
    }
    if ((rc = lc_str_to_i64(lc_str_of(at, strcspn(at, " \n")), &value)) != LC_OK)
        return LC_EUNSUP;
    *out = (uint64_t)value;
    return LC_OK;
}

enum lc_rc lc_title_range(const char *stat, uint64_t *start, uint64_t *end)
{
    const char *at = strrchr(stat, ')'); /* the name before it may hold anything */

    if (at == NULL || at[1] != ' ')
        return LC_EUNSUP;
    if (field(at + 2, 3, ARG_START, start) != LC_OK ||
        field(at + 2, 3, ARG_START + 1, end) != LC_OK)
        return LC_EUNSUP;
    if (*start == 0 || *end <= *start || *end - *start > ARG_MAX_BYTES)
        return LC_EUNSUP;
    return LC_OK;
}

static enum lc_rc read_file(const char *path, char *text, size_t cap, size_t *n)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    enum lc_rc rc;

    *n = 0;
    if (fd == -1)
        return LC_EUNSUP;
    rc = lc_pread_some(fd, text, cap - 1, 0, n);
    lc_fd_close(&fd);
    text[*n] = '\0';
    return rc;
}

/* Who runs this program inside its own process, as valgrind does, shows it a command line that is not what lies there, and
 * reads that again later. */
static bool is_ours(const char *at, size_t room)
{
    char shown[256];
    size_t n;

    return read_file("/proc/self/cmdline", shown, sizeof shown, &n) == LC_OK &&
           memcmp(at, shown, LC_MIN(n, room)) == 0;
}

enum lc_rc lc_title_set(const char *title)
{
    char stat[1024];
    uint64_t start, end;
    size_t room, n;
    char *at;

    if (read_file("/proc/self/stat", stat, sizeof stat, &n) != LC_OK ||
        lc_title_range(stat, &start, &end) != LC_OK)
        return LC_EUNSUP;
    at = (char *)(uintptr_t)start;
    room = (size_t)(end - start);
    if (!is_ours(at, room))
        return LC_EUNSUP;
    /* The last byte stays NUL: any other tells the kernel that the text goes on in the environment. */
    n = LC_MIN(strlen(title), room - 1);
    memmove(at, title, n); /* the caller's text may be one of the arguments */
    memset(at + n, 0, room - n);
    return LC_OK;
}
#else
enum lc_rc lc_title_range(const char *stat LC_UNUSED, uint64_t *start LC_UNUSED,
                          uint64_t *end LC_UNUSED)
{
    return LC_EUNSUP;
}

enum lc_rc lc_title_set(const char *title LC_UNUSED)
{
    return LC_EUNSUP;
}
#endif
