/* os/fs.c - temporary files that hold what memory should not.
 *
 * Why nameless: nothing is left behind by a crash, and nobody else can open a request's body. */
#include "os/fs.h"

#include "os/errno_int.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

/* Where the file system offers no nameless files: a name that lives for an instant. */
static enum lc_rc open_and_unlink(const char *dir, int *fd)
{
    char path[PATH_MAX];
    int n = snprintf(path, sizeof(path), "%s/licorne-XXXXXX", dir);

    if (n < 0 || (size_t)n >= sizeof(path))
        return LC_EIO;
    if ((*fd = mkostemp(path, O_CLOEXEC)) == -1)
        return lc_os_rc(errno);
    (void)unlink(path);
    return LC_OK;
}

enum lc_rc lc_tmpfile_open(const char *dir, int *fd)
{
    *fd = -1;
#ifdef O_TMPFILE
    /* O_EXCL: not even we may give it a name later. */
    *fd = open(dir, O_TMPFILE | O_RDWR | O_EXCL | O_CLOEXEC, 0600);
    if (*fd != -1)
        return LC_OK;
    /* Kernels and file systems disagree on how to say no; only a true shortage is final. */
    if (errno == EMFILE || errno == ENFILE || errno == ENOSPC || errno == EDQUOT)
        return lc_os_rc(errno);
#endif
    return open_and_unlink(dir, fd);
}

enum lc_rc lc_pwrite_all(int fd, const void *p, size_t n, off_t off)
{
    const char *at = p;

    while (n != 0) {
        ssize_t wrote = pwrite(fd, at, n, off);
        if (wrote == -1 && errno == EINTR)
            continue;
        if (wrote == -1)
            return lc_os_rc(errno);
        if (wrote == 0)
            return LC_EIO; /* POSIX leaves it open; it must not become a spin */
        at += wrote;
        n -= (size_t)wrote;
        off += wrote;
    }
    return LC_OK;
}

void lc_file_forget(int fd, off_t from, off_t to)
{
#ifdef FALLOC_FL_PUNCH_HOLE
    int rc;

    do {
        rc = fallocate(fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, from, to - from);
    } while (rc == -1 && errno == EINTR);
#else
    (void)fd;
    (void)from;
    (void)to;
#endif
}

enum lc_rc lc_pread_some(int fd, void *p, size_t n, off_t off, size_t *got)
{
    ssize_t r;

    LC_CHECK(n != 0);
    *got = 0;
    do {
        r = pread(fd, p, n, off);
    } while (r == -1 && errno == EINTR);
    if (r == -1)
        return lc_os_rc(errno);
    *got = (size_t)r;
    return r != 0 ? LC_OK : LC_CLOSED;
}
