/* super/succession.c - workers that another follows while they still serve.   Runs in: master.   Drawing in master.h. */
#include "super/master_int.h"

#define HURRY_MS 2000 /* from QUIT to KILL, beyond what its exit functions get */

/* --- leaving -------------------------------------------------------------------------------------------------- */

void lc_master_send_away(struct lc_master *m, struct lc_worker_slot *s)
{
    s->follows = NULL;
    if (s->pid == 0 || s->is_told)
        return;
    s->is_told = true;
    s->told_ms = m->loop.now_ms;
    lc_master_kill(s, SIGTERM);
}

static uint64_t leave_by(const struct lc_master *m, const struct lc_worker_slot *s)
{
    uint64_t due =
        s->told_ms + m->conf.graceful_ms + 1000; /* it ends its drain by itself before that */

    return s->is_hurried ? due + m->conf.graceful_ms + HURRY_MS : due;
}

static void hurry(struct lc_master *m, struct lc_worker_slot *s)
{
    if (s->is_hurried) {
        s->stuck = LC_STUCK_KILLED;
        lc_master_kill(s, SIGKILL);
        return;
    }
    lc_master_say(m, LC_WARNING, "Worker graceful timeout (pid:%ld)", (long)s->pid);
    s->is_hurried = true;
    lc_master_kill(s, SIGQUIT);
}

/* Who was told to leave and does not is interrupted, and at last killed. */
static void look_at_leaving(struct lc_master *m)
{
    uint64_t next = UINT64_MAX;

    for (int i = 0; i < m->nslots; i++) {
        struct lc_worker_slot *s = &m->slots[i];

        if (s->pid == 0 || !s->is_told || s->stuck == LC_STUCK_KILLED)
            continue;
        if (m->loop.now_ms >= leave_by(m, s))
            hurry(m, s);
        next = LC_MIN(next, leave_by(m, s));
    }
    if (next == UINT64_MAX)
        lc_timer_cancel(&m->leave_timer);
    else
        lc_timer_set(&m->loop.timers, &m->leave_timer, LC_MAX(next, m->loop.now_ms + 1));
}

/* --- heirs ---------------------------------------------------------------------------------------------------- */

static bool is_old(const struct lc_master *m, const struct lc_worker_slot *s)
{
    return s->generation != m->generation;
}

static bool is_stale(struct lc_master *m, struct lc_worker_slot *s)
{
    if (!s->is_wanted || s->is_told || !lc_master_is_up(m, s))
        return false;
    return is_old(m, s) || atomic_load(&lc_master_board_slot(m, s)->is_spent) != 0;
}

static struct lc_worker_slot *oldest_stale(struct lc_master *m)
{
    struct lc_worker_slot *oldest = NULL;

    for (int i = 0; i < m->nslots; i++) {
        struct lc_worker_slot *s = &m->slots[i];

        if (is_stale(m, s) && (oldest == NULL || s->age < oldest->age))
            oldest = s;
    }
    return oldest;
}

/* The place is its own from now on. */
static void enthrone(struct lc_master *m)
{
    struct lc_worker_slot *s = m->heir, *before = s->follows;

    m->heir = s->follows = NULL;
    s->is_wanted = true;
    lc_backoff_forget(&s->backoff);
    lc_backoff_forget(&m->heir_backoff);
    before->is_wanted = false;
    lc_master_send_away(m, before);
}

static void raise_heir(struct lc_master *m, struct lc_worker_slot *s)
{
    uint64_t due = lc_backoff_due(&m->heir_backoff, m->is_failing, m->last_fork_ms);
    struct lc_worker_slot *heir;

    if (due > m->loop.now_ms) {
        lc_timer_set(&m->loop.timers, &m->heir_timer, due);
        return;
    }
    if ((heir = lc_master_free_slot(m)) == NULL)
        return; /* whoever leaves next makes room */
    heir->follows = s;
    heir->place = s->place;
    if (lc_master_fork(m, heir)) {
        m->heir = heir;
        return;
    }
    heir->follows = NULL;
    lc_timer_set(&m->loop.timers, &m->heir_timer,
                 lc_backoff_due(&m->heir_backoff, m->is_failing, m->last_fork_ms));
}

void lc_master_drop_heir(struct lc_master *m)
{
    if (m->heir)
        lc_master_send_away(m, m->heir);
    m->heir = NULL;
}

void lc_master_heir_news(struct lc_master *m, struct lc_worker_slot *s)
{
    if (m->heir == s) {
        m->heir = s->follows = NULL;
    } else if (m->heir &&
               m->heir->follows == s) { /* it need not wait any longer, and is all there is */
        m->heir->is_wanted = s->is_wanted;
        m->heir->follows = NULL;
        m->heir = NULL;
        s->is_wanted = false;
    }
}

/* One that still boots serves nobody: its slot may have another at once. */
static void renew_booting(struct lc_master *m)
{
    for (int i = 0; i < m->nslots; i++) {
        struct lc_worker_slot *s = &m->slots[i];

        if (s->pid > 0 && s->is_wanted && is_old(m, s) && !lc_master_is_up(m, s))
            lc_master_send_away(m, s);
    }
}

void lc_master_succeed(struct lc_master *m)
{
    struct lc_worker_slot *s;

    if (m->state != LC_MASTER_RUNNING)
        return;
    if (m->heir && lc_master_is_up(m, m->heir))
        enthrone(m);
    lc_master_follow_reload(m);
    renew_booting(m);
    if (m->heir == NULL && (s = oldest_stale(m)) != NULL)
        raise_heir(m, s);
    look_at_leaving(m);
}
