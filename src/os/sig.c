/* os/sig.c - signals become bytes in a pipe.
 *
 * Why not signalfd: it needs the signals blocked, and a blocked signal is inherited by every
 * program that an application starts.
 *
 *   I1  a handler does one write and touches nothing else.
 *   I2  a number is lost only when 64 KiB of them wait unread (4 KiB under a tight pipe quota). */
#include "os/sig.h"

#include "os/errno_int.h"
#include "os/fd.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

/* The exception to "no mutable globals": the kernel calls a handler with nothing but the number, so
 * where to write has to be found without an argument.  One writer, at open and close. */
static volatile sig_atomic_t target_fd = -1;
static volatile sig_atomic_t target_pid;

static void on_signal(int signo)
{
    int saved = errno;
    unsigned char byte = (unsigned char)signo;

    if (target_fd != -1 && getpid() == (pid_t)target_pid) {
        while (write((int)target_fd, &byte, 1) == -1 && errno == EINTR)
            continue;
    }
    errno = saved;
}

static enum lc_rc set_handler(int signo, void (*handler)(int))
{
    struct sigaction sa;

    memset(&sa, 0, sizeof(sa));
    sigfillset(&sa.sa_mask); /* one at a time: their order in the pipe is their order of arrival */
    sa.sa_flags = SA_RESTART;
    sa.sa_handler = handler;
    if (sigaction(signo, &sa, NULL) == 0)
        return LC_OK;
    return errno == EINVAL ? LC_EINVAL : lc_os_rc(errno);
}

enum lc_rc lc_sig_open(struct lc_sig *s, const int *signals, size_t n)
{
    int fds[2];
    enum lc_rc rc;
    size_t i;

    LC_CHECK(target_fd == -1 || (pid_t)target_pid != getpid());
    *s = (struct lc_sig){.fd = -1, .write_fd = -1, .pid = getpid()};
    if ((rc = lc_fd_pipe(fds)) != LC_OK)
        return rc;
    s->fd = fds[0];
    s->write_fd = fds[1];
    target_fd = -1; /* a child's own turn: no handler may see half of the change */
    target_pid = s->pid;
    target_fd = s->write_fd;
    for (i = 0; i < n; i++) {
        if ((rc = set_handler(signals[i], on_signal)) != LC_OK)
            goto fail;
    }
    return LC_OK;
fail:
    lc_sig_reset_all(signals, i);
    lc_sig_close(s);
    return rc;
}

enum lc_rc lc_sig_read(struct lc_sig *s, int *signo)
{
    unsigned char byte;
    ssize_t n;

    do {
        n = read(s->fd, &byte, 1);
    } while (n == -1 && errno == EINTR);
    if (n == -1)
        return lc_os_rc(errno);
    *signo = byte;
    return n == 1 ? LC_OK : LC_AGAIN;
}

void lc_sig_close(struct lc_sig *s)
{
    /* A child that closes what it inherited leaves alone what it may have opened itself since. */
    if ((pid_t)target_pid == s->pid)
        target_fd = -1;
    lc_fd_close(&s->fd);
    lc_fd_close(&s->write_fd);
}

void lc_sig_reset_all(const int *signals, size_t n)
{
    for (size_t i = 0; i < n; i++)
        LC_CHECK(set_handler(signals[i], SIG_DFL) == LC_OK);
}

static void leave(int signo LC_UNUSED)
{
    _exit(0);
}

void lc_sig_leave_on(const int *signals, size_t n)
{
    for (size_t i = 0; i < n; i++)
        LC_CHECK(set_handler(signals[i], leave) == LC_OK);
}

int lc_sig_spare(void)
{
#ifdef SIGRTMIN
    return SIGRTMIN + 11; /* the first few are taken by runtimes and profilers */
#else
    return 0;
#endif
}

void lc_sig_block_all(sigset_t *old)
{
    static const int faults[] = {SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGABRT, SIGTRAP};
    sigset_t all;

    sigfillset(&all);
    for (size_t i = 0; i < LC_ARRAY_LEN(faults); i++)
        sigdelset(&all, faults[i]);
    LC_CHECK(pthread_sigmask(SIG_SETMASK, &all, old) == 0);
}

void lc_sig_restore(const sigset_t *old)
{
    LC_CHECK(pthread_sigmask(SIG_SETMASK, old, NULL) == 0);
}
