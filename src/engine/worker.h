/* engine/worker.h - one worker's engine, assembled: loop, owner, listeners, HTTP/1 connections.
 *
 *      RUNNING --stop(graceful)--> DRAINING (no accepting, answers say close) --no connection left, or time is up--> ENDED
 *              --stop(quick)---------------------------------------------------------------------------------------> ENDED
 */
#ifndef LC_ENGINE_WORKER_H
#define LC_ENGINE_WORKER_H

#include "engine/config.h"
#include "http1/conn.h"
#include "loop/loop.h"
#include "loop/owner.h"

#include <stdatomic.h>
#include <sys/types.h>

/* Who runs requests.  call() ends its exchange before it returns. */
struct lc_app {
    void *ctx;
    void (*call)(void *ctx, struct lc_exchange *x);
};

enum lc_worker_state { LC_WORKER_RUNNING, LC_WORKER_DRAINING, LC_WORKER_ENDED };

struct lc_worker {
    uint32_t magic;
    enum lc_worker_state state;
    const struct lc_engine_conf *conf;
    struct lc_loop loop;
    struct lc_owner owner;
    struct lc_h1 h1;
    struct lc_app app;
    struct lc_handler gate; /* takes requests from the protocols into `ready` */
    struct lc_list ready;   /* complete requests that wait for their call, oldest first */
    struct lc_listener_conf accept;
    struct lc_listener listeners[LC_LISTENERS_MAX];
    uint32_t nlisteners;
    struct lc_watch signal_watch; /* the pipe that the guest's signal handlers write to */
    atomic_bool has_signal;       /* the guest should run its handlers */
    uint64_t end_by_ms;           /* while draining */
    pid_t master;
};

/* signal_fd: readable when the guest caught a signal, or -1. */
LC_MUST_USE enum lc_rc lc_worker_open(struct lc_worker *w, const struct lc_engine_conf *conf,
                                      const struct lc_host *host, const struct lc_app *app,
                                      int signal_fd);
/* A call waits and the engine is lent: the requests behind it are watched meanwhile. */
void lc_worker_rest(struct lc_worker *w);
/* Serves until it has ended. */
void lc_worker_run(struct lc_worker *w);
void lc_worker_close(struct lc_worker *w);
/* From the thread that owns the engine, also from inside an application call. */
void lc_worker_stop(struct lc_worker *w, bool is_graceful);

#endif
