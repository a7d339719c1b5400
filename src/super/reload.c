/* super/reload.c - HUP: a new configuration, its trial and its end.   Runs in: master.   Drawing in master.h. */
#include "super/master_int.h"
#include "super/notify.h"

/* Does a worker serve that is to stay?  Of any generation, or of the present one. */
static bool has_up(struct lc_master *m, bool is_present)
{
    for (int i = 0; i < m->nslots; i++) {
        struct lc_worker_slot *s = &m->slots[i];

        if (s->is_wanted && !s->is_told && (!is_present || s->generation == m->generation) &&
            lc_master_is_up(m, s))
            return true;
    }
    return false;
}

/* What was slowed down may be mended. */
static void forget_failures(struct lc_master *m)
{
    m->is_failing = false;
    lc_backoff_forget(&m->heir_backoff);
    for (int i = 0; i < m->nslots; i++)
        lc_backoff_forget(&m->slots[i].backoff);
}

static void take(struct lc_master *m, const struct lc_master_conf *conf)
{
    m->conf = *conf;
    lc_master_look(m); /* timeout may have been off */
}

void lc_master_reload(struct lc_master *m)
{
    struct lc_master_conf conf = m->conf;

    if (m->state != LC_MASTER_RUNNING)
        return;
    lc_master_say(m, LC_INFO, "Hang up: %s", lc_master_name(m));
    lc_master_notify_reloading(m);
    if (!m->host.reload(m->host.ctx, &conf)) {
        lc_master_notify_reloaded(m);
        return;
    }
    if (m->is_proven) {
        m->good_generation = m->generation;
        m->good_conf = m->conf;
    }
    m->generation = ++m->ngenerations;
    m->is_proven = m->is_settled = false;
    lc_master_drop_heir(m);
    forget_failures(m);
    take(m, &conf);
    if (!has_up(m, false)) /* nobody serves: there is nothing to be careful about */
        lc_master_set_workers(m, conf.workers);
}

static bool is_uniform(const struct lc_master *m)
{
    for (int i = 0; i < m->nslots; i++) {
        if (m->slots[i].pid > 0 && m->slots[i].generation != m->generation)
            return false;
    }
    return true;
}

void lc_master_follow_reload(struct lc_master *m)
{
    if (!m->is_proven && has_up(m, true)) {
        m->is_proven = true;
        m->host.reload_ended(m->host.ctx, LC_RELOAD_PROVEN);
        lc_master_set_workers(m, m->conf.workers);
    }
    if (!m->is_settled && m->is_proven && is_uniform(m)) {
        m->is_settled = true;
        lc_master_notify_reloaded(m);
        m->host.reload_ended(m->host.ctx, LC_RELOAD_SETTLED);
    }
}

bool lc_master_ends_trial(struct lc_master *m, const struct lc_worker_slot *s)
{
    return !m->is_proven && s->generation == m->generation && m->state == LC_MASTER_RUNNING &&
           m->was_ready;
}

void lc_master_give_up_reload(struct lc_master *m)
{
    m->generation = m->good_generation;
    m->is_proven = true;
    lc_master_notify_reloaded(m);
    forget_failures(m);
    take(m, &m->good_conf);
    m->host.reload_ended(m->host.ctx, LC_RELOAD_FAILED);
    lc_master_say(m, LC_ERROR,
                  "Reload failed: a worker of the new configuration could not boot; "
                  "the workers and the configuration of before stay");
}
