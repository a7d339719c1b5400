/* os/fork.h - learning that this process was forked, whoever did it: Python, or a library in C that Python knows nothing of. */
#ifndef LC_OS_FORK_H
#define LC_OS_FORK_H

#include "base/base.h"

/* From now on a fork sets *is_child in the child and *has_children in the parent, in the thread that forks.  Both live
 * until lc_fork_unwatch().  One watch in a process at a time.  vfork() and posix_spawn() are not told of: what they make
 * runs another program at once.  LC_ENOMEM. */
LC_MUST_USE enum lc_rc lc_fork_watch(bool *is_child, bool *has_children);
void lc_fork_unwatch(void);

#endif
