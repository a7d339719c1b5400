/* super/control.c - what may be asked and ordered through the control socket.   Runs in: master.
 *
 * Orders that a signal can give, too, are given as that signal: there is one way through reload, reopen and stop, and the
 * answer has left before it is taken. */
#include "super/control_int.h"

#include "os/proc.h"

#include <stdio.h>
#include <unistd.h>

#define HEIR_MS 1000 /* how often a new master looks whether the old one has gone */

/* --- orders --------------------------------------------------------------------------------------------------- */

static void put_number(struct lc_json *out, const char *key, int64_t v)
{
    lc_json_key(out, key);
    lc_json_number(out, v);
}

/* "success": false is an answer, not an error: so it is with Gunicorn, and scripts look there. */
static void put_failure(struct lc_json *out, const char *why)
{
    lc_json_open(out, '{');
    lc_json_key(out, "success");
    lc_json_bool(out, false);
    lc_json_key(out, "error");
    lc_json_text(out, why);
    lc_json_close(out, '}');
}

static void put_status(struct lc_json *out, const char *status)
{
    lc_json_open(out, '{');
    lc_json_key(out, "status");
    lc_json_text(out, status);
    lc_json_close(out, '}');
}

static void resize(struct lc_master *m, const struct lc_ctl_cmd *cmd, struct lc_json *out)
{
    int by = cmd->verb == LC_CTL_WORKER_ADD ? 1 : -1, before = m->want, last;

    for (int64_t i = 0; i < cmd->number; i++) {
        last = m->want;
        lc_master_resize(m, by);
        if (m->want == last) /* a bound, or the house is closing */
            break;
    }
    lc_json_open(out, '{');
    put_number(out, by > 0 ? "added" : "removed", (m->want - before) * by);
    put_number(out, "previous", before);
    put_number(out, "total", m->want);
    lc_json_close(out, '}');
}

static void kill_worker(struct lc_master *m, int64_t pid, struct lc_json *out)
{
    char why[64];

    for (int i = 0; i < m->nslots; i++) {
        struct lc_worker_slot *s = &m->slots[i];

        if (s->pid <= 0 || s->pid != pid)
            continue;
        lc_master_send_away(m, s);
        lc_json_open(out, '{');
        lc_json_key(out, "success");
        lc_json_bool(out, true);
        put_number(out, "killed", pid);
        lc_json_close(out, '}');
        return;
    }
    snprintf(why, sizeof why, "Worker %lld not found", (long long)pid);
    put_failure(out, why);
}

/* To this process: the loop reads it in its next turn. */
static void signal_self(struct lc_master *m, int signo)
{
    if (lc_proc_kill(m->pid, signo) != LC_OK) {
        /* nobody may forbid that */
    }
}

static void shut_down(struct lc_master *m, struct lc_str mode, struct lc_json *out)
{
    signal_self(m, lc_str_eq(mode, LC_STR("quick")) ? SIGINT : SIGTERM);
    lc_json_open(out, '{');
    lc_json_key(out, "status");
    lc_json_text(out, "shutting_down");
    lc_json_key(out, "mode");
    lc_json_str(out, mode);
    lc_json_close(out, '}');
}

static void order(struct lc_master *m, const struct lc_ctl_cmd *cmd, struct lc_json *out)
{
    switch (cmd->verb) {
    case LC_CTL_WORKER_ADD:
    case LC_CTL_WORKER_REMOVE:
        resize(m, cmd, out);
        break;
    case LC_CTL_WORKER_KILL:
        kill_worker(m, cmd->number, out);
        break;
    case LC_CTL_RELOAD:
        signal_self(m, SIGHUP);
        put_status(out, "reloading");
        break;
    case LC_CTL_REOPEN:
        signal_self(m, SIGUSR1);
        put_status(out, "reopening");
        break;
    case LC_CTL_SHUTDOWN:
        shut_down(m, cmd->mode, out);
        break;
    default: /* there is no dirty arbiter */
        put_failure(out, "Dirty arbiter not running");
        break;
    }
}

/* --- questions ------------------------------------------------------------------------------------------------ */

static void help(struct lc_json *out)
{
    lc_json_open(out, '{');
    lc_json_key(out, "commands");
    lc_json_open(out, '{');
    for (unsigned v = 0; v < LC_CTL_VERBS; v++) {
        lc_json_key(out, lc_ctl_cmd_usage((enum lc_ctl_verb)v));
        lc_json_text(out, lc_ctl_cmd_help((enum lc_ctl_verb)v));
    }
    lc_json_close(out, '}');
    lc_json_close(out, '}');
}

static void show_dirty(struct lc_json *out)
{
    lc_json_open(out, '{');
    lc_json_key(out, "enabled");
    lc_json_bool(out, false);
    lc_json_key(out, "pid");
    lc_json_null(out);
    lc_json_key(out, "workers");
    lc_json_open(out, '[');
    lc_json_close(out, ']');
    lc_json_key(out, "apps");
    lc_json_open(out, '[');
    lc_json_close(out, ']');
    lc_json_close(out, '}');
}

static bool show(struct lc_master *m, enum lc_ctl_verb verb, struct lc_json *out)
{
    switch (verb) {
    case LC_CTL_SHOW_ALL:
        lc_control_show_all(m, out);
        return true;
    case LC_CTL_SHOW_WORKERS:
        lc_control_show_workers(m, out);
        return true;
    case LC_CTL_SHOW_STATS:
        lc_control_show_stats(m, out);
        return true;
    case LC_CTL_SHOW_DIRTY:
        show_dirty(out);
        return true;
    case LC_CTL_SHOW_REQUESTS:
        return lc_control_show_requests(m, out);
    case LC_CTL_SHOW_CONFIG:
        return m->host.show != NULL && m->host.show(m->host.ctx, "config", out);
    case LC_CTL_SHOW_LISTENERS:
        return m->host.show != NULL && m->host.show(m->host.ctx, "listeners", out);
    default:
        help(out);
        return true;
    }
}

/* Who gave an order stands in the log: a server that shrinks or stops should say why. */
static void tell_order(struct lc_master *m, const struct lc_peer *peer,
                       const struct lc_ctl_cmd *cmd)
{
    struct lc_str words = lc_ctl_cmd_words(cmd->verb);
    char number[24] = "";

    if (cmd->verb == LC_CTL_WORKER_KILL || cmd->number > 1)
        snprintf(number, sizeof number, " %lld", (long long)cmd->number);
    lc_master_say(m, LC_INFO, "Control socket: %.*s%s (asked by pid %ld, uid %ld)", (int)words.n,
                  words.p, number, (long)peer->pid, (long)peer->uid);
}

static enum lc_rc answer(struct lc_master *m, const struct lc_peer *peer,
                         const struct lc_ctl_request *r, struct lc_json *out)
{
    struct lc_ctl_cmd cmd;
    char error[256];

    if (lc_ctl_cmd_parse(r, &cmd, error, sizeof error) != LC_OK)
        return lc_ctl_reply_fail(out, r, error);
    lc_ctl_reply_begin(out, r);
    if (lc_ctl_cmd_is_order(cmd.verb)) {
        tell_order(m, peer, &cmd);
        order(m, &cmd, out);
    } else if (!show(m, cmd.verb, out)) {
        return lc_ctl_reply_fail(out, r, "The server could not tell; its log may say why");
    }
    return lc_ctl_reply_end(out, r);
}

bool lc_master_control_answer(void *master, const struct lc_peer *peer,
                              const struct lc_ctl_request *r, struct lc_json *out)
{
    return answer(master, peer, r, out) == LC_OK;
}

/* --- life ----------------------------------------------------------------------------------------------------- */

/* A new master (USR2) listens under a name of its own while the old one has the name that clients know. */
static void on_name_timer(struct lc_timer *t, uint64_t now_ms)
{
    struct lc_master *m = LC_CONTAINER_OF(t, struct lc_master, name_timer);

    if (getppid() == m->conf.control_heir_of || !m->host.inherit_control(m->host.ctx))
        lc_timer_set(&m->loop.timers, t, now_ms + HEIR_MS);
}

void lc_master_control_open(struct lc_master *m)
{
    lc_timer_init(&m->name_timer, on_name_timer);
    if (!m->conf.has_control)
        return;
    if (lc_ctl_server_open(&m->control, &m->loop, m->conf.control_fd, lc_master_control_answer,
                           m) != LC_OK) {
        lc_master_say(m, LC_WARNING, "No control socket: it could not be watched");
        m->control.magic = 0;
        return;
    }
    m->control.is_shared = m->conf.is_control_shared;
    if (m->conf.control_heir_of > 0)
        lc_timer_set(&m->loop.timers, &m->name_timer, m->loop.now_ms + HEIR_MS);
}

void lc_master_control_close(struct lc_master *m)
{
    lc_timer_cancel(&m->name_timer);
    if (m->control.magic != 0)
        lc_ctl_server_close(&m->control);
}

void lc_master_control_abandon(struct lc_master *m)
{
    if (m->control.magic != 0)
        lc_ctl_server_abandon(&m->control);
}
