/* loop/test/explore_sim.c - see explore_sim.h: the threads, the program's memory, and which thread can go on. */
#include "explore_sim.h"

#include "explore_sim_int.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <ucontext.h>

enum { STACK = 1 << 16, REGIONS = 8, IDLE_TICKS = 8 };

struct sim_state sim;

static struct sim_piece regions[REGIONS];
static int nregions;
static char stacks[SIM_THREADS][STACK] __attribute__((aligned(64)));
static void *scheduler[SIM_JUMP_WORDS];
static const char *title = "";

/* --- failing -------------------------------------------------------------------------------------------------- */

void sim_set_title(const char *text)
{
    title = text;
}

const char *sim_name(int t)
{
    return sim.threads[t].name;
}

static void tell_places(void)
{
    for (int t = 0; t < sim.nthreads; t++)
        printf("      %-8s at %s\n", sim.threads[t].name, sim.threads[t].what);
}

void sim_fail(const char *fmt, ...)
{
    va_list ap;

    printf("\n%s: FAILED: ", title);
    va_start(ap, fmt);
    vprintf(fmt, ap);
    va_end(ap);
    printf("\n");
    sim_tell_steps();
    tell_places();
    fflush(stdout);
    exit(1);
}

void lc_check_failed(const char *what, const char *file, int line)
{
    sim_fail("%s:%d: %s", file, line, what);
}

void sim_must(bool is_true, const char *what)
{
    if (!is_true)
        sim_fail("%s", what);
}

/* --- threads --------------------------------------------------------------------------------------------------
 *
 * The compiler's own setjmp keeps no registers but those that find the stack: who calls it has the others there.  The
 * library's hides its addresses, and the sanitizers take it for an end of frames.  Nobody may be told which registers these
functions leave alone, for a jump leaves none. */

#ifdef __has_attribute
#    if __has_attribute(noipa)
#        define OPAQUE __attribute__((noipa))
#    endif
#endif
#ifndef OPAQUE
#    define OPAQUE __attribute__((noinline))
#endif

static OPAQUE void to_scheduler(void)
{
    __builtin_longjmp(scheduler, 1);
}

static OPAQUE void to_thread(struct sim_thread *t)
{
    __builtin_longjmp(t->jump, 1);
}

/* A frame below all that its callers saved. */
static OPAQUE void note_sp(struct sim_thread *t)
{
    t->sp = __builtin_frame_address(0);
}

OPAQUE void sim_stop_at(enum sim_at at, const char *what)
{
    struct sim_thread *t = &sim.threads[sim.self];

    t->at = at;
    t->what = what;
    note_sp(t);
    if (__builtin_setjmp(t->jump) == 0)
        to_scheduler();
    sim.threads[sim.self].at = AT_NOTHING;
}

void sim_end(void)
{
    sim_must(sim.holder != sim.self, "ended with the lock");
    sim_stop_at(AT_END, "its end");
    abort();
}

static void thread_main(void)
{
    struct sim_thread *t = &sim.threads[sim.self];

    t->fn(t->arg);
    sim_end();
}

/* A thread is born on its stack by makecontext, and then only jumped to: swapcontext asks the kernel for the signal mask
 * each time, and would take most of the time. */
static void beget(int i)
{
    ucontext_t here, there;

    memset(stacks[i], 0, STACK);
    memset(&there, 0, sizeof there);
    sim_must(getcontext(&there) == 0, "getcontext");
    there.uc_stack.ss_sp = stacks[i];
    there.uc_stack.ss_size = STACK;
    there.uc_link = NULL;
    makecontext(&there, thread_main, 0);
    sim_must(swapcontext(&here, &there) == 0, "swapcontext");
}

static OPAQUE void resume(int t)
{
    sim.self = t;
    if (__builtin_setjmp(scheduler) == 0) {
        if (sim.threads[sim.self].sp)
            to_thread(&sim.threads[sim.self]);
        else
            beget(sim.self);
    }
    sim.self = -1;
}

int sim_start(const char *name, void (*fn)(void *arg), void *arg)
{
    int i = sim.nthreads++;

    sim_must(i < SIM_THREADS, "too many threads");
    sim.threads[i] = (struct sim_thread){.name = name, .what = "its begin", .fn = fn, .arg = arg};
    return i;
}

void sim_allow(int t, int timeouts, bool is_ticker)
{
    sim.threads[t].timeouts = timeouts;
    sim.threads[t].is_ticker = is_ticker;
}

void sim_allow_spurious(int n)
{
    sim.spurious = n;
}

int sim_self(void)
{
    return sim.self;
}

bool sim_is_locked(void)
{
    return sim.holder >= 0;
}

bool sim_has_lock(int t)
{
    return sim.holder == t;
}

bool sim_is_asleep(int t)
{
    return sim.threads[t].at == AT_SLEEP;
}

bool sim_have_all_ended(void)
{
    for (int t = 0; t < sim.nthreads; t++) {
        if (sim.threads[t].at != AT_END)
            return false;
    }
    return true;
}

int sim_aside(const char *what, int (*ways)(void *arg), void *arg)
{
    struct sim_thread *t = &sim.threads[sim.self];
    int way;

    sim_must(sim.holder != sim.self, "makes a step outside the lock, and has it");
    t->ways = ways;
    t->ways_arg = arg;
    sim_stop_at(AT_ASIDE, what);
    way = t->way;
    t->way = 0;
    return way;
}

void sim_until(const char *what, int (*is_true)(void *arg), void *arg)
{
    struct sim_thread *t = &sim.threads[sim.self];

    sim_must(sim.holder != sim.self, "waits with the lock");
    t->ways = is_true;
    t->ways_arg = arg;
    sim_stop_at(AT_UNTIL, what);
}

void sim_gate(void)
{
    sim_must(sim.holder == sim.self, "a gate without the lock");
    sim_stop_at(AT_GATE, "between two events");
}

void sim_be_alone(void)
{
    for (int t = 0; t < sim.nthreads; t++) {
        if (t != sim.self)
            sim.threads[t].at = AT_END;
    }
}

void sim_glance(void)
{
    if (sim.holder != sim.self)
        sim_stop_at(AT_GLANCE, "without the lock");
}

/* Who does not read now may have done so before or after. */
void sim_stored(void)
{
    sim_must(sim.holder == sim.self, "stores without the lock");
    for (int t = 0; t < sim.nthreads; t++) {
        if (sim.threads[t].at == AT_GLANCE || sim.threads[t].at == AT_INNER) {
            sim_stop_at(AT_STORED, "behind a store");
            return;
        }
    }
}

void sim_rouse(struct sim_thread *t)
{
    t->at = t->is_inner ? AT_INNER : AT_LOCK;
    t->what = "lock, after its sleep";
    t->cond = NULL;
}

/* --- the program's memory ------------------------------------------------------------------------------------- */

void sim_region(void *p, size_t n)
{
    sim_must(nregions < REGIONS, "too many regions");
    regions[nregions++] = (struct sim_piece){.p = p, .len = n};
}

bool sim_piece(int i, struct sim_piece *piece)
{
    struct sim_thread *t;

    *piece = (struct sim_piece){.p = &sim, .len = sizeof sim};
    if (i == 0)
        return true;
    i--;
    if (i < nregions) {
        *piece = regions[i];
        return true;
    }
    i -= nregions;
    if (i >= sim.nthreads)
        return false;
    t = &sim.threads[i];
    piece->p = t->sp;
    piece->len = t->at == AT_END || t->sp == NULL ? 0 : (size_t)(stacks[i] + STACK - t->sp);
    return true;
}

void sim_reset(void)
{
    memset(&sim, 0, sizeof sim);
    sim.holder = sim.inner_holder = sim.self = -1;
    nregions = 0;
}

/* --- who can go on -------------------------------------------------------------------------------------------- */

static int add(struct sim_way *ways, int n, int t, int way, const char *how)
{
    sim_must(n < SIM_WAYS, "too many ways");
    ways[n] = (struct sim_way){.t = t, .way = way, .how = how};
    return n + 1;
}

/* What can be done whoever has the lock. */
static int ways_outside(struct sim_way *ways, int n, int i)
{
    struct sim_thread *t = &sim.threads[i];

    if (t->at == AT_INNER)
        return add(ways, n, i, -1, "takes");
    if (t->at == AT_GLANCE)
        return add(ways, n, i, -1, "reads");
    if (t->at == AT_ASIDE) {
        for (int w = 0, all = t->ways(t->ways_arg); w < all; w++)
            n = add(ways, n, i, w, "makes");
    }
    return n;
}

/* A sleep that ends by itself while another has the lock might as well have ended before. */
static int ways_of(struct sim_way *ways, int n, int i)
{
    struct sim_thread *t = &sim.threads[i];

    if (t->at == AT_LOCK || t->at == AT_TRY)
        return add(ways, n, i, -1, "takes");
    if (t->at != AT_SLEEP)
        return ways_outside(ways, n, i);
    if (t->is_timed && t->timeouts > 0)
        n = add(ways, n, i, -1, "time is up");
    if (sim.spurious > 0)
        n = add(ways, n, i, -1, "spurious");
    return n;
}

static int ways_under_lock(struct sim_way *ways)
{
    struct sim_thread *holder = &sim.threads[sim.holder];
    int n = 0;

    if (holder->at == AT_END) /* it did not come along into the child */
        holder = NULL;
    else
        n = add(ways, n, sim.holder, -1, "goes on");
    sim_must(holder == NULL || holder->at == AT_GATE || holder->at == AT_STORED,
             "stopped with the lock");
    for (int i = 0; i < sim.nthreads; i++) {
        struct sim_thread *t = &sim.threads[i];

        if (holder && holder->at == AT_STORED && t->at == AT_ASIDE)
            continue;
        if (t->at == AT_TRY && !(holder && holder->at == AT_STORED))
            n = add(ways, n, i, -1, "comes");
        n = ways_outside(ways, n, i);
    }
    return n;
}

/* Steps that nobody can see are made at once. */
static int hidden(struct sim_way *ways)
{
    for (int i = 0; i < sim.nthreads; i++) {
        struct sim_thread *t = &sim.threads[i];

        if (t->at == AT_NOTHING)
            return add(ways, 0, i, -1, "begins");
        if (t->at == AT_UNTIL && t->ways(t->ways_arg) > 0)
            return add(ways, 0, i, -1, "goes on");
    }
    return 0;
}

/* When all else rests time passes, until the tickers, too, change nothing. */
static int force_tick(struct sim_way *ways)
{
    if (sim.idle_ticks >= IDLE_TICKS)
        return 0;
    for (int i = 0; i < sim.nthreads; i++) {
        struct sim_thread *t = &sim.threads[i];

        if (t->at == AT_SLEEP && t->is_timed && t->is_ticker) {
            sim.idle_ticks++;
            t->timeouts++;
            return add(ways, 0, i, -1, "time is up");
        }
    }
    return 0;
}

int sim_ways(struct sim_way *ways)
{
    int n = 0;

    sim_must(sim.inner_holder < 0, "stopped with an inner lock");
    if (sim.holder >= 0)
        return ways_under_lock(ways);
    if ((n = hidden(ways)) > 0)
        return n;
    for (int i = 0; i < sim.nthreads; i++)
        n = ways_of(ways, n, i);
    return n > 0 ? n : force_tick(ways);
}

void sim_go(const struct sim_way *w, const char **what)
{
    struct sim_thread *t = &sim.threads[w->t];

    *what = t->what;
    if (t->at == AT_SLEEP) {
        t->is_over = w->how[0] == 't';
        if (t->is_over)
            t->timeouts--;
        else
            sim.spurious--;
        sim_rouse(t);
        return;
    }
    /* A ticker's own steps after a tick do not count as somebody else's progress. */
    if (!t->is_ticker)
        sim.idle_ticks = 0;
    t->way = w->way;
    resume(w->t);
}
