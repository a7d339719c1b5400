/* loop/owner.c - the hand-over between an application call that waits and the keeper.  Drawing in owner.h.
 * Runs in: worker; lc_owner_wait in the thread of the call, keep() in the keeper. */
#include "loop/owner.h"

/* The loop's host is the guest's face; the keeper has none, so it steps without it. */
static void keep_until_ready(struct lc_owner *o)
{
    const struct lc_host *host = o->loop->host;

    o->loop->host = NULL;
    while (!o->ready(o->arg))
        lc_loop_step(o->loop, -1);
    o->loop->host = host;
}

static void keep(void *arg)
{
    struct lc_owner *o = arg;

    lc_mutex_lock(&o->lock);
    for (;;) {
        while (o->state == LC_OWNED)
            lc_cond_wait(&o->changed, &o->lock);
        if (o->state == LC_OWNER_ENDED)
            break;
        lc_mutex_unlock(&o->lock);
        keep_until_ready(o);
        lc_mutex_lock(&o->lock);
        if (o->state == LC_KEPT)
            o->state = LC_OWNED;
        lc_cond_broadcast(&o->changed);
    }
    lc_mutex_unlock(&o->lock);
}

void lc_owner_init(struct lc_owner *o, struct lc_loop *loop)
{
    *o = (struct lc_owner){.magic = LC_MAGIC_OWNER, .loop = loop, .state = LC_OWNED};
    lc_mutex_init(&o->lock);
    lc_cond_init(&o->changed);
}

void lc_owner_fini(struct lc_owner *o)
{
    LC_OBJ(o, OWNER);
    if (o->has_keeper) {
        lc_mutex_lock(&o->lock);
        o->state = LC_OWNER_ENDED;
        lc_cond_broadcast(&o->changed);
        lc_mutex_unlock(&o->lock);
        lc_thread_join(&o->keeper);
    }
    lc_cond_fini(&o->changed);
    lc_mutex_fini(&o->lock);
    o->magic = 0;
}

enum lc_rc lc_owner_enter(struct lc_owner *o)
{
    LC_OBJ(o, OWNER);
    if (LC_UNLIKELY(o->is_forked))
        return LC_CLOSED;
    return LC_UNLIKELY(o->state != LC_OWNED) ? LC_AGAIN : LC_OK;
}

void lc_owner_await(struct lc_owner *o)
{
    lc_mutex_lock(&o->lock);
    while (o->state == LC_KEPT)
        lc_cond_wait(&o->changed, &o->lock);
    lc_mutex_unlock(&o->lock);
}

void lc_owner_leave(struct lc_owner *o)
{
    LC_DEBUG_CHECK(o->state == LC_OWNED);
    (void)o;
}

enum lc_rc lc_owner_wait(struct lc_owner *o, bool (*ready)(void *arg), void *arg)
{
    enum lc_rc rc;

    LC_OBJ(o, OWNER);
    if (!o->has_keeper) {
        if ((rc = lc_thread_start(&o->keeper, keep, o)) != LC_OK)
            return rc;
        o->has_keeper = true;
    }
    lc_mutex_lock(&o->lock);
    LC_CHECK(o->state == LC_OWNED);
    o->ready = ready;
    o->arg = arg;
    o->state = LC_KEPT;
    lc_cond_broadcast(&o->changed);
    while (o->state == LC_KEPT)
        lc_cond_wait(&o->changed, &o->lock);
    lc_mutex_unlock(&o->lock);
    return LC_OK;
}
