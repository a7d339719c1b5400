/* super/reap.c - processes that have ended: what is said, and what becomes of their slots.   Runs in: master. */
#include "super/master_int.h"
#include "super/report.h"

#include "os/oom.h"
#include "os/proc.h"

#include <string.h>

static bool is_by_us(const struct lc_master *m, const struct lc_worker_slot *s)
{
    return s->stuck == LC_STUCK_KILLED || m->state == LC_MASTER_KILLING;
}

/* Never by guessing: the kernel's count has grown, or nothing is said. */
static void tell_oom(struct lc_master *m, pid_t pid)
{
    uint64_t now;

    if (m->oom_kills == UINT64_MAX || lc_oom_kills(&now) != LC_OK || now <= m->oom_kills)
        return;
    lc_master_say(m, LC_ERROR,
                  "Worker (pid:%ld): the kernel's count of processes of this control group that it "
                  "ended for want of memory has grown by %llu",
                  (long)pid, (unsigned long long)(now - m->oom_kills));
    m->oom_kills = now;
}

static void tell_signal(struct lc_master *m, const struct lc_worker_slot *s, int signo)
{
    bool is_riddle = signo == SIGKILL && !is_by_us(m, s);
    const char *word = sigabbrev_np(signo);

    lc_master_say(m,
                  signo == SIGTERM   ? LC_INFO
                  : signo == SIGKILL ? LC_ERROR
                                     : LC_WARNING,
                  "Worker (pid:%ld) was sent SIG%s!%s", (long)s->pid, word ? word : "?",
                  is_riddle ? " Perhaps out of memory?" : "");
    if (is_riddle)
        tell_oom(m, s->pid);
}

static void tell_end(struct lc_master *m, const struct lc_worker_slot *s, int status)
{
    if (WIFSIGNALED(status))
        tell_signal(m, s, WTERMSIG(status));
    else if (WEXITSTATUS(status) != 0)
        lc_master_say(m, LC_ERROR, "Worker (pid:%ld) exited with code %d.", (long)s->pid,
                      WEXITSTATUS(status));
}

/* The calls that it was in, and the stacks that faulthandler left, unless they were told when it was found stuck. */
static void tell_lost(struct lc_master *m, const struct lc_worker_slot *s, int status)
{
    char memory[LC_REPORT_MAX];
    struct lc_report r;
    uint32_t slot = (uint32_t)(s - m->slots);
    bool has_more;

    if (s->stuck >= LC_STUCK_ABORTED)
        return;
    lc_report_init(&r, memory, sizeof memory);
    lc_report_add(&r, "Worker (pid:%ld, index %u) ended with ", (long)s->pid, slot);
    lc_report_add_status(&r, status);
    lc_report_add(&r, ", inside:");
    has_more = lc_report_add_calls(&r, &m->board, slot, m->loop.now_ms) > 0;
    if (!has_more)
        lc_report_add(&r, " no request");
    if (WIFSIGNALED(status))
        has_more = lc_report_add_tail(&r, s->report_fd, INT32_MAX) > 0 || has_more;
    if (has_more)
        lc_master_tell(m, LC_ERROR, memory);
}

static void tell_failed_boot(struct lc_master *m, struct lc_worker_slot *s, unsigned step,
                             int status)
{
    char memory[LC_REPORT_MAX];
    struct lc_report r;

    lc_report_init(&r, memory, sizeof memory);
    lc_report_add(&r, "Worker (pid:%ld, index %d) failed to boot, at %s: ", (long)s->pid,
                  (int)(s - m->slots), lc_boot_step_name(step));
    lc_report_add_status(&r, status);
    if (m->state == LC_MASTER_RUNNING && !lc_master_ends_trial(m, s))
        lc_report_add(&r, "; next try in %.1f s", (double)lc_master_fork_in(m, s) / 1000);
    if (s->stuck >= LC_STUCK_ABORTED) { /* its stacks were told when it was found stuck */
        lc_report_add(&r, ". It was ended after boot_timeout");
    } else {
        lc_report_add(&r, ". Its last words:");
        if (lc_report_add_tail(&r, s->report_fd, LC_REPORT_LINES) == 0)
            lc_report_add(&r, " none");
    }
    lc_master_tell(m, LC_ERROR, memory);
}

static void halt(struct lc_master *m, int status, const char *reason)
{
    m->exit_status = status;
    m->reason = reason;
    lc_master_begin_stop(m, SIGTERM);
}

/* A fault of the program's own: signals that others send say nothing about the next try. */
static bool is_fault(int status)
{
    static const int faults[] = {SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGABRT, SIGTRAP, SIGSYS};

    for (size_t i = 0; i < LC_ARRAY_LEN(faults); i++) {
        if (WIFSIGNALED(status) && WTERMSIG(status) == faults[i])
            return true;
    }
    return false;
}

static void boot_failed(struct lc_master *m, struct lc_worker_slot *s, unsigned step, int status)
{
    int code = WIFEXITED(status) ? WEXITSTATUS(status) : -1;
    bool is_final = !m->was_ready && (code > 0 || is_fault(status) || s->stuck >= LC_STUCK_ABORTED);

    s->why = LC_RESTART_BOOT;
    m->is_failing = true;
    m->failing_ms = m->loop.now_ms;
    lc_backoff_failed(lc_master_backoff(m, s), m->loop.now_ms);
    if (!lc_timer_is_set(&m->look_timer)) /* for the first that comes up again */
        lc_timer_set(&m->loop.timers, &m->look_timer, m->loop.now_ms + LC_MASTER_LOOK_MS);
    if (is_final)
        halt(m, code == LC_EXIT_APP ? LC_EXIT_APP : LC_EXIT_BOOT,
             code == LC_EXIT_APP ? "App failed to load." : "Worker failed to boot.");
    if (code == 0)
        lc_master_say(m, LC_INFO, "Worker (pid:%ld) left while it booted; next try in %.1f s",
                      (long)s->pid, (double)lc_master_fork_in(m, s) / 1000);
    else if (!is_final || (code != LC_EXIT_BOOT && code != LC_EXIT_APP))
        tell_failed_boot(m, s, step, status); /* else the worker has said it all itself */
    if (lc_master_ends_trial(m, s))
        lc_master_give_up_reload(m);
}

static void worker_ended(struct lc_master *m, struct lc_worker_slot *s, int status)
{
    s->why = s->is_told                     ? LC_RESTART_ASKED
             : s->stuck >= LC_STUCK_ABORTED ? LC_RESTART_TIMEOUT
             : WIFSIGNALED(status)          ? LC_RESTART_SIGNAL
                                            : LC_RESTART_EXIT;
    lc_backoff_lived(lc_master_backoff(m, s), m->loop.now_ms, m->loop.now_ms - s->forked_ms);
}

static void end_slot(struct lc_master *m, struct lc_worker_slot *s, int status)
{
    struct lc_board_slot *b = lc_master_board_slot(m, s);
    unsigned life = atomic_load(&b->life), step = atomic_load(&b->step);
    struct lc_reaped r = {
        .pid = s->pid, .status = status, .was_stuck = s->stuck >= LC_STUCK_ABORTED};
    bool was_ready = life >= LC_LIFE_SERVING && atomic_load(&b->pid) == s->pid;

    m->nkilled += s->is_told || s->stuck >= LC_STUCK_ABORTED;
    tell_end(m, s, status);
    if (was_ready)
        tell_lost(m, s, status);
    lc_master_note_ready(m); /* while the board still knows of this one */
    if (m->state != LC_MASTER_RUNNING) {
        /* nobody follows it */
    } else if (was_ready || s->is_told) {
        worker_ended(m, s, status);
    } else {
        boot_failed(m, s, step, status);
        r.halts = m->state != LC_MASTER_RUNNING;
    }
    lc_board_take(&m->board, (uint32_t)(s - m->slots), 0, LC_LIFE_EMPTY);
    s->pid = 0;
    lc_master_heir_news(m, s);
    if (!lc_master_hook_reaped(m, &r)) {
        /* the others are told to leave */
    }
}

void lc_master_note_ready(struct lc_master *m)
{
    bool is_mended = false;

    for (int i = 0; i < m->nslots; i++) {
        struct lc_worker_slot *s = &m->slots[i];

        if (!lc_master_is_up(m, s))
            continue;
        m->was_ready = true;
        is_mended = is_mended || (m->is_failing && s->forked_ms >= m->failing_ms);
    }
    if (!is_mended)
        return;
    m->is_failing = false;
    for (int i = 0; i < m->nslots; i++)
        m->slots[i].backoff.due_ms = LC_MIN(m->slots[i].backoff.due_ms, m->loop.now_ms);
    m->heir_backoff.due_ms = LC_MIN(m->heir_backoff.due_ms, m->loop.now_ms);
}

static struct lc_worker_slot *find(struct lc_master *m, pid_t pid)
{
    for (int i = 0; i < m->nslots; i++) {
        if (m->slots[i].pid == pid)
            return &m->slots[i];
    }
    return NULL;
}

void lc_master_reap(struct lc_master *m)
{
    pid_t pid;
    int status;

    while (lc_proc_wait_any(&pid, &status) == LC_OK) {
        struct lc_worker_slot *s = find(m, pid);

        if (s)
            end_slot(m, s, status);
        else if (pid == m->upgrade)
            lc_master_upgrade_ended(m, status);
        else /* the first process of a container gets everybody's orphans */
            lc_master_say(m, LC_DEBUG_LEVEL, "Reaped a process that is no worker (pid:%ld)",
                          (long)pid);
    }
}
