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

enum lc_worker_state { LC_WORKER_RUNNING, LC_WORKER_DRAINING, LC_WORKER_ENDED };

struct lc_worker {
    uint32_t magic;
    enum lc_worker_state state;
    const struct lc_engine_conf *conf;
    struct lc_loop loop;
    struct lc_owner owner;
    struct lc_h1 h1;
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
                                      const struct lc_host *host, struct lc_handler *handler,
                                      int signal_fd);
/* Serves until it has ended. */
void lc_worker_run(struct lc_worker *w);
void lc_worker_close(struct lc_worker *w);
/* From inside an application call: lc_owner_wait, and no shared listener is ours meanwhile. */
LC_MUST_USE enum lc_rc lc_worker_wait(struct lc_worker *w, bool (*ready)(void *arg), void *arg);
/* From the thread that owns the engine, also from inside an application call. */
void lc_worker_stop(struct lc_worker *w, bool is_graceful);

#endif
