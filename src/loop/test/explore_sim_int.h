/* loop/test/explore_sim_int.h - what the threads (explore_sim.c), their system (explore_os.c) and the walk over
 * their orders (explore_walk.c) share. */
#ifndef LC_LOOP_TEST_EXPLORE_SIM_INT_H
#define LC_LOOP_TEST_EXPLORE_SIM_INT_H

#include "explore_sim.h"

enum { SIM_WAYS = 32, SIM_JUMP_WORDS = 5 };

/* Where a thread stands. */
enum sim_at {
    AT_NOTHING, /* it has not begun, or runs */
    AT_LOCK,    /* it wants the lock */
    AT_TRY,     /* the same, and goes another way when it is taken */
    AT_SLEEP,   /* on a condition */
    AT_ASIDE,   /* sim_aside */
    AT_UNTIL,   /* sim_until */
    AT_GATE,    /* sim_gate */
    AT_STORED,  /* it has stored an atomic, under the lock */
    AT_INNER,   /* it wants an inner lock */
    AT_GLANCE,  /* it is about to read an atomic, without the lock */
    AT_END,
};

struct sim_thread {
    enum sim_at at;
    int timeouts, way;
    bool is_timed, is_over, is_inner, is_ticker;
    const void *cond;
    int (*ways)(void *arg);
    void *ways_arg;
    const char *name, *what;
    void (*fn)(void *arg);
    void *arg;
    char *sp; /* above it the stack is live */
    void *jump[SIM_JUMP_WORDS];
};

/* What a step changes, all of it part of the program's memory. */
struct sim_state {
    struct sim_thread threads[SIM_THREADS];
    int nthreads, holder, inner_holder, self, spurious, idle_ticks;
    const void *lock; /* the first one; the others are inner */
};

extern struct sim_state sim;

/* One way to go on: a thread, and which of its ways. */
struct sim_way {
    int t, way;
    const char *how;
};

/* A piece of the program's memory. */
struct sim_piece {
    void *p;
    size_t len;
};

/* The thread that runs stops here until the walk lets it go on. */
void sim_stop_at(enum sim_at at, const char *what);
/* A sleeper goes on to take its lock. */
void sim_rouse(struct sim_thread *t);
void sim_must(bool is_true, const char *what);

void sim_reset(void);
/* All ways to go on from here; 0: nobody can. */
int sim_ways(struct sim_way *ways);
/* Makes the step; *what: where the thread stood. */
void sim_go(const struct sim_way *w, const char **what);
bool sim_is_locked(void);
/* The i-th piece of the program's memory; false: there are no more.  The first says how long the others are. */
bool sim_piece(int i, struct sim_piece *piece);

const char *sim_name(int t);
/* Prints the steps that led here. */
void sim_tell_steps(void);

#endif
