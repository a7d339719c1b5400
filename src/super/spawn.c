/* super/spawn.c - slots and forks.   Runs in: master; become_worker in the forked child.
 *
 * A slot is a worker's index.  Those that are wanted need not be the first ones: TTOU takes the oldest worker, wherever
 * it sits, and leaves a hole that the next TTIN fills. */
#include "super/control_int.h"
#include "super/master_int.h"
#include "super/report.h"

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
    lc_sig_reset_all(lc_master_signals + LC_MASTER_STOPS, lc_master_nsignals - LC_MASTER_STOPS);
    lc_sig_leave_on(lc_master_signals, LC_MASTER_STOPS);
    lc_sig_restore(mask);
    lc_sig_close(&m->sig);
    lc_master_control_abandon(m);
    lc_loop_close(&m->loop);
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
    lc_backoff_failed(&s->backoff, m->loop.now_ms);
    lc_master_say(
        m, LC_ERROR,
        "A worker (index %d) could not be forked (processes, memory?); next try in %.1f s",
        (int)(s - m->slots), (double)lc_master_fork_in(m, s) / 1000);
}

static void spawn(struct lc_master *m, int slot)
{
    struct lc_worker_slot *s = &m->slots[slot];
    sigset_t before;
    pid_t pid;

    prepare_report(m, s);
    lc_sig_block_all(
        &before); /* one that reaches the child before its handlers are reset must not be lost */
    pid = m->host.fork(m->host.ctx);
    if (pid == 0)
        become_worker(m, slot, &before);
    lc_sig_restore(&before);
    m->last_fork_ms = m->loop.now_ms;
    if (pid < 0) {
        not_forked(m, s);
        return;
    }
    if (s->age != 0)
        lc_count_add(&lc_master_board_slot(m, s)->restarts[s->why], 1);
    s->pid = pid;
    s->forked_ms = m->loop.now_ms;
    s->age = ++m->next_age;
    s->stuck = LC_STUCK_NOT;
    s->is_told = false;
}

static uint64_t due(const struct lc_master *m, const struct lc_worker_slot *s)
{
    return lc_backoff_due(&s->backoff, m->is_failing, m->last_fork_ms);
}

uint64_t lc_master_fork_in(const struct lc_master *m, const struct lc_worker_slot *s)
{
    uint64_t at = due(m, s);

    return at > m->loop.now_ms ? at - m->loop.now_ms : 0;
}

static bool is_sooner(const struct lc_master *m, const struct lc_worker_slot *a,
                      const struct lc_worker_slot *b)
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
        spawn(m, (int)(s - m->slots));
    }
}

static void want_one_more(struct lc_master *m)
{
    struct lc_worker_slot *s = m->slots, *end = m->slots + m->nslots;

    while (s < end && (s->is_wanted || s->pid > 0))
        s++;
    if (s == end) {
        *s = (struct lc_worker_slot){.report_fd = -1};
        m->nslots++;
    }
    s->is_wanted = true;
    lc_backoff_forget(&s->backoff);
}

/* The oldest goes; one that waits to be forked is older than none, and costs nobody anything. */
static void want_one_less(struct lc_master *m)
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
        return;
    oldest->is_wanted = false;
    oldest->is_told = true;
    if (oldest->pid > 0)
        lc_master_kill(oldest, SIGTERM);
}

void lc_master_resize(struct lc_master *m, int by)
{
    int want = m->want + by, taken = 0;

    for (int i = 0; i < m->nslots; i++)
        taken += m->slots[i].is_wanted || m->slots[i].pid > 0;
    if (m->state != LC_MASTER_RUNNING || want < 1 || (by > 0 && taken >= LC_WORKERS_MAX - 1))
        return;
    m->want = want;
    if (by > 0)
        want_one_more(m);
    else
        want_one_less(m);
}
