/* super/hooks.h - what the guest is told of on the way: so it can keep a picture of the workers of its own, and call what
 * people wrote for these moments.
 *
 * They run in the master's loop, between two of its steps, and may take long: its clock is read again after each.  Any may
 * be NULL. */
#ifndef LC_SUPER_HOOKS_H
#define LC_SUPER_HOOKS_H

#include "base/base.h"

#include <sys/types.h>

struct lc_master;

#define LC_HOOK_GO_ON \
    (-1) /* what a hook returns; else the status with which the house is to end, at once */

struct lc_reaped {
    pid_t pid;
    int status;     /* as waitpid has it */
    bool was_stuck; /* SIGABRT was sent, for it had not come back */
    bool halts;     /* the house ends because of it */
};

struct lc_super_hooks {
    int (*ready)(void *ctx); /* signals are heard, nothing is forked yet */
    int (*about_to_fork)(void *ctx, int slot, uint32_t age);
    int (*forked)(void *ctx, pid_t pid); /* in the master */
    int (*reaped)(void *ctx, const struct lc_reaped *r);
    int (*resized)(void *ctx, int want, int was); /* how many workers there should be */
};

/* False: the house ends, and what was about to happen should not. */
bool lc_master_hook_ready(struct lc_master *m);
bool lc_master_hook_about_to_fork(struct lc_master *m, int slot, uint32_t age);
bool lc_master_hook_forked(struct lc_master *m, pid_t pid);
bool lc_master_hook_reaped(struct lc_master *m, const struct lc_reaped *r);
bool lc_master_hook_resized(struct lc_master *m, int want, int was);

#endif
