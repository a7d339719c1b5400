/* os/peer.c - see peer.h. */
#include "os/peer.h"

#include <sys/socket.h>
#include <unistd.h>

#ifdef __linux__
enum lc_rc lc_peer_get(int fd, struct lc_peer *out)
{
    struct ucred cred;
    socklen_t n = sizeof cred;

    /* A socket of another family has an answer, too: nobody (uid -1). */
    if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &cred, &n) != 0 || cred.pid == 0)
        return LC_EIO;
    *out = (struct lc_peer){cred.pid, cred.uid, cred.gid};
    return LC_OK;
}
#else
enum lc_rc lc_peer_get(int fd, struct lc_peer *out)
{
    *out = (struct lc_peer){.pid = 0};
    return getpeereid(fd, &out->uid, &out->gid) == 0 ? LC_OK : LC_EIO;
}
#endif
