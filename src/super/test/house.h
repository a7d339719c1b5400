/* A master with real children: each runs a small C program instead of an application.
 *
 * The master runs in a child of the test, too, and everybody tells what happens in lines through one pipe: the test waits
 * for lines, never for time. */
#ifndef LC_SUPER_TEST_HOUSE_H
#define LC_SUPER_TEST_HOUSE_H

#include "base/test/support.h"

#include "super/master.h"

#include <signal.h>
#include <sys/types.h>
#include <unistd.h>

enum work {
    WORK_WAITS,       /* ready, and stops when told to */
    WORK_IS_EARLY,    /* never comes to be ready */
    WORK_IS_STUBBORN, /* ready, and ignores what it is told */
    WORK_CANNOT_BOOT,
    WORK_HAS_NO_APP,
    WORK_FAULTS,         /* while it boots, with last words */
    WORK_ENDS,           /* ready, then ends with status 3 */
    WORK_FIRST_BOOTS,    /* the worker of slot 0 is ready; all others wait for that, and fail */
    WORK_SECOND_BOOTS,   /* the same, but every boot from the fourth fork on succeeds */
    WORK_IS_STUCK,       /* ready, and its last beat was long ago */
    WORK_IS_SPENT,       /* ready; the first of them say at once that they are spent */
    WORK_WILL_NOT_LEAVE, /* the first of them ignore what they are told */
};

/* What a HUP finds. */
struct house_reload {
    enum work work;
    int workers; /* 0: the configuration cannot be used */
};

struct house {
    struct lc_master *m;
    struct lc_master_conf conf;
    enum work work;
    int forks_to_fail;
    int inherits;        /* times that the name of the control socket is not free yet */
    const char *refuses; /* the hook that wants the house to end, with 7 */
    const struct house_reload *reloads; /* one for each HUP */
    struct house_reload now, good;
    int out; /* where the lines go */
    int in;  /* the test's end */
    pid_t master;
    char text[16384]; /* all lines so far */
    size_t len;
    size_t at, worker_at; /* what was not looked at yet, of the master's lines and the workers' */
};

void house_open_with(struct house *h, enum work work, const struct lc_master_conf *conf,
                     int forks_to_fail);
void house_open(struct house *h, enum work work, int workers, uint32_t graceful_ms,
                int forks_to_fail);
/* As above; this hook ("ready", "fork", "forked", "reaped", "resized") wants the house to end with 7. */
void house_open_refusing(struct house *h, const char *hook, int workers);
/* Says which HUPs will find what; reloads outlives the house. */
void house_open_reloading(struct house *h, enum work work, const struct lc_master_conf *conf,
                          const struct house_reload *reloads);
/* Waits for a line that holds these words; what stands before it is passed over, but for lines of the other kind: master
 * and workers write when they get to it. */
void await(struct house *h, const char *words);
/* From the first line on. */
void look_again(struct house *h);
/* Waits for a worker's beginning; its pid. */
pid_t await_worker(struct house *h, int slot);
void tell_master(struct house *h, int signo);
/* The master's exit status, once it and all workers have gone. */
int house_end(struct house *h);

#endif
