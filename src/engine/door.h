/* engine/door.h - requests that are answered before they cost the application anything: health, and overload.
 *
 * Under the owner's lock.  With queue_size or queue_timeout set, a request that finds the queue full, or has waited in it
 * for too long, gets a 503 with Retry-After; by default a request waits for ever, as under Gunicorn. */
#ifndef LC_ENGINE_DOOR_H
#define LC_ENGINE_DOOR_H

#include "engine/worker.h"

/* A request that is complete.  True: it has its answer. */
bool lc_door_answers(struct lc_worker *w, struct lc_exchange *x);
/* Refuses those that have waited too long. */
void lc_door_expire(struct lc_worker *w);
/* At most this long, or until the next is refused. */
int lc_door_timeout(const struct lc_worker *w, int most_ms);
/* A request about to be called: false, and it is gone, when its client has left. */
bool lc_door_admits(struct lc_worker *w, struct lc_exchange *x);

#endif
