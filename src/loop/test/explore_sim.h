/* loop/test/explore_sim.h - simulated threads, under which a program is run in every order that its locks allow.
 *
 * Each thread is a coroutine, and os/thread.h is implemented here: one thread runs at a time, from one point to its next.
 * Before each point the program's whole memory is kept, and all ways to go on are tried from it, depth first, to the end.
 *
 * The reduction.  All that the threads share is touched under the one lock (I1 of loop/owner.h), so what happens between
 * taking the lock and giving it back is one step to everybody else, and two steps of which neither touches what the other
 * does may be made in any order: one is enough.  So the points are where a thread takes the lock or sleeps, where it makes
 * a step outside the lock that others see (sim_aside), and where it touches an atomic or an inner lock.  Two kinds of point
 * lie under the lock, for what others do meanwhile can be told there: sim_gate, where they may come and find it taken, and
 * sim_stored, where they may read an atomic between two stores.
 *
 * The memory.  What follows from a point depends on the program's whole memory and on nothing else: the simulation, the
 * registered regions, the live parts of the stacks, with the registers, which lie there too.  A point whose memory (a hash
 * of 64 bits) was met before is not gone on from: its interleavings were counted, and the number is taken from there.
 * Rubbish in dead slots makes two equal states differ, which costs time; the other way round it takes a collision.
 * sim_explore(.., false) does without, and must count the same.
 *
 * Left out: memory orders weaker than sequential consistency (ThreadSanitizer looks after those), and more ticks, late
 * waits and spurious wake-ups than the program allows. */
#ifndef LC_LOOP_TEST_EXPLORE_SIM_H
#define LC_LOOP_TEST_EXPLORE_SIM_H

#include "base/base.h"

enum { SIM_THREADS = 8 };

struct sim_program {
    void (*start)(void); /* puts all back to its begin, and starts the threads */
    void (*look)(void);  /* at every state in which the lock is free */
    /* Nobody can go on: checks, and returns true if it let somebody. */
    bool (*rest)(void);
    const char *(*tell)(void); /* the state's name, for the trace */
};

struct sim_counts {
    uint64_t states;      /* different ones, in which there was a choice */
    uint64_t transitions; /* steps that were made */
    uint64_t
        interleavings; /* complete ones, from the begin to where nobody can go on; UINT64_MAX: as many or more */
    uint32_t deepest; /* the steps of the longest */
};

struct sim_counts sim_explore(const struct sim_program *p, bool has_memory);

/* --- for start() --- */

/* Memory that the program's way depends on. */
void sim_region(void *p, size_t len);
/* How often the sleeps of thread t may end by their time, and how many of all sleeps may end for nothing.  A ticker's time
 * also passes when nobody else can go on. */
void sim_allow(int t, int timeouts, bool is_ticker);
void sim_allow_spurious(int n);
int sim_start(const char *name, void (*fn)(void *arg), void *arg);

/* --- for threads --- */

int sim_self(void);
/* A step outside the lock, which waits until ways(arg) > 0; returns which was taken. */
int sim_aside(const char *what, int (*ways)(void *arg), void *arg);
/* The same for a condition that stays true: it goes on at once, since nobody can see when it does. */
void sim_until(const char *what, int (*is_true)(void *arg), void *arg);
/* Under the lock: others may come and wait for it, or make their steps outside. */
void sim_gate(void);
/* The process has forked, and this is the only thread of the child; what was locked stays so. */
void sim_be_alone(void);
void sim_end(void); /* of this thread; does not return */

/* --- for explore_atomics.h --- */

void sim_glance(void);
void sim_stored(void);

/* --- for checks --- */

bool sim_has_lock(int t);
bool sim_is_asleep(int t); /* on a condition that was not signalled */
bool sim_have_all_ended(void);
LC_NORETURN void sim_fail(const char *fmt, ...) LC_PRINTF(1, 2);
/* Prints at the head of a failure. */
void sim_set_title(const char *title);

#endif
