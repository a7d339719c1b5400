/* os/fdpass.c - see fdpass.h.   Runs in: master (the pair), workers. */
#include "os/fdpass.h"

#include "os/errno_int.h"
#include "os/fd.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/socket.h>

#define QUEUE_SIZE (1 << 20) /* bytes that may wait; the system may grant less */

union control {
    char bytes[CMSG_SPACE(LC_FDPASS_MAX * sizeof(int))];
    struct cmsghdr head;
};

/* macOS has no whole messages with a connection, and its datagrams keep their order too. */
#ifdef __APPLE__
static int make_pair(int fds[2])
{
    if (socketpair(AF_UNIX, SOCK_DGRAM, 0, fds) == -1)
        return -1;
    lc_fd_make_own(fds[0]);
    lc_fd_make_own(fds[1]);
    return 0;
}
#else
static int make_pair(int fds[2])
{
    return socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, fds);
}
#endif

enum lc_rc lc_fdpass_pair(int fds[2])
{
    int size = QUEUE_SIZE;

    if (make_pair(fds) == -1) {
        fds[0] = fds[1] = -1;
        return lc_os_rc(errno);
    }
    (void)setsockopt(fds[1], SOL_SOCKET, SO_SNDBUF, &size, sizeof size);
    return LC_OK;
}

enum lc_rc lc_fdpass_send(int fd, const struct iovec *v, int nv, const int *fds, int nfds)
{
    union control control;
    size_t size = (size_t)nfds * sizeof(int);
    struct msghdr m = {.msg_iov = (struct iovec *)v, .msg_iovlen = (size_t)nv};

    LC_CHECK(nfds <= LC_FDPASS_MAX);
    if (nfds > 0) {
        memset(&control, 0, sizeof control);
        m.msg_control = control.bytes;
        m.msg_controllen = CMSG_SPACE(size);
        control.head.cmsg_level = SOL_SOCKET;
        control.head.cmsg_type = SCM_RIGHTS;
        control.head.cmsg_len = CMSG_LEN(size);
        memcpy(CMSG_DATA(&control.head), fds, size);
    }
    if (sendmsg(fd, &m, MSG_DONTWAIT | MSG_NOSIGNAL) >= 0)
        return LC_OK;
    return errno == EMSGSIZE ? LC_ELIMIT : errno == ENOBUFS ? LC_AGAIN : lc_os_send_rc(errno);
}

/* All that came, whether or not there is room for it in fds; returns how many. */
static int collect(struct msghdr *m, int *fds, int max)
{
    int n = 0;

    for (struct cmsghdr *c = CMSG_FIRSTHDR(m); c; c = CMSG_NXTHDR(m, c)) {
        size_t size = c->cmsg_len - CMSG_LEN(0);

        if (c->cmsg_level != SOL_SOCKET || c->cmsg_type != SCM_RIGHTS)
            continue;
        for (size_t i = 0; i < size / sizeof(int); i++) {
            int fd;

            memcpy(&fd, CMSG_DATA(c) + i * sizeof fd, sizeof fd);
            if (n < max)
                fds[n] = fd;
            else
                lc_fd_close(&fd);
            n++;
        }
    }
    return n;
}

static void close_all(int *fds, int n)
{
    for (int i = 0; i < n; i++)
        lc_fd_close(&fds[i]);
}

#ifdef MSG_CMSG_CLOEXEC
#    define TAKE_FLAGS (MSG_DONTWAIT | MSG_CMSG_CLOEXEC)
static void set_cloexec(const int *fds LC_UNUSED, int n LC_UNUSED) {}
#else
#    define TAKE_FLAGS MSG_DONTWAIT
static void set_cloexec(const int *fds, int n)
{
    for (int i = 0; i < n; i++)
        (void)fcntl(fds[i], F_SETFD, FD_CLOEXEC);
}
#endif

enum lc_rc lc_fdpass_recv(int fd, void *p, size_t cap, size_t *got, int *fds, int max, int *nfds)
{
    union control control;
    struct iovec v = {p, cap};
    struct msghdr m = {.msg_iov = &v,
                       .msg_iovlen = 1,
                       .msg_control = control.bytes,
                       .msg_controllen = sizeof control.bytes};
    ssize_t n = recvmsg(fd, &m, TAKE_FLAGS);
    enum lc_rc rc = LC_OK;
    int came;

    *got = 0;
    *nfds = 0;
    if (n == -1)
        return lc_os_rc(errno);
    came = collect(&m, fds, max);
    set_cloexec(fds, LC_MIN(came, max));
    if (m.msg_flags & MSG_CTRUNC) /* no room in the control bytes, or in the table of descriptors */
        rc = came < LC_FDPASS_MAX ? LC_ENOFD : LC_EPROTO;
    else if (came > max || (m.msg_flags & MSG_TRUNC))
        rc = LC_EPROTO;
    else if (n == 0)
        rc = LC_CLOSED;
    if (rc != LC_OK) {
        close_all(fds, LC_MIN(came, max));
        return rc;
    }
    *got = (size_t)n;
    *nfds = came;
    return LC_OK;
}
