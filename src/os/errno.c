/* os/errno.c - errno becomes a result code here, and goes no further up.
 *
 * One table for the room: a switch, since EAGAIN and EWOULDBLOCK may be one number or two. */
#include "os/errno_int.h"

#include <errno.h>

enum lc_rc lc_os_rc(int error)
{
    if (error == EAGAIN || error == EWOULDBLOCK)
        return LC_AGAIN;
    switch (error) {
    case EINTR:
        return LC_EINTR;
    case EMFILE:
    case ENFILE:
        return LC_ENOFD;
    case ENOMEM:
    case ENOBUFS:
        return LC_ENOMEM;
    case ENOSPC:
    case EDQUOT:
    case EFBIG:
        return LC_ENOSPC;
    default:
        return LC_EIO;
    }
}

enum lc_rc lc_os_send_rc(int error)
{
    return error == EPIPE || error == ECONNRESET || error == ENOTCONN ? LC_CLOSED : lc_os_rc(error);
}
