/* super/spawn.c - slots and forks.   Runs in: master; become_worker in the forked child. */
#include "super/control_int.h"
#include "super/master_int.h"
#include "super/report.h"

#include "os/fd.h"
#include "os/memfile.h"
#include "os/proc.h"

#include <unistd.h>

const int lc_master_signals[] = {SIGTERM, SIGINT,  SIGQUIT, SIGCHLD, SIGHUP,
                                 SIGUSR1, SIGUSR2, SIGTTIN, SIGTTOU, SIGWINCH};
const size_t lc_master_nsignals = LC_ARRAY_LEN(lc_master_signals);

/* In the child: nothing of the master's loop may live on, nor what it holds of the siblings. */
static void become_worker(struct lc_master *m, int slot, const sigset_t *mask)
{
    lc_board_take(&m->board, (uint32_t)slot, getpid(), LC_LIFE_BOOTING);
    atomic_store(&lc_board_slot(&m->board, (uint32_t)slot)->place, m->slots[slot].place);
    lc_sig_reset_all(lc_master_signals + LC_MASTER_STOPS, lc_master_nsignals - LC_MASTER_STOPS);
    lc_sig_leave_on(lc_master_signals, LC_MASTER_STOPS);
    lc_sig_restore(mask);
    lc_sig_close(&m->sig);
    lc_master_control_abandon(m);
    lc_loop_close(&m->loop);
    lc_fd_close(&m->bell[0]);
    for (int i = 0; i < m->nslots; i++) {
        if (i != slot)
            lc_fd_close(&m->slots[i].report_fd);
    }
    m->host.leave_process(m->host.ctx, m->host.run_worker(m->host.ctx, slot));
}

/* Without a report the worker runs as well; only its last words are not heard. */
static void prepare_report(struct lc_master *m, struct lc_worker_slot *s)
{
    if (s->report_fd >= 0)
        lc_memfile_clear(s->report_fd);
    else if (lc_memfile_open(&s->report_fd) != LC_OK)
        lc_master_say(m, LC_WARNING, "No descriptor for what a worker reports");
}

static void not_forked(struct lc_master *m, struct lc_worker_slot *s)
{
    lc_backoff_failed(lc_master_backoff(m, s), m->loop.now_ms);
    lc_master_say(
        m, LC_ERROR,
        "A worker (index %d) could not be forked (processes, memory?); next try in %.1f s",
        (int)(s - m->slots), (double)lc_master_fork_in(m, s) / 1000);
}

static void count_restart(struct lc_master *m, const struct lc_worker_slot *s)
{
    struct lc_board_slot *b = lc_master_board_slot(m, s);

    if (s->follows)
        lc_count_add(&b->restarts[LC_RESTART_ASKED], 1);
    else if (s->age != 0)
        lc_count_add(&b->restarts[s->why], 1);
}

bool lc_master_fork(struct lc_master *m, struct lc_worker_slot *s)
{
    sigset_t before;
    pid_t pid;

    prepare_report(m, s);
    if (!lc_master_hook_about_to_fork(m, (int)(s - m->slots), m->next_age + 1))
        return false;
    lc_sig_block_all(
        &before); /* one that reaches the child before its handlers are reset must not be lost */
    pid = m->host.fork(m->host.ctx);
    if (pid == 0)
        become_worker(m, (int)(s - m->slots), &before);
    lc_sig_restore(&before);
    m->last_fork_ms = m->loop.now_ms;
    if (pid < 0) {
        not_forked(m, s);
        return false;
    }
    count_restart(m, s);
    s->pid = pid;
    s->forked_ms = m->loop.now_ms;
    s->age = ++m->next_age;
    s->stuck = LC_STUCK_NOT;
    s->is_told = s->is_hurried = false;
    s->generation = m->generation;
    if (!lc_master_hook_forked(m, pid)) {
        /* it is told to leave with the others */
    }
    return true;
}

struct lc_backoff *lc_master_backoff(struct lc_master *m, struct lc_worker_slot *s)
{
    return s->follows ? &m->heir_backoff : &s->backoff;
}

static uint64_t due(struct lc_master *m, struct lc_worker_slot *s)
{
    return lc_backoff_due(lc_master_backoff(m, s), m->is_failing, m->last_fork_ms);
}

uint64_t lc_master_fork_in(struct lc_master *m, struct lc_worker_slot *s)
{
    uint64_t at = due(m, s);

    return at > m->loop.now_ms ? at - m->loop.now_ms : 0;
}

struct lc_worker_slot *lc_master_free_slot(struct lc_master *m)
{
    struct lc_worker_slot *s = m->slots, *end = m->slots + m->nslots;

    while (s < end && (s->is_wanted || s->pid > 0))
        s++;
    if (s < end)
        return s;
    if (m->nslots == LC_WORKERS_MAX)
        return NULL;
    *s = (struct lc_worker_slot){.report_fd = -1};
    m->nslots++;
    return s;
}

static bool is_sooner(struct lc_master *m, struct lc_worker_slot *a, struct lc_worker_slot *b)
{
    uint64_t of_a = due(m, a), of_b = due(m, b);

    return of_a < of_b || (of_a == of_b && a->backoff.due_ms < b->backoff.due_ms);
}

/* The empty slot that is due first; under a rate that all share, the one that has waited longest.  NULL: none. */
static struct lc_worker_slot *next_empty(struct lc_master *m)
{
    struct lc_worker_slot *next = NULL;

    for (int i = 0; i < m->nslots; i++) {
        struct lc_worker_slot *s = &m->slots[i];

        if (s->is_wanted && s->pid == 0 && (next == NULL || is_sooner(m, s, next)))
            next = s;
    }
    return next;
}

void lc_master_fill(struct lc_master *m)
{
    struct lc_worker_slot *s;

    lc_timer_cancel(&m->fork_timer);
    while (m->state == LC_MASTER_RUNNING && (s = next_empty(m)) != NULL) {
        if (due(m, s) > m->loop.now_ms) {
            lc_timer_set(&m->loop.timers, &m->fork_timer, due(m, s));
            return;
        }
        if (!lc_master_fork(m, s)) {
            /* its next try is later */
        }
    }
}
