/* super/notify.h - what the service manager (systemd) is told of this server.
 *
 *      open --a worker serves, or none is wanted--> READY=1 --every half of its interval--> WATCHDOG=1
 *                                                  --RELOADING=1 ... READY=1--  --STOPPING=1
 *
 * READY=1 is said when it is true: a start that is waited for has succeeded when somebody is served.  Until then the
 * manager is asked for more time, because how long an application takes to import is its own affair. */
#ifndef LC_SUPER_NOTIFY_H
#define LC_SUPER_NOTIFY_H

#include "super/master.h"

/* From the loop's set-up on; without a path all of these do nothing. */
void lc_master_notify_open(struct lc_master *m);
/* The answer to HUP has begun; `lc_master_notify_reloaded` ends it, also when it failed. */
void lc_master_notify_reloading(struct lc_master *m);
void lc_master_notify_reloaded(struct lc_master *m);
/* Or, after an upgrade, that the new master is the service from now on. */
void lc_master_notify_stopping(struct lc_master *m);

#endif
