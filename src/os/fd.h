/* os/fd.h - what holds for any descriptor. */
#ifndef LC_OS_FD_H
#define LC_OS_FD_H

#include "base/base.h"

/* Closes *fd unless it is -1, and sets it to -1. */
void lc_fd_close(int *fd);
/* A pipe, close-on-exec and non-blocking at both ends; [0] reads.  LC_ENOFD, LC_EIO. */
LC_MUST_USE enum lc_rc lc_fd_pipe(int fds[2]);
LC_MUST_USE enum lc_rc lc_fd_set_nonblock(int fd, bool is_nonblocking);

#endif
