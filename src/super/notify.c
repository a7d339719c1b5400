/* super/notify.c - what the service manager is told.   Runs in: master.  When and why: notify.h.
 *
 * WATCHDOG=1 comes from the master's loop itself, so that it says what it means to: a master that is stuck, in a hook for
 * one, falls silent. */
#include "super/notify.h"

#include "super/master_int.h"

#include "os/notify.h"

#include <stdarg.h>
#include <stdio.h>

#define READY_LOOK_MS 20
#define EXTEND_MS     10000 /* how often more time is asked for */
#define EXTEND_US     60000000ull

static void send_text(struct lc_master *m, const char *fmt, ...) LC_PRINTF(2, 3);

static void send_text(struct lc_master *m, const char *fmt, ...)
{
    char text[256];
    va_list ap;
    enum lc_rc rc;

    if (m->conf.notify_path == NULL)
        return;
    va_start(ap, fmt);
    vsnprintf(text, sizeof text, fmt, ap);
    va_end(ap);
    if ((rc = lc_notify_send(m->conf.notify_path, text)) != LC_OK && !m->notify.is_failing)
        lc_master_say(m, LC_WARNING, "The service manager at %s cannot be told (%s)",
                      m->conf.notify_path, lc_rc_name(rc));
    m->notify.is_failing = rc != LC_OK;
}

static void tell_ready(struct lc_master *m)
{
    send_text(m, "READY=1\nSTATUS=Serving\nMAINPID=%ld", (long)m->pid);
}

static void next(struct lc_master *m, uint64_t in_ms)
{
    lc_timer_set(&m->loop.timers, &m->notify.timer, m->loop.now_ms + in_ms);
}

static void await_ready(struct lc_master *m)
{
    lc_master_note_ready(m);
    if (m->was_ready || m->want == 0) {
        m->notify.is_ready = true;
        tell_ready(m);
        if (m->conf.watchdog_ms > 0)
            next(m, m->conf.watchdog_ms / 2);
        return;
    }
    if (m->loop.now_ms >= m->notify.extend_ms) {
        send_text(m, "EXTEND_TIMEOUT_USEC=%llu\nSTATUS=Booting", EXTEND_US);
        m->notify.extend_ms = m->loop.now_ms + EXTEND_MS;
    }
    next(m, READY_LOOK_MS);
}

static void on_timer(struct lc_timer *t, uint64_t now_ms LC_UNUSED)
{
    struct lc_master *m = LC_CONTAINER_OF(t, struct lc_master, notify.timer);

    if (!m->notify.is_ready && m->state == LC_MASTER_RUNNING) {
        await_ready(m);
    } else if (m->conf.watchdog_ms > 0) {
        send_text(m, "WATCHDOG=1");
        next(m, m->conf.watchdog_ms / 2);
    }
}

void lc_master_notify_open(struct lc_master *m)
{
    m->notify = (struct lc_master_notify){0};
    lc_timer_init(&m->notify.timer, on_timer);
    if (m->conf.notify_path != NULL)
        await_ready(m);
}

void lc_master_notify_reloading(struct lc_master *m)
{
    /* The kernel's clock since the start, by which the manager tells this reload from the one before. */
    send_text(m, "RELOADING=1\nSTATUS=Reloading\nMONOTONIC_USEC=%llu",
              (unsigned long long)m->loop.now_ms * 1000);
}

void lc_master_notify_reloaded(struct lc_master *m)
{
    tell_ready(m);
}

void lc_master_notify_successor(struct lc_master *m, pid_t pid)
{
    send_text(m, "MAINPID=%ld", (long)pid);
}

void lc_master_notify_stopping(struct lc_master *m)
{
    send_text(m, "STOPPING=1\nSTATUS=Stopping");
}
