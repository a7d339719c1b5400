/* super/scale.c - how many workers there should be: TTIN, TTOU, WINCH and the configuration's number.   Runs in: master.
 *
 * Slots that are wanted need not be the first ones: TTOU takes the oldest worker, wherever it sits, and leaves a hole that
 * the next TTIN fills. */
#include "super/master_int.h"

static bool has_holder(const struct lc_master *m, uint32_t place)
{
    for (int i = 0; i < m->nslots; i++) {
        if (m->slots[i].is_wanted && m->slots[i].place == place)
            return true;
    }
    return false;
}

static bool want_one_more(struct lc_master *m)
{
    struct lc_worker_slot *s = lc_master_free_slot(m);
    uint32_t place = 0;

    if (s == NULL)
        return false;
    while (has_holder(m, place))
        place++;
    s->place = place;
    s->is_wanted = true;
    s->follows = NULL;
    lc_backoff_forget(&s->backoff);
    return true;
}

/* The oldest goes; one that waits to be forked is older than none, and costs nobody anything. */
static bool want_one_less(struct lc_master *m)
{
    struct lc_worker_slot *oldest = NULL;

    for (int i = 0; i < m->nslots; i++) {
        struct lc_worker_slot *s = &m->slots[i];

        if (!s->is_wanted)
            continue;
        if (oldest == NULL || (s->pid == 0) > (oldest->pid == 0) ||
            ((s->pid == 0) == (oldest->pid == 0) && s->age < oldest->age))
            oldest = s;
    }
    if (oldest == NULL)
        return false;
    if (m->heir && m->heir->follows == oldest)
        lc_master_drop_heir(m);
    oldest->is_wanted = false;
    lc_master_send_away(m, oldest);
    return true;
}

void lc_master_set_workers(struct lc_master *m, int workers)
{
    int before = m->want;

    if (m->state != LC_MASTER_RUNNING)
        return;
    workers = LC_MIN(workers, LC_WORKERS_MAX - 1);
    while (m->want < workers && want_one_more(m))
        m->want++;
    while (m->want > workers && want_one_less(m))
        m->want--;
    if (!lc_master_hook_resized(m, m->want, before)) {
        /* all are told to leave */
    }
}

void lc_master_resize(struct lc_master *m, int by)
{
    int want = m->want + by;

    if (want >= 1 && want < LC_WORKERS_MAX)
        lc_master_set_workers(m, want);
}

void lc_master_retire(struct lc_master *m)
{
    if (!m->conf.is_daemon) {
        lc_master_say(m, LC_DEBUG_LEVEL, "SIGWINCH ignored. Not daemonized");
        return;
    }
    lc_master_say(m, LC_INFO, "graceful stop of workers");
    lc_master_set_workers(m, 0);
}
