/* os/peer.h - who is at the other end of a unix socket, by the kernel's word. */
#ifndef LC_OS_PEER_H
#define LC_OS_PEER_H

#include "base/base.h"

#include <sys/types.h>

struct lc_peer {
    pid_t pid; /* 0: this system does not tell */
    uid_t uid;
    gid_t gid;
};

/* As they were when it connected.  LC_EIO: fd is no connection on this machine. */
LC_MUST_USE enum lc_rc lc_peer_get(int fd, struct lc_peer *out);

#endif
