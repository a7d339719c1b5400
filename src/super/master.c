/* super/master.c - the master's loop.   Runs in: master.  Drawing in master.h. */
#include "super/control_int.h"
#include "super/master_int.h"
#include "super/notify.h"

#include "os/fd.h"
#include "os/fdpass.h"
#include "os/oom.h"
#include "os/proc.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

void lc_master_say(struct lc_master *m, enum lc_level level, const char *fmt, ...)
{
    char line[LC_MASTER_LINE];
    va_list ap;

    va_start(ap, fmt);
    vsnprintf(line, sizeof line, fmt, ap);
    va_end(ap);
    m->host.say(m->host.ctx, level, line);
}

void lc_master_tell(struct lc_master *m, enum lc_level level, const char *text)
{
    m->host.say(m->host.ctx, level, text);
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

void lc_master_kill(struct lc_worker_slot *s, int signo)
{
    if (lc_proc_kill(s->pid, signo) != LC_OK) {
        /* it has ended */
    }
}

void lc_master_kill_all(struct lc_master *m, int signo)
{
    for (int i = 0; i < m->nslots; i++) {
        if (m->slots[i].pid > 0)
            lc_master_kill(&m->slots[i], signo);
    }
}

void lc_master_begin_stop(struct lc_master *m, int signo)
{
    m->state = LC_MASTER_STOPPING;
    lc_master_notify_stopping(m);
    m->stop_by_ms = m->loop.now_ms + m->conf.graceful_ms;
    if (m->upgrade == 0 && m->parent == 0) /* else another master serves on */
        lc_board_end(&m->board);
    lc_timer_set(&m->loop.timers, &m->stop_timer, m->stop_by_ms);
    lc_master_kill_all(m, signo);
}

/* --- signals -------------------------------------------------------------------------------------------------- */

static void stop(struct lc_master *m, int signo)
{
    bool is_quick = signo != SIGTERM;

    if (m->state == LC_MASTER_RUNNING) {
        lc_master_begin_stop(m, is_quick ? SIGQUIT : SIGTERM);
    } else if (is_quick) {
        lc_master_say(m, LC_INFO, "Quick shutdown requested");
        lc_master_kill_all(m, SIGQUIT);
        m->stop_by_ms = LC_MIN(m->stop_by_ms, m->loop.now_ms + 2000);
        lc_timer_set(&m->loop.timers, &m->stop_timer, m->stop_by_ms);
    }
}

static void handle(struct lc_master *m, int signo)
{
    m->nreloads += signo == SIGHUP;
    if (signo != SIGCHLD)
        lc_master_say(m, LC_INFO, "Handling signal: %s", signal_word(signo));
    switch (signo) {
    case SIGTERM:
    case SIGINT:
    case SIGQUIT:
        stop(m, signo);
        break;
    case SIGTTIN:
        lc_master_resize(m, 1);
        break;
    case SIGTTOU:
        lc_master_resize(m, -1);
        break;
    case SIGUSR1:
        m->host.reopen(m->host.ctx);
        lc_master_kill_all(m, SIGUSR1);
        break;
    case SIGHUP:
        lc_master_reload(m);
        break;
    case SIGUSR2:
        lc_master_upgrade(m);
        break;
    case SIGWINCH:
        lc_master_retire(m);
        break;
    default: /* CHLD: it has ended the wait */
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

static void on_stop_timer(struct lc_timer *t, uint64_t now_ms)
{
    struct lc_master *m = LC_CONTAINER_OF(t, struct lc_master, stop_timer);

    if (m->state == LC_MASTER_RUNNING || now_ms < m->stop_by_ms)
        return;
    m->state = LC_MASTER_KILLING;
    lc_master_kill_all(m, SIGKILL);
}

/* It has ended the wait: the loop looks at slots after every turn. */
static void on_due(struct lc_timer *t LC_UNUSED, uint64_t now_ms LC_UNUSED) {}

static void on_parent_timer(struct lc_timer *t, uint64_t now_ms LC_UNUSED)
{
    lc_master_watch_parent(LC_CONTAINER_OF(t, struct lc_master, parent_timer));
}

static void on_bell(struct lc_watch *w, uint32_t events LC_UNUSED)
{
    char rings[64];

    while (read(w->fd, rings, sizeof rings) == (ssize_t)sizeof rings) {
        /* it has ended the wait: after every turn the board is looked at */
    }
}

static void on_look_timer(struct lc_timer *t, uint64_t now_ms LC_UNUSED)
{
    lc_master_look(LC_CONTAINER_OF(t, struct lc_master, look_timer));
}

/* --- life ----------------------------------------------------------------------------------------------------- */

static enum lc_rc open_all(struct lc_master *m)
{
    enum lc_rc rc = lc_loop_open(&m->loop, &m->host.guest);

    if (rc != LC_OK)
        return rc;
    if ((rc = lc_board_open(&m->board, LC_WORKERS_MAX, LC_MAX(m->conf.threads, 1))) != LC_OK)
        return rc;
    if ((rc = lc_fdpass_pair(m->parcels)) != LC_OK)
        return rc;
    if ((rc = lc_sig_open(&m->sig, lc_master_signals, lc_master_nsignals)) != LC_OK)
        return rc;
    if ((rc = lc_fd_pipe(m->bell)) != LC_OK)
        return rc;
    m->bell_watch = (struct lc_watch){.fd = m->bell[0], .fn = on_bell};
    if ((rc = lc_loop_watch(&m->loop, &m->bell_watch, LC_READ)) != LC_OK)
        return rc;
    m->sig_watch = (struct lc_watch){.fd = m->sig.fd, .fn = on_signal};
    return lc_loop_watch(&m->loop, &m->sig_watch, LC_READ);
}

static void close_all(struct lc_master *m)
{
    /* An impatient operator's next Ctrl-C must not cut short what the host still has to tidy up. */
    lc_sig_reset_all(lc_master_signals + LC_MASTER_STOPS, lc_master_nsignals - LC_MASTER_STOPS);
    lc_master_control_close(m);
    lc_loop_forget(&m->loop, &m->sig_watch);
    lc_loop_forget(&m->loop, &m->bell_watch);
    lc_sig_close(&m->sig);
    lc_loop_close(&m->loop);
    lc_board_close(&m->board);
    for (int i = 0; i < m->nslots; i++)
        lc_fd_close(&m->slots[i].report_fd);
    lc_fd_close(&m->bell[0]);
    lc_fd_close(&m->bell[1]);
    lc_fd_close(&m->parcels[0]);
    lc_fd_close(&m->parcels[1]);
    m->magic = 0;
}

static void init(struct lc_master *m, const struct lc_master_conf *conf,
                 const struct lc_super_host *host)
{
    memset(m, 0, offsetof(struct lc_master, slots)); /* those that are never used cost no memory */
    m->magic = LC_MAGIC_MASTER;
    m->pid = getpid();
    m->conf = *conf;
    m->host = *host;
    m->want = LC_MIN(conf->workers, LC_WORKERS_MAX - 1);
    m->nslots = m->want;
    m->parent = conf->parent;
    m->is_proven = m->is_settled = true;
    m->bell[0] = m->bell[1] = m->parcels[0] = m->parcels[1] = -1;
    for (int i = 0; i < m->nslots; i++)
        m->slots[i] =
            (struct lc_worker_slot){.report_fd = -1, .is_wanted = true, .place = (uint32_t)i};
    lc_timer_init(&m->stop_timer, on_stop_timer);
    lc_timer_init(&m->fork_timer, on_due);
    lc_timer_init(&m->heir_timer, on_due);
    lc_timer_init(&m->leave_timer, on_due);
    lc_timer_init(&m->parent_timer, on_parent_timer);
    lc_timer_init(&m->look_timer, on_look_timer);
    if (lc_oom_kills(&m->oom_kills) != LC_OK)
        m->oom_kills = UINT64_MAX;
}

int lc_master_run(struct lc_master *m, const struct lc_master_conf *conf,
                  const struct lc_super_host *host)
{
    init(m, conf, host);
    if (open_all(m) != LC_OK) {
        lc_master_say(m, LC_ERROR, "The master could not set up its loop (descriptors, memory?)");
        return 1;
    }
    m->began_ms = m->loop.now_ms;
    lc_master_control_open(m);
    host->started(host->ctx);
    lc_master_notify_open(m);
    if (!lc_master_hook_ready(m)) {
        /* nothing is forked: the loop below does not begin */
    }
    lc_master_look(m);
    lc_master_watch_parent(m);
    while (m->state == LC_MASTER_RUNNING || alive(m) > 0) {
        lc_master_fill(m);
        if (m->state != LC_MASTER_RUNNING && alive(m) == 0)
            break; /* a hook has ended it */
        lc_loop_step(&m->loop, -1);
        lc_master_reap(m);
        lc_master_succeed(m);
    }
    lc_master_say(m, m->reason ? LC_ERROR : LC_INFO, "Shutting down: %s", lc_master_name(m));
    if (m->reason)
        lc_master_say(m, LC_ERROR, "Reason: %s", m->reason);
    close_all(m);
    return m->exit_status;
}
