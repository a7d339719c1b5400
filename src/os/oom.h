/* os/oom.h - whether the kernel ended a process for want of memory, as far as it tells. */
#ifndef LC_OS_OOM_H
#define LC_OS_OOM_H

#include "base/base.h"

/* How many processes of this one's control group the kernel has ended for want of memory.  LC_EUNSUP: it does not say. */
LC_MUST_USE enum lc_rc lc_oom_kills(uint64_t *n);
/* The same of one file (memory.events, or memory.oom_control of the first version). */
LC_MUST_USE enum lc_rc lc_oom_kills_in(const char *path, uint64_t *n);

#endif
