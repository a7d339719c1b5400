/* super/master.h - the process that keeps workers alive: fork, reap, respawn, signals.  It parses no HTTP and runs no Python
 * of its own: what a guest language must do around a fork, and in the child, is in the host below.
 *
 *      BOOT -> RUNNING --TERM--> STOPPING (workers finish, graceful_ms) --time is up--> KILLING -> gone
 *                      --INT/QUIT--> STOPPING quickly
 *                      --a worker fails to boot--> HALTING with its status
 *
 *   I1  signals are acted on in the loop, never in a handler, and only in the master's own process.
 *   I2  a worker slot has one process at most; a slot's process that ends is replaced while RUNNING. */
#ifndef LC_SUPER_MASTER_H
#define LC_SUPER_MASTER_H

#include "base/base.h"
#include "loop/loop.h"
#include "os/sig.h"
#include "stats/board.h"

#include <sys/types.h>

#define LC_WORKERS_MAX 1024
#define LC_EXIT_BOOT   3 /* a worker that could not boot */
#define LC_EXIT_APP    4 /* an application that could not be loaded */

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
    void (*say)(void *ctx, int level, const char *line);
};

struct lc_master_conf {
    int workers;
    uint32_t threads; /* of a worker, at most: how many calls the board has room for */
    uint32_t graceful_ms;
};

enum lc_master_state { LC_MASTER_RUNNING, LC_MASTER_STOPPING, LC_MASTER_KILLING };

struct lc_worker_slot {
    pid_t pid;           /* 0: empty */
    uint64_t forked_ms;  /* when */
    uint64_t not_before; /* a crash loop is slowed: no fork earlier */
    uint32_t age;        /* a number that grows with every fork */
    int index; /* of its place in the board, which it takes along when slots change places */
};

struct lc_master {
    uint32_t magic;
    struct lc_master_conf conf;
    struct lc_super_host host;
    pid_t pid; /* the master's own: a worker compares its parent with it */
    struct lc_loop loop;
    struct lc_sig sig;
    struct lc_watch sig_watch;
    struct lc_timer timer; /* the stop deadline, or the next delayed fork */
    enum lc_master_state state;
    int want; /* how many workers there should be */
    int nslots;
    uint32_t next_age;
    int exit_status;
    const char *reason; /* why it halts, NULL: it was asked to */
    uint64_t stop_by_ms;
    struct lc_board board;
    struct lc_worker_slot slots[LC_WORKERS_MAX];
};

/* Runs until it is told to stop and all workers are gone.  Returns the exit status.  TERM, INT and QUIT have no effect
 * from then on: it is for the caller to set them, once it has tidied up. */
int lc_master_run(struct lc_master *m, const struct lc_master_conf *conf,
                  const struct lc_super_host *host);

#endif
