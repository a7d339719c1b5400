/* super/master.c - the master's loop.   Runs in: master.  Drawing in master.h. */
#include "super/master.h"

#include "os/proc.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define CRASH_MS   1000 /* a worker that lived shorter than this ... */
#define RESPAWN_MS 500  /* ... is replaced no sooner than this after its fork */

enum { LEVEL_DEBUG = 10, LEVEL_INFO = 20, LEVEL_WARNING = 30, LEVEL_ERROR = 40 };

static const int signals[] = {SIGTERM, SIGINT,  SIGQUIT, SIGCHLD, SIGHUP,
                              SIGUSR1, SIGUSR2, SIGTTIN, SIGTTOU, SIGWINCH};
#define STOPS 3 /* of them, the first */

static void say(struct lc_master *m, int level, const char *fmt, ...) LC_PRINTF(3, 4);

static void say(struct lc_master *m, int level, const char *fmt, ...)
{
    char line[256];
    va_list ap;

    va_start(ap, fmt);
    vsnprintf(line, sizeof line, fmt, ap);
    va_end(ap);
    m->host.say(m->host.ctx, level, line);
}

static const char *signal_word(int signo)
{
    static const struct {
        int signo;
        const char *word;
    } words[] = {{SIGTERM, "term"}, {SIGINT, "int"},   {SIGQUIT, "quit"},
                 {SIGHUP, "hup"},   {SIGUSR1, "usr1"}, {SIGUSR2, "usr2"},
                 {SIGTTIN, "ttin"}, {SIGTTOU, "ttou"}, {SIGWINCH, "winch"}};

    for (size_t i = 0; i < LC_ARRAY_LEN(words); i++) {
        if (words[i].signo == signo)
            return words[i].word;
    }
    return "?";
}

static int alive(const struct lc_master *m)
{
    int n = 0;

    for (int i = 0; i < m->nslots; i++)
        n += m->slots[i].pid > 0;
    return n;
}

static void kill_all(struct lc_master *m, int signo)
{
    for (int i = 0; i < m->nslots; i++) {
        if (m->slots[i].pid > 0 && lc_proc_kill(m->slots[i].pid, signo) != LC_OK) {
            /* it has ended; the reaper will see it */
        }
    }
}

/* --- workers -------------------------------------------------------------------------------------------------- */

/* In the child: nothing of the master's loop may live on. */
static void become_worker(struct lc_master *m, int slot, const sigset_t *mask)
{
    lc_sig_reset_all(signals + STOPS, LC_ARRAY_LEN(signals) - STOPS);
    lc_sig_leave_on(signals, STOPS);
    lc_sig_restore(mask);
    lc_sig_close(&m->sig);
    lc_loop_close(&m->loop);
    slot = m->slots[slot].index;
    lc_board_take(&m->board, (uint32_t)slot, getpid(), LC_LIFE_BOOTING);
    m->host.leave_process(m->host.ctx, m->host.run_worker(m->host.ctx, slot));
}

static void spawn(struct lc_master *m, int slot)
{
    struct lc_worker_slot *s = &m->slots[slot];
    sigset_t before;
    pid_t pid;

    lc_sig_block_all(
        &before); /* one that reaches the child before its handlers are reset must not be lost */
    pid = m->host.fork(m->host.ctx);
    if (pid == 0)
        become_worker(m, slot, &before);
    lc_sig_restore(&before);
    s->forked_ms = m->loop.now_ms;
    s->not_before = m->loop.now_ms + RESPAWN_MS;
    if (pid < 0) {
        say(m, LEVEL_ERROR, "A worker could not be forked; trying again");
        return;
    }
    s->pid = pid;
    s->age = ++m->next_age;
}

/* Fills empty slots that are due; the others get a timer. */
static void fill_slots(struct lc_master *m)
{
    uint64_t next = UINT64_MAX;

    for (int i = 0; i < m->want && m->state == LC_MASTER_RUNNING; i++) {
        struct lc_worker_slot *s = &m->slots[i];

        if (s->pid == 0 && s->not_before <= m->loop.now_ms)
            spawn(m, i);
        if (s->pid == 0)
            next = LC_MIN(next, s->not_before);
    }
    if (next != UINT64_MAX)
        lc_timer_set(&m->loop.timers, &m->timer, next);
}

/* TTOU: the oldest goes, and its slot is the one that stays empty. */
static void stop_oldest(struct lc_master *m)
{
    int last = m->want, oldest = last;
    struct lc_worker_slot swap;

    for (int i = 0; i <= last; i++) {
        if (m->slots[i].pid > 0 &&
            (m->slots[oldest].pid == 0 || m->slots[i].age < m->slots[oldest].age))
            oldest = i;
    }
    swap = m->slots[oldest];
    m->slots[oldest] = m->slots[last];
    m->slots[last] = swap;
    if (swap.pid > 0 && lc_proc_kill(swap.pid, SIGTERM) != LC_OK) {
        /* it has ended; the reaper will see it */
    }
}

static void tell_end(struct lc_master *m, pid_t pid, int status)
{
    int signo, code;

    if (WIFSIGNALED(status)) {
        signo = WTERMSIG(status);
        say(m,
            signo == SIGTERM   ? LEVEL_INFO
            : signo == SIGKILL ? LEVEL_ERROR
                               : LEVEL_WARNING,
            "Worker (pid:%ld) was sent SIG%s!", (long)pid,
            sigabbrev_np(signo) ? sigabbrev_np(signo) : "?");
        return;
    }
    code = WEXITSTATUS(status);
    if (code != 0)
        say(m, LEVEL_ERROR, "Worker (pid:%ld) exited with code %d.", (long)pid, code);
}

static void begin_stop(struct lc_master *m, int signo)
{
    m->state = LC_MASTER_STOPPING;
    m->stop_by_ms = m->loop.now_ms + m->conf.graceful_ms;
    lc_timer_set(&m->loop.timers, &m->timer, m->stop_by_ms);
    kill_all(m, signo);
}

static void halt(struct lc_master *m, int status, const char *reason)
{
    if (m->state != LC_MASTER_RUNNING)
        return;
    m->exit_status = status;
    m->reason = reason;
    begin_stop(m, SIGTERM);
}

static void end_slot(struct lc_master *m, struct lc_worker_slot *s, int status)
{
    s->pid = 0;
    lc_board_take(&m->board, (uint32_t)s->index, 0, LC_LIFE_EMPTY);
    if (m->loop.now_ms - s->forked_ms >= CRASH_MS)
        s->not_before = m->loop.now_ms;
    if (WIFEXITED(status) && WEXITSTATUS(status) == LC_EXIT_BOOT)
        halt(m, LC_EXIT_BOOT, "Worker failed to boot.");
    else if (WIFEXITED(status) && WEXITSTATUS(status) == LC_EXIT_APP)
        halt(m, LC_EXIT_APP, "App failed to load.");
}

static void reap(struct lc_master *m)
{
    pid_t pid;
    int status;

    while (lc_proc_wait_any(&pid, &status) == LC_OK) {
        for (int i = 0; i < m->nslots; i++) {
            if (m->slots[i].pid != pid)
                continue;
            tell_end(m, pid, status);
            end_slot(m, &m->slots[i], status);
            break;
        }
    }
}

/* --- signals -------------------------------------------------------------------------------------------------- */

static void stop(struct lc_master *m, int signo)
{
    bool is_quick = signo != SIGTERM;

    if (m->state == LC_MASTER_RUNNING) {
        begin_stop(m, is_quick ? SIGQUIT : SIGTERM);
    } else if (is_quick) {
        say(m, LEVEL_INFO, "Quick shutdown requested");
        kill_all(m, SIGQUIT);
        m->stop_by_ms = LC_MIN(m->stop_by_ms, m->loop.now_ms + 2000);
        lc_timer_set(&m->loop.timers, &m->timer, m->stop_by_ms);
    }
}

static void resize(struct lc_master *m, int by)
{
    int want = m->want + by;

    if (m->state != LC_MASTER_RUNNING || want < 1 || want >= LC_WORKERS_MAX)
        return;
    m->want = want;
    m->nslots = LC_MAX(m->nslots, want);
    if (by < 0)
        stop_oldest(m);
    else
        m->slots[want - 1].not_before = 0;
}

static void handle(struct lc_master *m, int signo)
{
    if (signo != SIGCHLD)
        say(m, LEVEL_INFO, "Handling signal: %s", signal_word(signo));
    switch (signo) {
    case SIGTERM:
    case SIGINT:
    case SIGQUIT:
        stop(m, signo);
        break;
    case SIGTTIN:
        resize(m, 1);
        break;
    case SIGTTOU:
        resize(m, -1);
        break;
    case SIGUSR1:
        m->host.reopen(m->host.ctx);
        kill_all(m, SIGUSR1);
        break;
    case SIGCHLD:
        break;
    default:
        say(m, LEVEL_WARNING, "SIG%s is not offered by this version: nothing was done",
            sigabbrev_np(signo));
        break;
    }
}

static void on_signal(struct lc_watch *w, uint32_t events LC_UNUSED)
{
    struct lc_master *m = LC_CONTAINER_OF(w, struct lc_master, sig_watch);
    int signo;

    while (lc_sig_read(&m->sig, &signo) == LC_OK)
        handle(m, signo);
}

static void on_timer(struct lc_timer *t, uint64_t now_ms)
{
    struct lc_master *m = LC_CONTAINER_OF(t, struct lc_master, timer);

    if (m->state == LC_MASTER_RUNNING || now_ms < m->stop_by_ms)
        return;
    m->state = LC_MASTER_KILLING;
    kill_all(m, SIGKILL);
}

/* --- life ----------------------------------------------------------------------------------------------------- */

static enum lc_rc open_all(struct lc_master *m)
{
    enum lc_rc rc = lc_loop_open(&m->loop, &m->host.guest);

    if (rc != LC_OK)
        return rc;
    if ((rc = lc_board_open(&m->board, LC_WORKERS_MAX, LC_MAX(m->conf.threads, 1))) != LC_OK)
        return rc;
    if ((rc = lc_sig_open(&m->sig, signals, LC_ARRAY_LEN(signals))) != LC_OK)
        return rc;
    m->sig_watch = (struct lc_watch){.fd = m->sig.fd, .fn = on_signal};
    return lc_loop_watch(&m->loop, &m->sig_watch, LC_READ);
}

int lc_master_run(struct lc_master *m, const struct lc_master_conf *conf,
                  const struct lc_super_host *host)
{
    memset(m, 0, sizeof *m);
    m->magic = LC_MAGIC_MASTER;
    m->pid = getpid();
    m->conf = *conf;
    m->host = *host;
    m->want = LC_MIN(conf->workers, LC_WORKERS_MAX - 1);
    m->nslots = m->want;
    for (int i = 0; i < LC_WORKERS_MAX; i++)
        m->slots[i].index = i;
    lc_timer_init(&m->timer, on_timer);
    if (open_all(m) != LC_OK) {
        say(m, LEVEL_ERROR, "The master could not set up its loop (descriptors, memory?)");
        return 1;
    }
    host->started(host->ctx);
    while (m->state == LC_MASTER_RUNNING || alive(m) > 0) {
        fill_slots(m);
        lc_loop_step(&m->loop, -1);
        reap(m);
    }
    say(m, m->reason ? LEVEL_ERROR : LEVEL_INFO, "Shutting down: Master");
    if (m->reason)
        say(m, LEVEL_ERROR, "Reason: %s", m->reason);
    /* An impatient operator's next Ctrl-C must not cut short what the host still has to tidy up. */
    lc_sig_reset_all(signals + STOPS, LC_ARRAY_LEN(signals) - STOPS);
    lc_loop_forget(&m->loop, &m->sig_watch);
    lc_sig_close(&m->sig);
    lc_loop_close(&m->loop);
    lc_board_close(&m->board);
    m->magic = 0;
    return m->exit_status;
}
