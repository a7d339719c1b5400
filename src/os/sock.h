/* os/sock.h - stream sockets.
 *
 * Connections stay in BLOCKING mode and each call here says MSG_DONTWAIT: the mode belongs to the
 * open socket, not to our descriptor, so a connection handed to an application (an upgrade, a
 * detached socket) needs no change of mode and no round of fcntl.  Nothing here blocks on the
 * network or raises SIGPIPE, but for what lc_sock_sendfile says. */
#ifndef LC_OS_SOCK_H
#define LC_OS_SOCK_H

#include "base/base.h"
#include "os/fd.h"

#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/types.h>
#include <sys/uio.h>

enum lc_addr_family {
    LC_ADDR_UNIX = 0, /* a unix peer has no name worth keeping */
    LC_ADDR_IP4 = 4,
    LC_ADDR_IP6 = 6,
};

/* Small because each connection holds one. */
struct lc_addr {
    union {
        struct sockaddr any;
        struct sockaddr_in ip4;
        struct sockaddr_in6 ip6;
    } u; /* all zero for LC_ADDR_UNIX */
    uint8_t family;
};

_Static_assert(sizeof(struct lc_addr) <= 32, "one per connection");

#define LC_ADDR_TEXT_MAX 46 /* the longest IPv6 text and its NUL */

/* The address as text with a NUL, "" for unix. */
void lc_addr_ip(const struct lc_addr *a, char out[LC_ADDR_TEXT_MAX]);
uint16_t lc_addr_port(const struct lc_addr *a); /* 0 for unix */

/* Takes one connection; listen_fd must be non-blocking, *fd is blocking and close-on-exec.
 * LC_AGAIN: none waits.  LC_CLOSED: this one died in the queue, try the next.  LC_ENOFD, LC_ENOMEM:
 * it still waits, so back off.  LC_EIO: the listener is of no use. */
LC_MUST_USE enum lc_rc lc_sock_accept(int listen_fd, int *fd, struct lc_addr *peer);

/* n > 0.  LC_OK: *got > 0.  Otherwise *got is 0 and it is LC_AGAIN, LC_CLOSED (an orderly end),
 * LC_EIO (a reset and the like). */
LC_MUST_USE enum lc_rc lc_sock_recv(int fd, void *p, size_t n, size_t *got);
/* True when the peer closed or reset and nothing it sent waits to be read. */
bool lc_sock_peek_gone(int fd);

/* LC_OK: *sent bytes went, perhaps fewer than asked.  LC_AGAIN: none fit.  LC_CLOSED: the peer is
 * gone.  LC_ENOMEM, LC_EIO.  *sent is 0 unless LC_OK. */
LC_MUST_USE enum lc_rc lc_sock_send(int fd, const void *p, size_t n, size_t *sent);
LC_MUST_USE enum lc_rc lc_sock_sendv(int fd, const struct iovec *v, int nv, size_t *sent);
/* As lc_sock_send, from *off of file_fd; *off moves on by *sent.  A file that ends before n is
 * LC_OK with what there was, then LC_EIO.  sendfile(2) has no flags: without the socket set
 * non-blocking for the length of the transfer (lc_sock_set_nonblock) it may block, and it may raise
 * SIGPIPE, which the process must ignore. */
LC_MUST_USE enum lc_rc lc_sock_sendfile(int fd, int file_fd, off_t *off, size_t n, size_t *sent);

/* Also changes every duplicate of fd, those of other processes too. */
LC_MUST_USE enum lc_rc lc_sock_set_nonblock(int fd, bool is_nonblocking);
/* Small writes leave at once.  On Linux a connection inherits it from its listener.  A wish: where
 * it means nothing (unix sockets) nothing happens. */
void lc_sock_set_nodelay(int fd);
/* Tells the peer that no more will come; errors are of no interest, the close follows. */
void lc_sock_shut_write(int fd);
/* Both directions, for everyone who holds the socket: close alone is not heard while a child or a
 * duplicate keeps it open. */
void lc_sock_shut_both(int fd);

#endif
