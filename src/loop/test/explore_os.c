/* loop/test/explore_os.c - os/thread.h, and what else the system does, for simulated threads. */
#include "explore_sim.h"

#include "explore_sim_int.h"

#include "os/clock.h"
#include "os/thread.h"

#include <sched.h>
#include <string.h>

void lc_mutex_init(struct lc_mutex *m)
{
    memset(m, 0, sizeof *m);
    if (sim.lock == NULL)
        sim.lock = m;
}

void lc_mutex_fini(struct lc_mutex *m LC_UNUSED) {}

/* Nobody stops who has it: it is always free. */
static void lock_inner(void)
{
    sim_must(sim.inner_holder < 0, "takes an inner lock, and has one");
    if (sim.holder != sim.self)
        sim_stop_at(AT_INNER, "inner lock");
    sim.inner_holder = sim.self;
}

void lc_mutex_lock(struct lc_mutex *m)
{
    if (m != sim.lock) {
        lock_inner();
        return;
    }
    sim_must(sim.holder != sim.self, "takes the lock twice");
    sim_must(sim.inner_holder != sim.self, "takes the lock after an inner one");
    sim_stop_at(AT_LOCK, "lock");
    sim.holder = sim.self;
}

bool lc_mutex_try_lock(struct lc_mutex *m)
{
    sim_must(m == sim.lock && sim.holder != sim.self, "takes the lock twice");
    sim_stop_at(AT_TRY, "enter");
    if (sim.holder >= 0)
        return false;
    sim.holder = sim.self;
    return true;
}

void lc_mutex_unlock(struct lc_mutex *m)
{
    int *holder = m == sim.lock ? &sim.holder : &sim.inner_holder;

    sim_must(*holder == sim.self, "gives back a lock that it has not");
    *holder = -1;
}

void lc_cond_init(struct lc_cond *c)
{
    memset(c, 0, sizeof *c);
}

void lc_cond_fini(struct lc_cond *c)
{
    for (int t = 0; t < sim.nthreads; t++)
        sim_must(sim.threads[t].at != AT_SLEEP || sim.threads[t].cond != c,
                 "the condition has a sleeper");
}

static bool sleep_on(struct lc_cond *c, const struct lc_mutex *m, bool is_timed)
{
    struct sim_thread *t = &sim.threads[sim.self];
    bool is_inner = m != sim.lock, was_over;
    int *holder = is_inner ? &sim.inner_holder : &sim.holder;

    sim_must(*holder == sim.self, "sleeps without the lock");
    *holder = -1;
    sim_must(sim.holder != sim.self, "sleeps with the lock");
    t->cond = c;
    t->is_timed = is_timed;
    t->is_inner = is_inner;
    sim_stop_at(AT_SLEEP, is_timed ? "a timed sleep" : "a sleep");
    *holder = sim.self;
    was_over = t->is_over;
    t->is_over = false;
    return was_over;
}

void lc_cond_wait(struct lc_cond *c, struct lc_mutex *m)
{
    (void)sleep_on(c, m, false);
}

enum lc_rc lc_cond_wait_until(struct lc_cond *c, struct lc_mutex *m, uint64_t due_ms LC_UNUSED)
{
    return sleep_on(c, m, true) ? LC_AGAIN : LC_OK;
}

/* Who of two would be woken is nobody's to say: each condition has one sleeper, or is broadcast. */
void lc_cond_signal(struct lc_cond *c)
{
    struct sim_thread *sleeper = NULL;

    for (int t = 0; t < sim.nthreads; t++) {
        if (sim.threads[t].at != AT_SLEEP || sim.threads[t].cond != c)
            continue;
        sim_must(sleeper == NULL, "two sleep on a condition that is signalled");
        sleeper = &sim.threads[t];
    }
    if (sleeper)
        sim_rouse(sleeper);
}

void lc_cond_broadcast(struct lc_cond *c)
{
    for (int t = 0; t < sim.nthreads; t++) {
        if (sim.threads[t].at == AT_SLEEP && sim.threads[t].cond == c)
            sim_rouse(&sim.threads[t]);
    }
}

enum lc_rc lc_thread_start(struct lc_thread *t, lc_thread_fn fn, void *arg)
{
    memset(t, 0, sizeof *t);
    (void)sim_start("watcher", fn, arg);
    return LC_OK;
}

void lc_thread_join(struct lc_thread *t LC_UNUSED) {}

/* Time passes in sim_ways alone. */
uint64_t lc_clock_mono_ms(void)
{
    return 0;
}

/* Whatever the others do while it waits they may do before it takes the lock again. */
int sched_yield(void)
{
    return 0;
}
