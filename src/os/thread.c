/* os/thread.c - threads of our own, which never run a guest language's code. */
#include "os/thread.h"

#include "os/errno_int.h"
#include "os/sig.h"

#include <errno.h>
#include <time.h>
#include <unistd.h>

#ifdef __linux__
#    include <sys/syscall.h>
#endif

#ifdef __APPLE__
#    include "os/clock.h"
#endif

void lc_mutex_init(struct lc_mutex *m)
{
    LC_CHECK(pthread_mutex_init(&m->m, NULL) == 0);
}

void lc_mutex_lock(struct lc_mutex *m)
{
    LC_CHECK(pthread_mutex_lock(&m->m) == 0);
}

bool lc_mutex_try_lock(struct lc_mutex *m)
{
    int error = pthread_mutex_trylock(&m->m);

    LC_CHECK(error == 0 || error == EBUSY);
    return error == 0;
}

void lc_mutex_unlock(struct lc_mutex *m)
{
    LC_CHECK(pthread_mutex_unlock(&m->m) == 0);
}

void lc_mutex_fini(struct lc_mutex *m)
{
    LC_CHECK(pthread_mutex_destroy(&m->m) == 0);
}

#ifdef __APPLE__
/* No monotonic condition variables there, but a wait for a length of time. */
static int init_monotonic(pthread_cond_t *c)
{
    return pthread_cond_init(c, NULL);
}

static int wait_until(pthread_cond_t *c, pthread_mutex_t *m, uint64_t due_ms)
{
    uint64_t now_ms = lc_clock_mono_ms();
    uint64_t left_ms = due_ms > now_ms ? due_ms - now_ms : 0;
    struct timespec ts = {.tv_sec = (time_t)(left_ms / 1000),
                          .tv_nsec = (long)(left_ms % 1000) * 1000000L};

    return pthread_cond_timedwait_relative_np(c, m, &ts);
}
#else
static int init_monotonic(pthread_cond_t *c)
{
    pthread_condattr_t attr;
    int error;

    if ((error = pthread_condattr_init(&attr)) != 0)
        return error;
    if ((error = pthread_condattr_setclock(&attr, CLOCK_MONOTONIC)) == 0)
        error = pthread_cond_init(c, &attr);
    (void)pthread_condattr_destroy(&attr);
    return error;
}

static int wait_until(pthread_cond_t *c, pthread_mutex_t *m, uint64_t due_ms)
{
    struct timespec ts = {.tv_sec = (time_t)(due_ms / 1000),
                          .tv_nsec = (long)(due_ms % 1000) * 1000000L};

    return pthread_cond_timedwait(c, m, &ts);
}
#endif

void lc_cond_init(struct lc_cond *c)
{
    LC_CHECK(init_monotonic(&c->c) == 0);
}

void lc_cond_wait(struct lc_cond *c, struct lc_mutex *m)
{
    LC_CHECK(pthread_cond_wait(&c->c, &m->m) == 0);
}

enum lc_rc lc_cond_wait_until(struct lc_cond *c, struct lc_mutex *m, uint64_t due_ms)
{
    int error = wait_until(&c->c, &m->m, due_ms);

    LC_CHECK(error == 0 || error == ETIMEDOUT);
    return error == 0 ? LC_OK : LC_AGAIN;
}

void lc_cond_signal(struct lc_cond *c)
{
    LC_CHECK(pthread_cond_signal(&c->c) == 0);
}

void lc_cond_broadcast(struct lc_cond *c)
{
    LC_CHECK(pthread_cond_broadcast(&c->c) == 0);
}

void lc_cond_fini(struct lc_cond *c)
{
    LC_CHECK(pthread_cond_destroy(&c->c) == 0);
}

static void *thread_main(void *arg)
{
    struct lc_thread *t = arg;

    t->fn(t->arg);
    return NULL;
}

enum lc_rc lc_thread_start(struct lc_thread *t, lc_thread_fn fn, void *arg)
{
    sigset_t old;
    int error;

    t->fn = fn;
    t->arg = arg;
    /* The mask is inherited at birth: blocking in the thread itself would leave it open for a
     * moment. */
    lc_sig_block_all(&old);
    error = pthread_create(&t->id, NULL, thread_main, t);
    lc_sig_restore(&old);
    return error == 0 ? LC_OK : LC_ENOMEM;
}

void lc_thread_join(struct lc_thread *t)
{
    LC_CHECK(pthread_join(t->id, NULL) == 0);
}

int64_t lc_thread_number(void)
{
#ifdef __linux__
    return syscall(SYS_gettid);
#else
    return getpid();
#endif
}
