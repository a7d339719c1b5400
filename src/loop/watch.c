/* loop/watch.c - see watch.h.   Runs in: worker, a thread of its own. */
#include "loop/watch.h"

#include "os/clock.h"

/* Ticks since a call began, and since one was found running twice. */
struct looks {
    uint32_t quiet, calm;
};

/* True when it was called for; due_ms 0: sleeps until then. */
static bool sleep_until(struct lc_owner *o, uint64_t due_ms)
{
    enum lc_rc rc = LC_OK;
    bool is_called_for;

    lc_mutex_lock(&o->watch_lock);
    while (!o->is_called_for && rc == LC_OK) {
        if (due_ms)
            rc = lc_cond_wait_until(&o->watch, &o->watch_lock, due_ms);
        else
            lc_cond_wait(&o->watch, &o->watch_lock);
    }
    is_called_for = o->is_called_for;
    o->is_called_for = false;
    lc_mutex_unlock(&o->watch_lock);
    return is_called_for;
}

/* Looks, without the engine's lock, until a call is found running twice (its number), or it was called for, or nobody has
 * called for long (0). */
static uint64_t look_on(struct lc_owner *o, struct looks *l)
{
    for (;;) {
        uint64_t calling = atomic_load_explicit(&o->calling, memory_order_relaxed);
        uint64_t last = atomic_load_explicit(&o->call_no, memory_order_relaxed);
        uint64_t ms = l->calm < LC_WATCH_CALM ? LC_WATCH_TICK_MS : LC_WATCH_CALM_MS;

        if (sleep_until(o, lc_clock_mono_ms() + ms))
            return 0;
        l->calm++;
        if (calling && atomic_load_explicit(&o->calling, memory_order_relaxed) == calling)
            return calling;
        if (calling || atomic_load_explicit(&o->call_no, memory_order_relaxed) != last)
            l->quiet = 0;
        else if (++l->quiet >= LC_WATCH_PARK)
            return 0;
    }
}

static void park(struct lc_owner *o)
{
    o->is_parked = true;
    lc_mutex_unlock(&o->lock);
    sleep_until(o, 0);
    lc_mutex_lock(&o->lock);
    o->is_parked = false;
}

static void watch(void *arg)
{
    struct lc_watcher *w = arg;
    struct lc_owner *o = w->owner;
    struct looks looks = {0};
    uint64_t stuck;

    lc_mutex_lock(&o->lock);
    while (o->state != LC_OWNER_ENDED) {
        if (o->state == LC_OWNER_WATCHED) {
            o->face.on_turn(o->face.ctx);
            looks = (struct looks){0}; /* who took the engine may be inside a call already */
        } else if (looks.quiet >= LC_WATCH_PARK && o->state != LC_OWNER_CALLING) {
            park(o);
            looks.quiet = 0;
        } else {
            lc_mutex_unlock(&o->lock);
            stuck = look_on(o, &looks);
            lc_mutex_lock(&o->lock);
            if (stuck && o->state == LC_OWNER_CALLING && o->call_no == stuck) {
                lc_owner_steal(o);
                looks.calm = 0;
            }
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
