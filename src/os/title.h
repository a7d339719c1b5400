/* os/title.h - what ps shows of this process: the memory of its arguments, written over.
 *
 * Nothing beyond that memory is touched: the environment lies behind it, and /proc/PID/environ stays as it was.  The
 * short name (comm) stays the command's, so that killall and pgrep find it. */
#ifndef LC_OS_TITLE_H
#define LC_OS_TITLE_H

#include "base/base.h"

/* A title too long for the memory is cut.  LC_EUNSUP: this system does not tell where its arguments lie. */
LC_MUST_USE enum lc_rc lc_title_set(const char *title);

/* The rest is for tests.  The fields 48 and 49 of a line of /proc/PID/stat: where the arguments begin and end. */
LC_MUST_USE enum lc_rc lc_title_range(const char *stat, uint64_t *start, uint64_t *end);

#endif
