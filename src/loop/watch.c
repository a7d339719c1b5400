/* loop/watch.c - see watch.h.   Runs in: worker, a thread of its own. */
#include "loop/watch.h"

#include "os/clock.h"

/* Sleeps a tick; true while somebody calls. */
static bool tick(struct lc_owner *o, uint32_t *quiet)
{
    uint64_t before = o->call_no;
    bool is_calling = o->state == LC_OWNER_CALLING;

    if (lc_cond_wait_until(&o->watch, &o->lock, lc_clock_mono_ms() + LC_WATCH_TICK_MS) == LC_OK)
        return true; /* called for */
    if (is_calling && o->state == LC_OWNER_CALLING && o->call_no == before)
        lc_owner_steal(o);
    o->face.on_tick(o->face.ctx);
    *quiet = o->nbusy > 0 || o->call_no != before ? 0 : *quiet + 1;
    return *quiet < LC_WATCH_PARK;
}

static void park(struct lc_owner *o)
{
    o->is_parked = true;
    lc_cond_wait(&o->watch, &o->lock);
    o->is_parked = false;
}

static void watch(void *arg)
{
    struct lc_watcher *w = arg;
    struct lc_owner *o = w->owner;
    uint32_t quiet = 0;

    lc_mutex_lock(&o->lock);
    while (o->state != LC_OWNER_ENDED) {
        if (o->state == LC_OWNER_WATCHED) {
            o->face.on_turn(o->face.ctx);
            quiet = 0; /* who took the engine may be inside a call already */
        } else if (!tick(o, &quiet)) {
            park(o);
            quiet = 0;
        }
    }
    lc_mutex_unlock(&o->lock);
}

enum lc_rc lc_watcher_start(struct lc_watcher *w, struct lc_owner *o)
{
    *w = (struct lc_watcher){.magic = LC_MAGIC_WATCHER, .owner = o};
    return lc_thread_start(&w->thread, watch, w);
}

void lc_watcher_join(struct lc_watcher *w)
{
    LC_OBJ(w, WATCHER);
    lc_thread_join(&w->thread);
    w->magic = 0;
}
