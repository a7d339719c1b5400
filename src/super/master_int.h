/* super/master_int.h - what the files of the master share. */
#ifndef LC_SUPER_MASTER_INT_H
#define LC_SUPER_MASTER_INT_H

#include "log/log.h"
#include "super/master.h"

#define LC_MASTER_LOOK_MS 1000 /* how often workers are looked at, at least */
#define LC_MASTER_LINE    512  /* the longest line that lc_master_say writes */

/* master.c */
void lc_master_say(struct lc_master *m, enum lc_level level, const char *fmt, ...) LC_PRINTF(3, 4);
/* A text of any length, as one record. */
void lc_master_tell(struct lc_master *m, enum lc_level level, const char *text);
/* To one that may have ended meanwhile: the reaper will see it. */
void lc_master_kill(struct lc_worker_slot *s, int signo);
void lc_master_kill_all(struct lc_master *m, int signo);
void lc_master_begin_stop(struct lc_master *m, int signo);

/* How the log calls it. */
const char *lc_master_name(const struct lc_master *m);

/* spawn.c */
extern const int lc_master_signals[];
extern const size_t lc_master_nsignals;
#define LC_MASTER_STOPS 3 /* of them, the first: TERM, INT, QUIT */
/* Forks for every wanted slot that is due; sets the timer for the others. */
void lc_master_fill(struct lc_master *m);
/* A process for this slot, now.  False: it could not be forked. */
LC_MUST_USE bool lc_master_fork(struct lc_master *m, struct lc_worker_slot *s);
/* The first that no process has and none is wanted for; NULL: all are taken. */
struct lc_worker_slot *lc_master_free_slot(struct lc_master *m);
/* What decides when this slot's next process may be forked. */
struct lc_backoff *lc_master_backoff(struct lc_master *m, struct lc_worker_slot *s);
/* How long until this slot's next fork. */
uint64_t lc_master_fork_in(struct lc_master *m, struct lc_worker_slot *s);
static inline struct lc_board_slot *lc_master_board_slot(struct lc_master *m,
                                                         const struct lc_worker_slot *s)
{
    return lc_board_slot(&m->board, (uint32_t)(s - m->slots));
}
/* Its process has said that it is ready. */
static inline bool lc_master_is_up(struct lc_master *m, const struct lc_worker_slot *s)
{
    struct lc_board_slot *b = lc_master_board_slot(m, s);

    return s->pid > 0 && atomic_load(&b->life) >= LC_LIFE_SERVING && atomic_load(&b->pid) == s->pid;
}

/* scale.c */
/* TTIN, TTOU. */
void lc_master_resize(struct lc_master *m, int by);
/* So many from now on. */
void lc_master_set_workers(struct lc_master *m, int workers);
/* WINCH. */
void lc_master_retire(struct lc_master *m);

/* succession.c */
/* A look, in each turn: heirs that are ready, workers that need one, and those that do not leave. */
void lc_master_succeed(struct lc_master *m);
/* TERM; nobody follows it.  Within graceful_ms it must have gone. */
void lc_master_send_away(struct lc_master *m, struct lc_worker_slot *s);
/* The heir that boots, if there is one, is wanted no more. */
void lc_master_drop_heir(struct lc_master *m);
/* This slot's process has ended: what it means to its heir, or to whom it would have followed. */
void lc_master_heir_news(struct lc_master *m, struct lc_worker_slot *s);

/* reload.c */
/* HUP. */
void lc_master_reload(struct lc_master *m);
/* A look, in each turn. */
void lc_master_follow_reload(struct lc_master *m);
/* Would the end of this process, which was not ready, end the trial of the configuration? */
bool lc_master_ends_trial(struct lc_master *m, const struct lc_worker_slot *s);
void lc_master_give_up_reload(struct lc_master *m);

/* upgrade.c */
/* USR2. */
void lc_master_upgrade(struct lc_master *m);
void lc_master_upgrade_ended(struct lc_master *m, int status);
void lc_master_watch_parent(struct lc_master *m);

/* reap.c */
void lc_master_reap(struct lc_master *m);
/* Has any worker come up since boots began to fail, or ever? */
void lc_master_note_ready(struct lc_master *m);

/* heartbeat.c */
void lc_master_look(struct lc_master *m);

#endif
