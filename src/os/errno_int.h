/* os/errno_int.h - errno becomes a result code here, and goes no further up. */
#ifndef LC_OS_ERRNO_INT_H
#define LC_OS_ERRNO_INT_H

#include "base/base.h"

/* What is not in the table is LC_EIO.  A call that gives an errno a meaning of its own looks first.
 * */
enum lc_rc lc_os_rc(int error);
/* For who sends: a peer that is gone is LC_CLOSED. */
enum lc_rc lc_os_send_rc(int error);

#endif
