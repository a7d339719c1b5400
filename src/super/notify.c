/* super/notify.c - what the service manager is told.   Runs in: master.  When and why: notify.h.
 *
 * WATCHDOG=1 comes from the master's loop itself, so that it says what it means to: a master that is stuck, in a hook for
 * one, falls silent. */
#include "super/notify.h"

#include "super/master_int.h"

#include "os/notify.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#define READY_LOOK_MS  20
#define PARENT_LOOK_MS 500
#define EXTEND_MS      10000 /* how often more time is asked for */
#define EXTEND_US      60000000ull

static void send_text(struct lc_master *m, const char *fmt, ...) LC_PRINTF(2, 3);

static void send_text(struct lc_master *m, const char *fmt, ...)
{
    char text[256];
    va_list ap;
    enum lc_rc rc;

    if (m->notify.path[0] == '\0')
        return;
    va_start(ap, fmt);
    vsnprintf(text, sizeof text, fmt, ap);
    va_end(ap);
    if ((rc = lc_notify_send(m->notify.path, text)) != LC_OK && !m->notify.is_failing)
        lc_master_say(m, LC_WARNING, "The service manager at %s cannot be told (%s)",
                      m->notify.path, lc_rc_name(rc));
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
    /* The new master of an upgrade is nobody to the manager until the old one has gone. */
    if (m->parent == 0 && (m->was_ready || m->want == 0)) {
        m->notify.is_ready = true;
        tell_ready(m);
        if (m->notify.watchdog_ms > 0)
            next(m, m->notify.watchdog_ms / 2);
        return;
    }
    if (m->parent == 0 && m->loop.now_ms >= m->notify.extend_ms) {
        send_text(m, "EXTEND_TIMEOUT_USEC=%llu\nSTATUS=Booting", EXTEND_US);
        m->notify.extend_ms = m->loop.now_ms + EXTEND_MS;
    }
    next(m, m->parent ? PARENT_LOOK_MS : READY_LOOK_MS);
}

static void on_timer(struct lc_timer *t, uint64_t now_ms LC_UNUSED)
{
    struct lc_master *m = LC_CONTAINER_OF(t, struct lc_master, notify.timer);

    if (!m->notify.is_ready && m->state == LC_MASTER_RUNNING) {
        await_ready(m);
    } else if (m->notify.watchdog_ms > 0) {
        send_text(m, "WATCHDOG=1");
        next(m, m->notify.watchdog_ms / 2);
    }
}

void lc_master_notify_open(struct lc_master *m)
{
    const char *path = m->conf.notify_path;

    m->notify = (struct lc_master_notify){.watchdog_ms = m->conf.watchdog_ms};
    lc_timer_init(&m->notify.timer, on_timer);
    if (path == NULL || strlen(path) >= sizeof m->notify.path) /* no address is so long */
        return;
    memcpy(m->notify.path, path, strlen(path) + 1);
    await_ready(m);
}

void lc_master_notify_reloading(struct lc_master *m)
{
    if (m->parent != 0 || !m->notify.is_ready)
        return;
    m->notify.is_reloading = true;
    /* The kernel's clock since the start, by which the manager tells this reload from the one before. */
    send_text(m, "RELOADING=1\nSTATUS=Reloading\nMONOTONIC_USEC=%llu",
              (unsigned long long)m->loop.now_ms * 1000);
}

void lc_master_notify_reloaded(struct lc_master *m)
{
    if (!m->notify.is_reloading)
        return;
    m->notify.is_reloading = false;
    tell_ready(m);
}

void lc_master_notify_stopping(struct lc_master *m)
{
    if (m->parent != 0)
        return;
    if (m->upgrade != 0) /* the service goes on, with another process */
        send_text(m, "MAINPID=%ld\nSTATUS=Serving", (long)m->upgrade);
    else
        send_text(m, "STOPPING=1\nSTATUS=Stopping");
}
