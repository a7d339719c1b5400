/* loop/watch.c - see watch.h.   Runs in: worker, a thread of its own. */
#include "loop/watch.h"

#include "os/clock.h"

/* Ticks since a call began, and since one was found running twice. */
struct looks {
    uint32_t quiet, calm;
};

/* Sleeps a tick; true while somebody calls. */
static bool tick(struct lc_owner *o, struct looks *l)
{
    uint64_t before = o->call_no;
    uint64_t ms = l->calm < LC_WATCH_CALM ? LC_WATCH_TICK_MS : LC_WATCH_CALM_MS;
    bool is_calling = o->state == LC_OWNER_CALLING;

    if (lc_cond_wait_until(&o->watch, &o->lock, lc_clock_mono_ms() + ms) == LC_OK)
        return true; /* called for */
    l->calm++;
    if (is_calling && o->state == LC_OWNER_CALLING && o->call_no == before) {
        lc_owner_steal(o);
        l->calm = 0;
    }
    o->face.on_tick(o->face.ctx);
    l->quiet = o->nbusy > 0 || o->call_no != before ? 0 : l->quiet + 1;
    return l->quiet < LC_WATCH_PARK;
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
    struct looks looks = {0};

    lc_mutex_lock(&o->lock);
    while (o->state != LC_OWNER_ENDED) {
        if (o->state == LC_OWNER_WATCHED) {
            o->face.on_turn(o->face.ctx);
            looks.quiet = looks.calm = 0; /* who took the engine may be inside a call already */
        } else if (!tick(o, &looks)) {
            park(o);
            looks.quiet = 0;
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
