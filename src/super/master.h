/* super/master.h - the process that keeps workers alive: fork, reap, respawn, signals.  It parses no HTTP and runs no Python
 * of its own: what a guest language must do around a fork, and in the child, is in the host below.
 *
 *      BOOT -> RUNNING --TERM--> STOPPING (workers finish, graceful_ms) --time is up--> KILLING -> gone
 *                      --INT/QUIT--> STOPPING quickly
 *                      --a boot fails, and no worker was ever ready--> STOPPING, with status 3 or 4
 *
 *   I1  signals are acted on in the loop, never in a handler, and only in the master's own process.
 *   I2  a worker slot has one process at most; a wanted slot's process that ends is replaced while RUNNING.
 *   I3  a slot's number is its process's index for life, and a new worker takes the smallest that is free.
 *   I4  "ready" is what the worker says in the board: how it ends is judged by that, not by its exit status alone.
 *
 * A worker is followed while it serves when it is stale: of an older configuration, or spent (max_requests).
 *
 *      holds its place --stale--> an heir boots beside it --ready--> it is told to leave, and the heir holds the place
 *                 ^----------- the heir ends before it was ready
 *
 *   I5  one heir at a time, so that memory and boots grow by one worker; the next as soon as the last is ready.
 *   I6  index and place: the heir needs a slot of its own while both live, so it takes the smallest index that is free,
 *       and indexes are 0 .. N, at most 2N while many drain.  No two processes ever have the same one.  The place (0 ..
 *       N-1) is what an heir takes over; it is for what the master keeps for each worker, such as listening sockets.
 *
 * A configuration is a generation:
 *
 *      PROVEN --HUP, read anew--> ON TRIAL --the first worker of it is ready--> PROVEN, and `workers` is what it says
 *        ^------------ a boot of it fails while others serve: they stay, and so does their configuration
 *
 *   I7  the host hears of every change: reload (read it), reload_ended with PROVEN or FAILED (go back), and SETTLED once
 *       no process of another generation lives. */
#ifndef LC_SUPER_MASTER_H
#define LC_SUPER_MASTER_H

#include "base/base.h"
#include "ctl/server.h"
#include "loop/loop.h"
#include "os/sig.h"
#include "stats/board.h"
#include "super/backoff.h"
#include "super/hooks.h"

#include <sys/types.h>

#define LC_WORKERS_MAX 1024
#define LC_EXIT_BOOT   3 /* a worker that could not boot */
#define LC_EXIT_APP    4 /* an application that could not be loaded */

struct lc_master_conf {
    int workers;
    uint32_t threads; /* of a worker, at most: how many calls the board has room for */
    uint32_t graceful_ms;
    uint32_t timeout_ms;     /* 0: none */
    bool is_call_bounded;    /* a single call that is older than timeout_ms is stuck, too (sync) */
    uint32_t boot_ms;        /* after which a worker that is not ready is stuck; 0: never */
    const char *notify_path; /* where a service manager listens; NULL: nowhere.  Copied */
    uint32_t watchdog_ms;    /* it must hear of us so often; 0: it need not */
    bool is_daemon;          /* WINCH is an operator's, not a terminal's */
    int dump_signal;  /* makes a worker write the stacks of its threads into its report; 0: none */
    pid_t parent;     /* the old master, of which this one is the upgrade; 0: none */
    bool has_control; /* control_fd listens */
    int control_fd;   /* owned by the master from its begin on */
    bool is_control_shared; /* its file lets others than its owner in */
    pid_t
        control_heir_of; /* inherit_control is called once this is no longer our parent; 0: never */
};

enum lc_reload_end {
    LC_RELOAD_PROVEN,  /* a worker of the new configuration is ready */
    LC_RELOAD_FAILED,  /* none could boot: the one before holds again */
    LC_RELOAD_SETTLED, /* nobody runs under any but the present one */
};

struct lc_super_host {
    struct lc_host guest; /* around the wait */
    void *ctx;
    pid_t (*fork)(void *ctx); /* 0 in the child, -1 on failure */
    int (*run_worker)(
        void *ctx,
        int slot); /* in the child; its exit status; must not return into the master's loop; TERM, INT and QUIT end it
                      with status 0 until it has set handlers of its own */
    void (*leave_process)(void *ctx, int status); /* in the child: flush, _exit */
    void (*started)(void *ctx);                   /* handlers stand, nothing is forked yet */
    void (*reopen)(void *ctx);                    /* USR1 */
    /* HUP: reads the configuration and fills *conf.  False: it cannot be used, which has been said, and nothing has
     * changed.  From then on run_worker runs under the new one. */
    bool (*reload)(void *ctx, struct lc_master_conf *conf);
    void (*reload_ended)(void *ctx, enum lc_reload_end end);
    pid_t (*upgrade)(void *ctx);      /* USR2: forks, and the child becomes the new program; -1 */
    void (*upgrade_ended)(void *ctx); /* that process has gone */
    void (*promoted)(void *ctx);      /* the old master has gone */
    void (*say)(void *ctx, int level, const char *line);
    /* What only the host knows of ("config", "listeners"), as one value; false: it could not.  NULL: never. */
    bool (*show)(void *ctx, const char *what, struct lc_json *out);
    /* The master before this one has gone: its control socket's name is free.  False: not yet, ask again. */
    bool (*inherit_control)(void *ctx);
    struct lc_super_hooks hooks;
};

enum lc_master_state { LC_MASTER_RUNNING, LC_MASTER_STOPPING, LC_MASTER_KILLING };

/* What is being done about a worker that does not come back. */
enum lc_stuck {
    LC_STUCK_NOT,
    LC_STUCK_ASKED,   /* for its stacks */
    LC_STUCK_ABORTED, /* SIGABRT */
    LC_STUCK_KILLED,  /* SIGKILL */
};

struct lc_worker_slot {
    pid_t pid;       /* 0: empty */
    bool is_wanted;  /* false: whoever is in it leaves, and nobody follows */
    bool is_told;    /* to leave, by us */
    bool is_hurried; /* ... and, as it did not, to leave at once */
    uint64_t told_ms;
    uint32_t place;                 /* what it takes over from who was before it */
    uint32_t generation;            /* of the configuration that its process runs under */
    struct lc_worker_slot *follows; /* whom it boots to follow; NULL: it is no heir */
    int report_fd; /* what its process leaves for the master to read (report.h); -1: none yet */
    uint32_t age;  /* a number that grows with every fork */
    uint64_t forked_ms; /* when */
    struct lc_backoff backoff;
    enum lc_restart why; /* the last one ended */
    enum lc_stuck stuck;
    uint64_t stuck_ms; /* when that was done */
    size_t dumped;     /* what there was of its stacks at the last look */
};

/* What the service manager was told (notify.h). */
struct lc_master_notify {
    struct lc_timer timer;
    char path[112]; /* of its socket; "": there is none */
    uint32_t watchdog_ms;
    bool is_ready; /* it was told so */
    bool is_reloading;
    bool is_failing;    /* the last message did not go out */
    uint64_t extend_ms; /* when to ask for more time */
};

struct lc_master {
    uint32_t magic;
    struct lc_master_conf conf;
    struct lc_super_host host;
    pid_t pid; /* the master's own: a worker compares its parent with it */
    struct lc_loop loop;
    struct lc_sig sig;
    struct lc_watch sig_watch;
    struct lc_timer stop_timer;   /* the stop's deadline */
    struct lc_timer fork_timer;   /* the next delayed fork */
    struct lc_timer look_timer;   /* the next look at who is stuck */
    struct lc_timer heir_timer;   /* the next try of an heir */
    struct lc_timer leave_timer;  /* the next who has drained for long enough */
    struct lc_timer parent_timer; /* the next look at the old master */
    struct lc_master_notify notify;
    struct lc_timer name_timer; /* the next look whether the control socket's name is free */
    struct lc_ctl_server control;
    uint64_t began_ms;
    uint32_t nreloads; /* HUPs */
    uint32_t nkilled;  /* workers that ended because they were told to, or were stuck */
    enum lc_master_state state;
    int want;   /* how many workers there should be */
    int nslots; /* those that were ever wanted are the first so many */
    uint32_t next_age;
    uint64_t last_fork_ms;
    bool was_ready;      /* some worker was, once: from then on no failed boot halts the house */
    bool is_failing;     /* the last boot that ended or came up failed */
    uint64_t failing_ms; /* since when */
    uint64_t looked_ms;
    struct lc_worker_slot *heir;    /* the one that boots; NULL: none */
    struct lc_backoff heir_backoff; /* of all of them */
    uint32_t generation,
        ngenerations;         /* the present one, and how many there were before the last */
    uint32_t good_generation; /* the last that is proven, and its settings */
    struct lc_master_conf good_conf;
    bool is_proven, is_settled;
    pid_t upgrade; /* the new master; 0: none */
    pid_t parent;  /* the old one; 0: none */
    int bell[2];   /* workers write when the board says something that cannot wait */
    struct lc_watch bell_watch;
    uint64_t oom_kills; /* of the control group, as we began; UINT64_MAX: it does not say */
    int exit_status;
    const char *reason; /* why it halts, NULL: it was asked to */
    uint64_t stop_by_ms;
    struct lc_board board;
    int parcels[2]; /* the workers' queue of requests, which none of them owns: out, in */
    struct lc_worker_slot slots[LC_WORKERS_MAX];
};

/* Runs until it is told to stop and all workers are gone.  Returns the exit status.  TERM, INT and QUIT have no effect
 * from then on: it is for the caller to set them, once it has tidied up. */
int lc_master_run(struct lc_master *m, const struct lc_master_conf *conf,
                  const struct lc_super_host *host);

#endif
