/* super/heartbeat.c - workers that do not come back.   Runs in: master.
 *
 *      NOT --late--> ASKED --its stacks are here, or 200 ms--> ABORTED --1 s--> KILLED
 *       ^--in time again--'
 *
 * The stacks come first: SIGABRT changes them, and a worker stuck in C without letting go of the GIL never gets to run
 * its handler of SIGABRT, while faulthandler's runs in the signal handler itself. */
#include "super/heartbeat.h"

#include "super/master_int.h"
#include "super/report.h"

#include "os/memfile.h"
#include "os/proc.h"

#include <string.h>

#define SOON_MS     20 /* while something is under way */
#define DUMP_MS     200
#define ABORT_MS    1000
/* When the master itself did not run for so long (the machine, a debugger, ^Z), its workers may not have, either: they
 * get time to beat. */
#define ASLEEP_MS   2500
#define PATIENCE_MS 2000

/* --- judging -------------------------------------------------------------------------------------------------- */

uint64_t lc_heartbeat_due(const struct lc_board_slot *s, const struct lc_late_rule *rule)
{
    uint64_t call = rule->is_call_bounded ? lc_count_get(&s->call_since_ms) : 0;
    uint64_t beat = lc_count_get(&s->beat_ms), due = UINT64_MAX;

    if (atomic_load(&s->life) < LC_LIFE_SERVING)
        return rule->boot_ms ? rule->forked_ms + rule->boot_ms + 1 : due;
    if (rule->timeout_ms == 0)
        return due;
    if (beat != 0)
        due = beat + rule->timeout_ms + 1;
    if (call != 0)
        due = LC_MIN(due, call + rule->timeout_ms + 1);
    return due;
}

enum lc_late lc_heartbeat_judge(const struct lc_board_slot *s, const struct lc_late_rule *rule,
                                uint64_t now_ms, uint64_t *since_ms)
{
    uint64_t call = rule->is_call_bounded ? lc_count_get(&s->call_since_ms) : 0;

    if (lc_heartbeat_due(s, rule) > now_ms)
        return LC_LATE_NOT;
    if (atomic_load(&s->life) < LC_LIFE_SERVING) {
        *since_ms = rule->forked_ms;
        return LC_LATE_BOOT;
    }
    if (call != 0 && call + rule->timeout_ms < now_ms) {
        *since_ms = call;
        return LC_LATE_CALL;
    }
    *since_ms = lc_count_get(&s->beat_ms);
    return LC_LATE_BEAT;
}

static struct lc_late_rule rule_of(const struct lc_master *m, const struct lc_worker_slot *s)
{
    return (struct lc_late_rule){.timeout_ms = m->conf.timeout_ms,
                                 .boot_ms = m->conf.boot_ms,
                                 .is_call_bounded = m->conf.is_call_bounded,
                                 .forked_ms = s->forked_ms};
}

/* --- acting --------------------------------------------------------------------------------------------------- */

static void go(struct lc_master *m, struct lc_worker_slot *s, enum lc_stuck to)
{
    s->stuck = to;
    s->stuck_ms = m->loop.now_ms;
}

static void ask(struct lc_master *m, struct lc_worker_slot *s)
{
    go(m, s, LC_STUCK_ASKED);
    s->dumped = 0;
    if (s->report_fd < 0 || m->conf.dump_signal == 0)
        return;
    lc_memfile_clear(s->report_fd);
    lc_master_kill(s, m->conf.dump_signal);
}

/* A dump is whole when it has stopped growing. */
static bool is_dumped(struct lc_master *m, struct lc_worker_slot *s)
{
    size_t size = s->report_fd >= 0 ? lc_memfile_size(s->report_fd) : 0;
    bool is_whole = size > 0 && size == s->dumped;

    s->dumped = size;
    return is_whole || m->conf.dump_signal == 0 || s->report_fd < 0 ||
           m->loop.now_ms - s->stuck_ms >= DUMP_MS;
}

static void tell_stuck(struct lc_master *m, struct lc_worker_slot *s, enum lc_late late,
                       uint64_t since_ms)
{
    char memory[LC_REPORT_MAX];
    struct lc_report r;
    uint32_t slot = (uint32_t)(s - m->slots);
    char state = lc_proc_state(s->pid);
    bool is_boot = late == LC_LATE_BOOT;

    lc_report_init(&r, memory, sizeof memory);
    lc_report_add(&r, "Worker (pid:%ld, index %u) %s %.1f s (%s %.1f s)%s, inside:", (long)s->pid,
                  slot,
                  is_boot                ? "has not become ready for"
                  : late == LC_LATE_CALL ? "has not come back from a call for"
                                         : "has given no sign of life for",
                  (double)(m->loop.now_ms - since_ms) / 1000, is_boot ? "boot_timeout" : "timeout",
                  (double)(is_boot ? m->conf.boot_ms : m->conf.timeout_ms) / 1000,
                  state == 'T'   ? "; the process is stopped (SIGSTOP, a terminal)"
                  : state == 'D' ? "; the process waits in the kernel (a disk?)"
                                 : "");
    if (lc_report_add_calls(&r, &m->board, slot, m->loop.now_ms) == 0)
        lc_report_add(&r, " no request");
    if (lc_report_add_tail(&r, s->report_fd, INT32_MAX) == 0)
        lc_report_add(&r, "\nIts stacks could not be had.");
    lc_master_tell(m, LC_ERROR, memory);
}

static void abort_it(struct lc_master *m, struct lc_worker_slot *s, enum lc_late late,
                     uint64_t since_ms)
{
    lc_master_say(m, LC_CRITICAL, "WORKER TIMEOUT (pid:%ld)", (long)s->pid);
    tell_stuck(m, s, late, since_ms);
    lc_master_kill(s, SIGABRT);
    go(m, s, LC_STUCK_ABORTED);
}

static void follow(struct lc_master *m, struct lc_worker_slot *s, const struct lc_late_rule *rule)
{
    uint64_t since_ms = 0;
    enum lc_late late =
        lc_heartbeat_judge(lc_master_board_slot(m, s), rule, m->loop.now_ms, &since_ms);

    switch (s->stuck) {
    case LC_STUCK_NOT:
        if (late != LC_LATE_NOT)
            ask(m, s);
        break;
    case LC_STUCK_ASKED:
        if (late == LC_LATE_NOT)
            go(m, s, LC_STUCK_NOT); /* it came back in the last moment */
        else if (is_dumped(m, s))
            abort_it(m, s, late, since_ms);
        break;
    case LC_STUCK_ABORTED:
        if (m->loop.now_ms - s->stuck_ms < ABORT_MS)
            break;
        lc_master_kill(s, SIGKILL);
        go(m, s, LC_STUCK_KILLED);
        break;
    case LC_STUCK_KILLED:
        break;
    }
}

static uint64_t next_look(struct lc_master *m, struct lc_worker_slot *s,
                          const struct lc_late_rule *rule)
{
    if (s->stuck == LC_STUCK_ASKED)
        return m->loop.now_ms + SOON_MS;
    if (s->stuck == LC_STUCK_ABORTED)
        return s->stuck_ms + ABORT_MS;
    return s->stuck == LC_STUCK_KILLED ? UINT64_MAX
                                       : lc_heartbeat_due(lc_master_board_slot(m, s), rule);
}

/* True when nobody can be judged yet, for this process itself has not run. */
static bool was_asleep(struct lc_master *m)
{
    uint64_t now = m->loop.now_ms, last = m->looked_ms;

    m->looked_ms = LC_MAX(now, last);
    if (last != 0 && now > last + ASLEEP_MS)
        m->looked_ms = now + PATIENCE_MS;
    return now < m->looked_ms;
}

void lc_master_look(struct lc_master *m)
{
    uint64_t now = m->loop.now_ms, next = now + LC_MASTER_LOOK_MS;

    lc_master_note_ready(m);
    if (m->state != LC_MASTER_RUNNING ||
        (m->conf.timeout_ms == 0 && m->conf.boot_ms == 0 && !m->is_failing))
        return;
    if (!was_asleep(m)) {
        for (int i = 0; i < m->nslots; i++) {
            struct lc_worker_slot *s = &m->slots[i];
            struct lc_late_rule rule = rule_of(m, s);

            if (s->pid == 0)
                continue;
            follow(m, s, &rule);
            next = LC_MIN(next, next_look(m, s, &rule));
        }
    }
    lc_timer_set(&m->loop.timers, &m->look_timer, LC_MAX(next, now + SOON_MS));
}
