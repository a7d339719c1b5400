/* net/spool.h - an unlinked file that takes what memory should not: written at one end, read at the other. */
#ifndef LC_NET_SPOOL_H
#define LC_NET_SPOOL_H

#include "base/base.h"

struct lc_spool {
    int fd; /* -1 until the first byte */
    int64_t read_at, write_at;
    int64_t forgotten; /* the disk before this was given back */
};

void lc_spool_init(struct lc_spool *s);
void lc_spool_close(struct lc_spool *s);

static inline int64_t lc_spool_here(const struct lc_spool *s)
{
    return s->write_at - s->read_at;
}

/* Opens the file in dir (NULL: the system's place) at the first call.  LC_ENOSPC (also for a folder that
 * cannot be used), LC_ENOFD; what was written
 * before stays good. */
LC_MUST_USE enum lc_rc lc_spool_append(struct lc_spool *s, const char *dir, const char *p,
                                       size_t n);
/* LC_OK with *got == 0: it holds nothing more. */
LC_MUST_USE enum lc_rc lc_spool_take(struct lc_spool *s, char *dst, size_t cap, size_t *got);

/* All before `at` was read by other means (sendfile). */
void lc_spool_passed(struct lc_spool *s, int64_t at);

/* Closes a descriptor that was handed over and found no use. */
void lc_file_drop(int fd);

#endif
