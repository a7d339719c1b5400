/* engine/worker.h - one worker's engine, assembled: loop, owner, watcher, listeners, HTTP/1 connections.
 *
 *      BOOTING --ready--> RUNNING
 *      RUNNING --stop(graceful)--> DRAINING (no accepting, answers say close) --no connection left, or time is up--> ENDED
 *              --stop(quick)---------------------------------------------------------------------------------------> ENDED
 *
 * While others of the server serve on, a draining worker parts from its clients: for LC_PART_MS who is between requests
 * may come once more, and is answered with Connection: close.  A close could cross a request on its way, which would be
 * lost.  When the whole server ends, who is idle is closed at once.
 *
 * A booting worker has no application yet: its watcher steps, answers what the engine answers, and keeps requests.
 *
 * Application threads call lc_worker_serve, each with a seat of its own, and stay there.  With one thread and inline
 * calls the main thread serves; otherwise it attends (lc_worker_attend): it runs the guest's signal handlers and starts
 * threads when requests wait for one. */
#ifndef LC_ENGINE_WORKER_H
#define LC_ENGINE_WORKER_H

#include "engine/access_log.h"
#include "engine/account.h"
#include "engine/config.h"
#include "engine/reuse.h"
#include "engine/share.h"
#include "http1/conn.h"
#include "loop/loop.h"
#include "loop/owner.h"
#include "loop/watch.h"

#include <stdatomic.h>
#include <sys/types.h>

#define LC_PART_MS 2000
#define LC_THREAD_IDLE_MS \
    60000 /* a thread beyond the first that had nothing to do for so long retires */

/* Who runs requests.  call() is made without the lock, and ends its exchange, under the lock, before it returns; what it
 * must wait for it waits for with lc_owner_wait. */
struct lc_app {
    void *ctx; /* handed to the guest's functions too */
    void (*call)(void *seat_ctx, struct lc_exchange *x);
};

/* One thread of the application at the engine. */
struct lc_server {
    struct lc_seat seat;
    struct lc_host guest; /* of this thread */
    void *ctx;            /* handed to app.call */
    bool is_first;        /* never retires */
    bool is_main;         /* runs the guest's signal handlers */
    struct lc_exchange
        *x; /* being called; app.call clears it, under the lock, when it ends the exchange */
    struct lc_account_seat account;
    struct lc_ready ready[LC_LOOP_BATCH];
};

enum lc_worker_state {
    LC_WORKER_BOOTING,
    LC_WORKER_RUNNING,
    LC_WORKER_DRAINING,
    LC_WORKER_ENDED,
};

struct lc_worker {
    uint32_t magic;
    enum lc_worker_state state;
    const struct lc_engine_conf *conf;
    struct lc_loop loop;
    struct lc_owner owner;
    struct lc_watcher watcher;
    bool has_watcher;
    struct lc_ready watcher_ready[LC_LOOP_BATCH];
    struct lc_h1 h1;
    struct lc_app app;
    struct lc_handler gate;    /* takes requests from the protocols into `ready` */
    struct lc_list ready;      /* complete requests that wait for their call, oldest first */
    bool is_turn;              /* a turn has begun and not ended */
    struct lc_server *caller;  /* whose call holds an exchange that was not told to rest */
    struct lc_seat *main_seat; /* who is nudged for signals and threads */
    uint32_t nthreads;         /* started or being started */
    bool wants_thread;
    struct lc_log_limit overload;
    struct lc_account account;
    struct lc_access_log access_log;
    struct lc_share share;
    struct lc_reuse reuse;
    struct lc_listener_conf accept;
    struct lc_listener listeners[LC_LISTENERS_MAX];
    uint32_t nlisteners;
    struct lc_watch signal_watch; /* the pipe that the guest's signal handlers write to */
    atomic_bool has_signal;       /* the guest should run its handlers */
    atomic_bool wants_wakeups;    /* ... and see whether its signals still write to the pipe */
    int chained_fd;               /* what the pipe says is written there too; -1 */
    uint64_t end_by_ms;           /* while draining */
    uint64_t part_by_ms;          /* until then idle clients stay; 0: they do not */
    struct lc_limits parting;     /* what holds meanwhile: no keep-alive */
    uint64_t look_ms;             /* when to look at the parent next */
    uint64_t ncalls, ncalls_seen; /* begun, and at the last look */
    pid_t master;
};

/* release: the guest's, called under the lock.  signal_fd: readable when the guest caught a signal, or -1. */
LC_MUST_USE enum lc_rc lc_worker_open(struct lc_worker *w, const struct lc_engine_conf *conf,
                                      const struct lc_host *release, const struct lc_app *app,
                                      int signal_fd);
/* Opened early: the application is there.  To be followed by serving. */
void lc_worker_ready(struct lc_worker *w);
/* The calling thread serves until the worker has ended, or it retires.  s->guest, s->ctx, is_first and is_main are set. */
void lc_worker_serve(struct lc_worker *w, struct lc_server *s);
/* The main thread, when others serve: returns when the worker has ended (false), or a thread is to be started (true),
 * which calls lc_worker_serve or lc_worker_no_thread. */
bool lc_worker_attend(struct lc_worker *w, struct lc_server *s);
void lc_worker_no_thread(struct lc_worker *w);
/* False: threads are still inside calls; nothing was freed, and the process should end. */
LC_MUST_USE bool lc_worker_close(struct lc_worker *w, uint64_t patience_ms);
/* Signals are told on to this descriptor, which is the worker's from here; -1: to nobody.  Not under the lock. */
void lc_worker_chain_signals(struct lc_worker *w, int fd);
/* From any thread, also from inside an application call; not under the lock. */
void lc_worker_stop(struct lc_worker *w, bool is_graceful);
/* Answers that wait to leave together leave now, and what their heads lie in comes back to their exchanges.  Under the
 * lock, also inside a call. */
void lc_worker_uncork(struct lc_worker *w);

#endif
