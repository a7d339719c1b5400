/* engine/worker_int.h - what worker.c and serve.c share. */
#ifndef LC_ENGINE_WORKER_INT_H
#define LC_ENGINE_WORKER_INT_H

#include "engine/worker.h"

#define PARENT_LOOK_MS 1000
#define BOOT_LOOK_MS   20 /* while a sibling serves: whether it still does */

/* serve.c */
extern const struct lc_owner_face lc_worker_face;
void lc_worker_gate_init(struct lc_worker *w);

/* worker.c, under the lock */
/* One look a turn: the state changes inside calls and signal handlers, what follows from it happens here. */
void lc_worker_follow(struct lc_worker *w);
/* A connection or a thread became free, or none is any more: accepting goes on, or rests. */
void lc_worker_set_accepting(struct lc_worker *w);
/* This one is left to siblings, until it is resumed. */
void lc_worker_pause(struct lc_worker *w, struct lc_listener *l);

#endif
