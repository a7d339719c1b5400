/* engine/config.h - what a worker's engine is told once, before it serves.  Filled by the binding, read-only afterwards. */
#ifndef LC_ENGINE_CONFIG_H
#define LC_ENGINE_CONFIG_H

#include "base/base.h"
#include "http/limits.h"
#include "http/policy.h"
#include "log/log.h"
#include "net/listener.h"
#include "stats/board.h"

#include <sys/types.h>

#define LC_LISTENERS_MAX 64

struct lc_exchange;
struct lc_exchange_end;

/* An exchange that would have a line has ended; under the owner's lock. */
typedef void (*lc_access_fn)(void *ctx, struct lc_exchange *x, const struct lc_exchange_end *end,
                             uint64_t took_ns);

struct lc_engine_listener {
    int fd; /* inherited; the worker's own copy */
    enum lc_listener_kind kind;
    const char *name, *port; /* as the application sees them; NULL: unknown */
    int *
        slot_fds; /* a socket for each worker's place, of which fd is the first; NULL: all share fd */
};

struct lc_engine_conf {
    struct lc_limits limits;
    struct lc_policy policy;
    struct lc_log log;
    uint32_t conns_max;
    uint32_t graceful_ms;
    uint32_t max_requests;        /* calls after which it asks for a successor; 0: never */
    uint32_t max_requests_jitter; /* at most so many more, by chance */
    uint32_t threads;             /* of the application, at most */
    uint32_t thread_idle_ms;      /* one beyond the first retires after it; 0: LC_THREAD_IDLE_MS */
    bool is_main_called;          /* the application runs in the process's main thread (sync) */
    bool is_inline;               /* false: no thread of the application ever steps the engine */
    uint32_t queue_size;          /* requests that may wait for a thread; 0: no bound */
    uint32_t queue_timeout_ms;    /* how long one may; 0: for ever */
    bool ignore_half_close;       /* a waiting request whose client has ended its side is dropped */
    const char *health_path;      /* NULL: none */
    bool
        is_early; /* the engine is opened before the application is there; lc_worker_ready tells when it is */
    bool use_sendfile, is_multithread, is_multiprocess;
    const char *tmp_dir; /* NULL: the system's */
    const char *server;  /* the Server field */
    bool has_access_log;
    int access_fd;             /* borrowed; the same number while the log is rotated */
    const char *access_format; /* Gunicorn's access_log_format */
    lc_access_fn access_take;  /* not NULL: lines are made by whoever this is */
    void *access_ctx;
    pid_t master;                 /* whose death ends the worker; 0: whoever is the parent now */
    uint32_t timeout_ms;          /* a sync worker whose call is older does not beat; 0: none */
    const struct lc_board *board; /* NULL: nothing is written */
    uint32_t slot;                /* of it: this worker's */
    uint32_t place;               /* which socket of each listener's slot_fds is this worker's */
    const int *bell;    /* written to when the master is to look at the board; NULL: none */
    const int *parcels; /* the queue of requests between workers: out, in; NULL: none */
    uint32_t nlisteners;
    uint32_t nslot_fds; /* of each listener that has them: place p has that of p % nslot_fds */
    struct lc_engine_listener listeners[LC_LISTENERS_MAX];
};

#endif
