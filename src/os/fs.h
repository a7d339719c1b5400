/* os/fs.h - temporary files that hold what memory should not. */
#ifndef LC_OS_FS_H
#define LC_OS_FS_H

#include "base/base.h"
#include "os/fd.h"

#include <sys/types.h>

/* A nameless file in dir, for reading and writing, close-on-exec; gone when closed, even by a
 * crash. LC_ENOSPC, LC_ENOFD, LC_ENOMEM, LC_EIO (no such directory, not writable). */
LC_MUST_USE enum lc_rc lc_tmpfile_open(const char *dir, int *fd);

/* Writes all n bytes at off.  LC_ENOSPC (disk, quota or file size limit), LC_EIO; then any part may
 * have been written. */
LC_MUST_USE enum lc_rc lc_pwrite_all(int fd, const void *p, size_t n, off_t off);
/* n > 0.  LC_OK: *got > 0, perhaps fewer than n.  Otherwise *got is 0: LC_CLOSED (end of file),
 * LC_EIO. */
LC_MUST_USE enum lc_rc lc_pread_some(int fd, void *p, size_t n, off_t off, size_t *got);

/* The bytes of [from, to) are needed no more: their disk is given back where the file system can.  The file's length and
 * all other bytes stay. */
void lc_file_forget(int fd, off_t from, off_t to);

#endif
