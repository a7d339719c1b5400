/* super/hooks.c - calling the guest's hooks, and heeding what they say.   Runs in: master. */
#include "super/hooks.h"

#include "super/master_int.h"

#define LATE_STATUS 1 /* of a hook that fails while the house ends anyway */

static bool heed(struct lc_master *m, int status)
{
    lc_loop_refresh(&m->loop);
    if (status == LC_HOOK_GO_ON)
        return true;
    if (m->state == LC_MASTER_RUNNING) {
        m->exit_status = status;
        lc_master_begin_stop(m, SIGQUIT);
    } else if (m->exit_status == 0) {
        m->exit_status = LATE_STATUS;
    }
    return false;
}

bool lc_master_hook_ready(struct lc_master *m)
{
    const struct lc_super_hooks *h = &m->host.hooks;

    return h->ready == NULL || heed(m, h->ready(m->host.ctx));
}

bool lc_master_hook_about_to_fork(struct lc_master *m, int slot, uint32_t age)
{
    const struct lc_super_hooks *h = &m->host.hooks;

    return h->about_to_fork == NULL || heed(m, h->about_to_fork(m->host.ctx, slot, age));
}

bool lc_master_hook_forked(struct lc_master *m, pid_t pid)
{
    const struct lc_super_hooks *h = &m->host.hooks;

    return h->forked == NULL || heed(m, h->forked(m->host.ctx, pid));
}

bool lc_master_hook_reaped(struct lc_master *m, const struct lc_reaped *r)
{
    const struct lc_super_hooks *h = &m->host.hooks;

    return h->reaped == NULL || heed(m, h->reaped(m->host.ctx, r));
}

bool lc_master_hook_resized(struct lc_master *m, int want, int was)
{
    const struct lc_super_hooks *h = &m->host.hooks;

    return h->resized == NULL || heed(m, h->resized(m->host.ctx, want, was));
}
