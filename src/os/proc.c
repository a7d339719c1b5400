/* os/proc.c - child processes.
 *
 * waitpid(-1) reaps children that an application started too; that is the master's affair alone,
 * which runs none. */
#include "os/proc.h"

#include "os/errno_int.h"

#include <errno.h>
#include <signal.h>

enum lc_rc lc_proc_wait_any(pid_t *pid, int *status)
{
    pid_t got;

    do {
        got = waitpid(-1, status, WNOHANG);
    } while (got == -1 && errno == EINTR);
    if (got == -1)
        return errno == ECHILD ? LC_CLOSED : lc_os_rc(errno);
    if (got == 0)
        return LC_AGAIN;
    *pid = got;
    return LC_OK;
}

enum lc_rc lc_proc_kill(pid_t pid, int signo)
{
    LC_CHECK(pid > 0);
    if (kill(pid, signo) == 0)
        return LC_OK;
    return errno == ESRCH ? LC_CLOSED : lc_os_rc(errno);
}

#ifdef __linux__
#    include "os/fd.h"
#    include "os/fs.h"

#    include <fcntl.h>
#    include <stdio.h>
#    include <string.h>

char lc_proc_state(pid_t pid)
{
    char path[40], text[512], *at;
    size_t n = 0;
    int fd;

    snprintf(path, sizeof path, "/proc/%ld/stat", (long)pid);
    if ((fd = open(path, O_RDONLY | O_CLOEXEC)) == -1)
        return '?';
    if (lc_pread_some(fd, text, sizeof text - 1, 0, &n) != LC_OK)
        n = 0;
    lc_fd_close(&fd);
    text[n] = '\0';
    at = strrchr(text, ')'); /* the name before it may hold anything */
    return at && at[1] == ' ' ? at[2] : '?';
}
#else
char lc_proc_state(pid_t pid LC_UNUSED)
{
    return '?';
}
#endif
