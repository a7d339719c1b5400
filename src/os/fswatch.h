/* os/fswatch.h - what happens to the files of some directories (inotify).
 *
 * Directories are watched, not files: editors put a new file in the place of the old one. */
#ifndef LC_OS_FSWATCH_H
#define LC_OS_FSWATCH_H

#include "base/base.h"

/* `id` is the directory's, from lc_fswatch_add; -1 with an empty name: so much happened that some of it is lost. */
typedef void (*lc_fswatch_fn)(void *ctx, int id, const char *name);

/* *fd is for the other calls, and its owner closes it.  LC_EUNSUP: this system has no such thing. */
LC_MUST_USE enum lc_rc lc_fswatch_open(int *fd);
/* Files that are written, made, moved or removed in `dir` from now on.  A directory has one id, however often it is
 * added.  LC_CLOSED: there is no such directory.  LC_ENOSPC: the user's share of watches is used up. */
LC_MUST_USE enum lc_rc lc_fswatch_add(int fd, const char *dir, int *id);
/* Waits for something to happen, so long at most (-1: for ever), and tells all that did.  LC_AGAIN: nothing. */
LC_MUST_USE enum lc_rc lc_fswatch_wait(int fd, int timeout_ms, lc_fswatch_fn fn, void *ctx);

#endif
