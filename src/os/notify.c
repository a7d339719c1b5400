/* os/notify.c - words to the service manager. */
#include "os/notify.h"

#include "os/errno_int.h"
#include "os/fd.h"

#include <errno.h>
#include <fcntl.h>
#include <stddef.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>

static enum lc_rc address(const char *path, struct sockaddr_un *addr, socklen_t *len)
{
    size_t n = strlen(path);

    if ((path[0] != '/' && path[0] != '@') || n < 2 || n >= sizeof addr->sun_path)
        return LC_EUNSUP;
    memset(addr, 0, sizeof *addr);
    addr->sun_family = AF_UNIX;
    memcpy(addr->sun_path, path, n);
    if (path[0] == '@') /* the name without a file, which has no NUL at its end */
        addr->sun_path[0] = '\0';
    *len = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + n + (path[0] == '/'));
    return LC_OK;
}

enum lc_rc lc_notify_send(const char *path, const char *text)
{
    struct sockaddr_un addr;
    socklen_t len;
    enum lc_rc rc = address(path, &addr, &len);
    int fd;

    if (rc != LC_OK)
        return rc;
    if ((fd = socket(AF_UNIX, SOCK_DGRAM, 0)) == -1)
        return lc_os_rc(errno);
    if (fcntl(fd, F_SETFD, FD_CLOEXEC) == -1 ||
        sendto(fd, text, strlen(text), MSG_DONTWAIT, (struct sockaddr *)&addr, len) == -1)
        rc = errno == ENOENT || errno == ECONNREFUSED ? LC_CLOSED : lc_os_rc(errno);
    lc_fd_close(&fd);
    return rc;
}
