/* os/proc.h - child processes. */
#ifndef LC_OS_PROC_H
#define LC_OS_PROC_H

#include "base/base.h"

#include <sys/types.h>
#include <sys/wait.h>

/* Reaps one child.  LC_OK: *status is for WIFEXITED and the like.  LC_AGAIN: none has ended.
 * LC_CLOSED: there are no children. */
LC_MUST_USE enum lc_rc lc_proc_wait_any(pid_t *pid, int *status);
/* pid > 0, so that a forgotten one never reaches a whole process group.  LC_CLOSED: no such
 * process. LC_EIO: not allowed. */
LC_MUST_USE enum lc_rc lc_proc_kill(pid_t pid, int signo);
/* As the system shows it: 'R', 'S', 'T' stopped, 'D' inside the kernel, 'Z'.  '?': not known. */
char lc_proc_state(pid_t pid);

#endif
