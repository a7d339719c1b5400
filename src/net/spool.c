/* net/spool.c - see spool.h.   Runs in: worker, owner of the engine. */
#include "net/spool.h"

#include "os/fs.h"
#include "os/sock.h"

#include <stdio.h>

/* What sendfile has passed may still lie in the socket by reference, so disk is given back far behind the reader: more
 * than any socket buffers. */
#define BEHIND ((int64_t)32 << 20)
#define STEP   ((int64_t)16 << 20)

void lc_spool_init(struct lc_spool *s)
{
    *s = (struct lc_spool){.fd = -1};
}

void lc_spool_close(struct lc_spool *s)
{
    if (s->fd >= 0)
        lc_fd_close(&s->fd);
    s->read_at = s->write_at = s->forgotten = 0;
}

/* A folder that is missing, read-only or broken is no disk: LC_EIO would read as a client's reset further up. */
static enum lc_rc no_disk(enum lc_rc rc)
{
    return rc == LC_EIO ? LC_ENOSPC : rc;
}

enum lc_rc lc_spool_append(struct lc_spool *s, const char *dir, const char *p, size_t n)
{
    enum lc_rc rc;

    if (s->fd < 0 && (rc = lc_tmpfile_open(dir ? dir : P_tmpdir, &s->fd)) != LC_OK)
        return no_disk(rc);
    if ((rc = lc_pwrite_all(s->fd, p, n, s->write_at)) != LC_OK)
        return no_disk(rc);
    s->write_at += (int64_t)n;
    return LC_OK;
}

enum lc_rc lc_spool_take(struct lc_spool *s, char *dst, size_t cap, size_t *got)
{
    size_t n = (size_t)LC_MIN((int64_t)cap, lc_spool_here(s));

    *got = 0;
    if (n == 0)
        return LC_OK;
    if (lc_pread_some(s->fd, dst, n, s->read_at, got) != LC_OK || *got == 0)
        return LC_EIO;
    lc_spool_passed(s, s->read_at + (int64_t)*got);
    return LC_OK;
}

void lc_spool_passed(struct lc_spool *s, int64_t at)
{
    s->read_at = at;
    if (at - BEHIND - s->forgotten < STEP)
        return;
    lc_file_forget(s->fd, s->forgotten, s->forgotten + STEP);
    s->forgotten += STEP;
}

void lc_file_drop(int fd)
{
    lc_fd_close(&fd);
}
