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
    WORK_FAULTS,       /* while it boots, with last words */
    WORK_ENDS,         /* ready, then ends with status 3 */
    WORK_FIRST_BOOTS,  /* the worker of slot 0 is ready; all others wait for that, and fail */
    WORK_SECOND_BOOTS, /* the same, but every boot from the fourth fork on succeeds */
    WORK_IS_STUCK,     /* ready, and its last beat was long ago */
};

struct house {
    struct lc_master *m;
    struct lc_master_conf conf;
    enum work work;
    int forks_to_fail;
    int inherits; /* times that the name of the control socket is not free yet */
    int out;      /* where the lines go */
    int in;       /* the test's end */
    pid_t master;
    char text[16384]; /* all lines so far */
    size_t len, at;   /* at: what was not looked at yet */
};

void house_open_with(struct house *h, enum work work, const struct lc_master_conf *conf,
                     int forks_to_fail);
void house_open(struct house *h, enum work work, int workers, uint32_t graceful_ms,
                int forks_to_fail);
/* Waits for a line that holds these words; what stands before it is passed over. */
void await(struct house *h, const char *words);
/* Waits for a worker's beginning; its pid. */
pid_t await_worker(struct house *h, int slot);
void tell_master(struct house *h, int signo);
/* The master's exit status, once it and all workers have gone. */
int house_end(struct house *h);

#endif
