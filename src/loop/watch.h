/* loop/watch.h - the watcher: a C thread, without a guest, that sees to it that no call holds the engine.
 *
 * Every millisecond (where no call was long lately, every ten) while calls are made it looks whether the stepping thread is still inside the call it was in at the
 * last look; if so it takes the engine away, for an idle thread, or steps itself when there is none.  It sleeps
 * while no call is made. */
#ifndef LC_LOOP_WATCH_H
#define LC_LOOP_WATCH_H

#include "loop/owner.h"

#define LC_WATCH_TICK_MS 1
#define LC_WATCH_CALM    100 /* ticks without a long call before it looks less often: */
#define LC_WATCH_CALM_MS 10
#define LC_WATCH_PARK    100 /* ticks without a call before it sleeps */

struct lc_watcher {
    uint32_t magic;
    struct lc_owner *owner;
    struct lc_thread thread;
};

/* LC_ENOMEM: no thread could be started. */
LC_MUST_USE enum lc_rc lc_watcher_start(struct lc_watcher *w, struct lc_owner *o);
/* After lc_owner_end; waits for the thread, which waits for nothing. */
void lc_watcher_join(struct lc_watcher *w);

#endif
