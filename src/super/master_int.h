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

/* spawn.c */
extern const int lc_master_signals[];
extern const size_t lc_master_nsignals;
#define LC_MASTER_STOPS 3 /* of them, the first: TERM, INT, QUIT */
/* Forks for every wanted slot that is due; sets the timer for the others. */
void lc_master_fill(struct lc_master *m);
/* TTIN, TTOU. */
void lc_master_resize(struct lc_master *m, int by);
/* How long until this slot's next fork. */
uint64_t lc_master_fork_in(const struct lc_master *m, const struct lc_worker_slot *s);
static inline struct lc_board_slot *lc_master_board_slot(struct lc_master *m,
                                                         const struct lc_worker_slot *s)
{
    return lc_board_slot(&m->board, (uint32_t)(s - m->slots));
}

/* reap.c */
void lc_master_reap(struct lc_master *m);
/* Has any worker come up since boots began to fail, or ever? */
void lc_master_note_ready(struct lc_master *m);

/* heartbeat.c */
void lc_master_look(struct lc_master *m);

#endif
