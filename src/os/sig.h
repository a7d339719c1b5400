/* os/sig.h - signals become bytes in a pipe, to be read where it is safe to act on them.
 *
 * One per process.  A forked child inherits the handlers but not their effect: they look at the
 * process id, so a signal that reaches the child before it made its own arrangement never tells the
 * parent.  The child calls lc_sig_reset_all, then lc_sig_close, and may open its own. */
#ifndef LC_OS_SIG_H
#define LC_OS_SIG_H

#include "base/base.h"

#include <signal.h>
#include <sys/types.h>

struct lc_sig {
    int fd; /* readable while signals wait */
    int write_fd;
    pid_t pid; /* who installed the handlers */
};

/* Catches the n signals listed.  LC_ENOFD, LC_EINVAL (one of them cannot be caught), LC_EIO.
 * LC_CHECK fails when this process has one open already. */
LC_MUST_USE enum lc_rc lc_sig_open(struct lc_sig *s, const int *signals, size_t n);
/* The next signal in order of arrival, or LC_AGAIN. */
LC_MUST_USE enum lc_rc lc_sig_read(struct lc_sig *s, int *signo);
/* Closes the pipe; handlers still installed do nothing from now on. */
void lc_sig_close(struct lc_sig *s);

/* Sets the listed signals to their default action. */
void lc_sig_reset_all(const int *signals, size_t n);

/* Makes the listed signals end this process at once with status 0: for a child that was asked to leave before it could
 * make its own arrangement. */
void lc_sig_leave_on(const int *signals, size_t n);

/* A signal that nobody else is likely to use, whose default is to end the process.  0: the system has none to spare. */
int lc_sig_spare(void);

/* Blocks every signal but those that report a fault of this very thread. */
void lc_sig_block_all(sigset_t *old);
void lc_sig_restore(const sigset_t *old);

#endif
