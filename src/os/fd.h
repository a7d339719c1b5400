/* os/fd.h - what holds for any descriptor. */
#ifndef LC_OS_FD_H
#define LC_OS_FD_H

#include "base/base.h"

/* Closes *fd unless it is -1, and sets it to -1. */
void lc_fd_close(int *fd);
/* Close-on-exec and non-blocking, for systems that do not make descriptors so. */
void lc_fd_make_own(int fd);
/* A pipe, close-on-exec and non-blocking at both ends; [0] reads.  LC_ENOFD, LC_EIO. */
LC_MUST_USE enum lc_rc lc_fd_pipe(int fds[2]);
LC_MUST_USE enum lc_rc lc_fd_set_nonblock(int fd, bool is_nonblocking);

enum lc_fd_kind { LC_FD_FILE, LC_FD_PIPE, LC_FD_SOCKET, LC_FD_OTHER };

/* LC_EIO: fd is not open. */
LC_MUST_USE enum lc_rc lc_fd_kind(int fd, enum lc_fd_kind *kind);
/* Opens what fd is open on once more, for writing, non-blocking and close-on-exec: the mode of a descriptor that was
 * inherited is everybody's who shares it, this one's is ours.  LC_EUNSUP: the system cannot, or does not permit it. */
LC_MUST_USE enum lc_rc lc_fd_reopen(int fd, int *fresh);
/* n > 0.  LC_OK: *done bytes went, perhaps fewer.  Otherwise none: LC_AGAIN, LC_CLOSED (a pipe that nobody reads;
 * SIGPIPE must be ignored), LC_ENOSPC, LC_EIO.  May block if fd does. */
LC_MUST_USE enum lc_rc lc_fd_write(int fd, const void *p, size_t n, size_t *done);
/* Waits until fd can be written to, or up to max_ms. */
void lc_fd_await_room(int fd, int max_ms);

#endif
