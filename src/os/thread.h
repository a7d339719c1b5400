/* os/thread.h - threads of our own, which never run a guest language's code.
 *
 * Thin on purpose: a misuse that pthreads would only report (an unlock by a stranger) is a bug here
 * and ends the process. */
#ifndef LC_OS_THREAD_H
#define LC_OS_THREAD_H

#include "base/base.h"

#include <pthread.h>

struct lc_mutex {
    pthread_mutex_t m;
};

struct lc_cond {
    pthread_cond_t c;
};

typedef void (*lc_thread_fn)(void *arg);

struct lc_thread {
    pthread_t id;
    lc_thread_fn fn;
    void *arg;
};

void lc_mutex_init(struct lc_mutex *m);
void lc_mutex_lock(struct lc_mutex *m);
LC_MUST_USE bool lc_mutex_try_lock(struct lc_mutex *m); /* false when another thread has it */
void lc_mutex_unlock(struct lc_mutex *m);
void lc_mutex_fini(struct lc_mutex *m);

void lc_cond_init(struct lc_cond *c);
/* May return without a reason: look at the condition again. */
void lc_cond_wait(struct lc_cond *c, struct lc_mutex *m);
/* As lc_cond_wait (LC_OK), or LC_AGAIN once lc_clock_mono_ms() reached due_ms. */
LC_MUST_USE enum lc_rc lc_cond_wait_until(struct lc_cond *c, struct lc_mutex *m, uint64_t due_ms);
void lc_cond_signal(struct lc_cond *c);
void lc_cond_broadcast(struct lc_cond *c);
void lc_cond_fini(struct lc_cond *c);

/* Runs fn(arg) with all signals blocked, so that they reach the threads that expect them.  t must
 * live until the join.  LC_ENOMEM: the system has no room for a thread. */
LC_MUST_USE enum lc_rc lc_thread_start(struct lc_thread *t, lc_thread_fn fn, void *arg);
void lc_thread_join(struct lc_thread *t);

/* The calling thread's number, as the system shows it (ps, py-spy); the process's where it shows none. */
int64_t lc_thread_number(void);

#endif
