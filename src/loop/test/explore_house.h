/* loop/test/explore_house.h - what the files of the miniature worker share; explore_story.h says what it is. */
#ifndef LC_LOOP_TEST_EXPLORE_HOUSE_H
#define LC_LOOP_TEST_EXPLORE_HOUSE_H

#include "explore_story.h"

#include "loop/owner.h"
#include "loop/watch.h"

enum { NOBODY = -1, MAIN_ROOM = SEATS, THREAD_ROOM, ROOMS };

struct room {
    struct lc_seat seat;
    struct lc_host guest;
    int thread;
    bool is_first, is_main, has_left;
};

struct request {
    int ncalls, nended;
    bool is_gone, has_body, was_task_run;
    struct lc_task task;
};

/* All that a step changes.  `ready` holds the numbers of requests, oldest first. */
struct house {
    struct lc_owner owner;
    struct lc_watcher watcher;
    struct room
        rooms[ROOMS]; /* the seats, the attending main thread, a thread of the guest's own */
    struct request requests[REQUESTS + 1]; /* the last is the thread's */
    int ready[REQUESTS], nready;
    int watcher_thread;
    int guest;             /* which thread has the guest */
    int nserved, nleft;    /* events, and those of this turn */
    int npolls;            /* who wait for events now */
    int late;              /* waits for events that may yet end by their time */
    int nserving, nseated; /* threads as the worker counts them; rooms that were taken */
    struct lc_seat *main_seat;
    const struct room
        *caller; /* whose call has the engine, and an exchange that is not told to rest */
    const struct room *turn_room; /* whose memory holds the turn's events; NULL: the watcher's */
    bool is_turn, is_inline_turn; /* answers are put off to the turn's end */
    bool is_corked;               /* one was */
    bool has_wake;                /* this turn has to drain the wake-up */
    bool is_wake, has_timer, is_stop_due, was_stopped, has_rested;
    bool has_signal, wants_thread, is_child;
    int nsignals; /* caught, and not handled yet */
};

extern struct house house;
extern struct lc_loop house_loop; /* of which the owner touches `deferred` alone */
extern const struct story *house_story;

/* explore_world.c: events, and who waits for them and serves them as engine/serve.c does. */
void house_check(bool is_true, const char *what);
int house_nevents(void);
void house_enter_guest(void);
void house_leave_guest(void *ctx);
void house_add_ready(int request);
void house_remove_ready(int at);
void house_signal(void);
void house_end(void);
void house_rest_and_uncork(void);
void house_step(struct room *r);
void house_on_turn(void *ctx);
void house_leave_turn(const struct room *r);

/* explore_calls.c: what happens inside a call. */
void house_call_one(struct room *r);
void house_run_handlers(struct room *r);
void house_run_script(struct room *r, struct request *q, const char *script);
void house_stop(void);

/* explore_check.c: what must be true. */
void house_look(void);
bool house_rest(void);

#endif
