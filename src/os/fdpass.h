/* os/fdpass.h - messages with descriptors, between processes of one machine.
 *
 * A pair of unix sockets carries whole messages in order.  Several processes may send into it and several take from it,
 * for both ends are inherited; each message is taken once. */
#ifndef LC_OS_FDPASS_H
#define LC_OS_FDPASS_H

#include "base/base.h"

#include <sys/uio.h>

#define LC_FDPASS_MAX 4 /* descriptors with one message */

/* Messages go in at [1] and come out at [0]; both close-on-exec and non-blocking.  LC_ENOFD, LC_EIO. */
LC_MUST_USE enum lc_rc lc_fdpass_pair(int fds[2]);

/* A message of at least one byte; descriptors are duplicated.  LC_AGAIN: too much waits; LC_ELIMIT: it is too long for a
 * message; LC_CLOSED: nobody can take it; LC_ENOMEM, LC_EIO.  Unless LC_OK nothing was sent. */
LC_MUST_USE enum lc_rc lc_fdpass_send(int fd, const struct iovec *v, int nv, const int *fds,
                                      int nfds);

/* Takes the next message, its descriptors close-on-exec.  LC_OK: *got bytes, *nfds descriptors.  LC_AGAIN: none waits.
 * LC_CLOSED: none waits, and none can come.  LC_EPROTO: it was longer than cap or had more than max descriptors, LC_ENOFD:
 * this process has no room for them; the message is gone then, and what came with it is closed. */
LC_MUST_USE enum lc_rc lc_fdpass_recv(int fd, void *p, size_t cap, size_t *got, int *fds, int max,
                                      int *nfds);

#endif
