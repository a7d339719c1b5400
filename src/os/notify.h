/* os/notify.h - words to the service manager (systemd's sd_notify): one datagram a message.
 *
 * A socket is made for each, because there are few, and because a manager that starts anew has a new one in the same
 * place. */
#ifndef LC_OS_NOTIFY_H
#define LC_OS_NOTIFY_H

#include "base/base.h"

/* `path` as $NOTIFY_SOCKET has it: a file, or a name that begins with @.  Never waits.  LC_EUNSUP: another kind of
 * address. LC_AGAIN: the manager's queue is full.  LC_CLOSED: nobody listens there. */
LC_MUST_USE enum lc_rc lc_notify_send(const char *path, const char *text);

#endif
