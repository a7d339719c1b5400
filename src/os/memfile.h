/* os/memfile.h - a nameless file in memory: what a process wrote into it can be read by another one after its death. */
#ifndef LC_OS_MEMFILE_H
#define LC_OS_MEMFILE_H

#include "base/base.h"
#include "os/fd.h"

/* For reading and writing, close-on-exec; every write goes to the end, whoever makes it.  LC_ENOFD, LC_ENOMEM, LC_EIO. */
LC_MUST_USE enum lc_rc lc_memfile_open(int *fd);
/* Its memory is given back; the next write is the first. */
void lc_memfile_clear(int fd);
size_t lc_memfile_size(int fd);
/* The last bytes of it, at most cap.  Returns how many. */
size_t lc_memfile_tail(int fd, char *out, size_t cap);

#endif
