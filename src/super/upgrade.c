/* super/upgrade.c - USR2: another program takes over the sockets, and this one may go.   Runs in: master.
 *
 *      old:  serves --USR2--> serves beside the new one --TERM, or WINCH and QUIT--> gone
 *                                 \--the new one ends--> serves as before
 *      new:  serves as "Master.2" --the old one has gone--> promoted
 */
#include "super/master_int.h"
#include "super/report.h"

#include <unistd.h>

#define PARENT_LOOK_MS 500

const char *lc_master_name(const struct lc_master *m)
{
    return m->parent ? "Master.2" : "Master";
}

void lc_master_upgrade(struct lc_master *m)
{
    pid_t pid;

    if (m->state != LC_MASTER_RUNNING)
        return;
    if (m->upgrade || m->parent) {
        lc_master_say(m, LC_WARNING, "USR2 signal ignored. %s exists.",
                      m->upgrade ? "Child" : "Parent");
        return;
    }
    pid = m->host.upgrade(m->host.ctx);
    if (pid > 0)
        m->upgrade = pid;
    else
        lc_master_say(m, LC_ERROR, "The new master could not be forked (processes, memory?)");
}

void lc_master_upgrade_ended(struct lc_master *m, int status)
{
    char memory[128];
    struct lc_report r;

    lc_report_init(&r, memory, sizeof memory);
    lc_report_add_status(&r, status);
    lc_master_say(m, LC_WARNING, "The new master (pid:%ld) has ended (%s); this one serves on",
                  (long)m->upgrade, memory);
    m->upgrade = 0;
    m->host.upgrade_ended(m->host.ctx);
}

void lc_master_watch_parent(struct lc_master *m)
{
    if (m->parent == 0)
        return;
    if (getppid() == m->parent) {
        lc_timer_set(&m->loop.timers, &m->parent_timer, m->loop.now_ms + PARENT_LOOK_MS);
        return;
    }
    m->parent = 0;
    lc_master_say(m, LC_INFO, "Master has been promoted.");
    m->host.promoted(m->host.ctx);
}
