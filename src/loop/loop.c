/* loop/loop.c - see loop.h for the drawing.   Runs in: worker, owner of the engine. */
#include "loop/loop.h"

#include "os/clock.h"

static void on_wake(struct lc_watch *w, uint32_t events LC_UNUSED)
{
    struct lc_loop *l = LC_CONTAINER_OF(w, struct lc_loop, wake_watch);

    lc_wake_drain(&l->wake);
}

enum lc_rc lc_loop_open(struct lc_loop *l, const struct lc_host *host)
{
    enum lc_rc rc;

    *l = (struct lc_loop){.magic = LC_MAGIC_LOOP, .host = host, .now_ms = lc_clock_mono_ms()};
    l->wall_s = lc_clock_wall();
    lc_list_init(&l->deferred);
    lc_timers_init(&l->timers, l->now_ms);
    if ((rc = lc_poll_open(&l->poll)) != LC_OK)
        return rc;
    if ((rc = lc_wake_open(&l->wake)) != LC_OK)
        goto fail_poll;
    l->wake_watch = (struct lc_watch){.fd = l->wake.fd, .fn = on_wake};
    if ((rc = lc_loop_watch(l, &l->wake_watch, LC_READ)) != LC_OK)
        goto fail_wake;
    return LC_OK;
fail_wake:
    lc_wake_close(&l->wake);
fail_poll:
    lc_poll_close(&l->poll);
    return rc;
}

void lc_loop_close(struct lc_loop *l)
{
    LC_OBJ(l, LOOP);
    lc_poll_forget(&l->poll, &l->wake_watch);
    lc_wake_close(&l->wake);
    lc_poll_close(&l->poll);
    l->magic = 0;
}

enum lc_rc lc_loop_watch(struct lc_loop *l, struct lc_watch *w, uint32_t events)
{
    return lc_poll_set(&l->poll, w, events);
}

void lc_loop_forget(struct lc_loop *l, struct lc_watch *w)
{
    lc_poll_forget(&l->poll, w);
    for (int i = l->iready; i < l->nready; i++) {
        if (l->ready[i].w == w)
            l->ready[i].w = NULL;
    }
}

void lc_task_init(struct lc_task *t, void (*fn)(struct lc_task *t))
{
    lc_list_init(&t->link);
    t->fn = fn;
}

void lc_loop_defer(struct lc_loop *l, struct lc_task *t)
{
    if (lc_list_is_empty(&t->link))
        lc_list_append(&l->deferred, &t->link);
}

void lc_task_cancel(struct lc_task *t)
{
    lc_list_remove(&t->link);
}

/* Only what was queued before this turn's pass: a task that defers itself again waits for the next turn. */
static void run_deferred(struct lc_loop *l)
{
    struct lc_list batch;

    if (lc_list_is_empty(&l->deferred))
        return;
    batch = l->deferred;
    batch.next->prev = &batch;
    batch.prev->next = &batch;
    lc_list_init(&l->deferred);
    while (!lc_list_is_empty(&batch)) {
        struct lc_task *t = LC_CONTAINER_OF(batch.next, struct lc_task, link);

        lc_list_remove(&t->link);
        t->fn(t);
    }
}

int lc_loop_timeout(struct lc_loop *l, int max_ms)
{
    int next = lc_timers_next_ms(&l->timers, l->now_ms);

    if (!lc_list_is_empty(&l->deferred))
        return 0;
    if (max_ms < 0)
        return next;
    return next < 0 ? max_ms : LC_MIN(next, max_ms);
}

int lc_loop_wait(struct lc_loop *l, struct lc_ready *ready, int timeout_ms)
{
    int n = 0;

    if (lc_poll_wait(&l->poll, ready, LC_LOOP_BATCH, timeout_ms, &n) != LC_OK)
        n = 0; /* a signal: the host looks in wakeup */
    return n;
}

void lc_loop_begin(struct lc_loop *l, struct lc_ready *ready, int n)
{
    lc_loop_refresh(l);
    l->turn_ms = l->now_ms;
    l->ready = ready;
    l->nready = n;
    l->iready = 0;
    l->was_full = n == LC_LOOP_BATCH;
}

bool lc_loop_serve(struct lc_loop *l)
{
    struct lc_ready *r;

    if (l->iready == l->nready)
        return false;
    r = &l->ready[l->iready++];
    if (r->w)
        r->w->fn(r->w, r->events);
    return true;
}

void lc_loop_end(struct lc_loop *l)
{
    l->nready = l->iready = 0;
    run_deferred(l);
    /* By the clock of the wait: what arrived during a long call has not been read yet, and a full batch left some. */
    if (!l->was_full)
        lc_timers_run(&l->timers, l->turn_ms);
}

void lc_loop_step(struct lc_loop *l, int max_ms)
{
    const struct lc_host *host = l->host;
    int timeout = lc_loop_timeout(l, max_ms), n;

    if (host && host->leave)
        host->leave(host->ctx);
    n = lc_loop_wait(l, l->own, timeout);
    if (host && host->enter)
        host->enter(host->ctx);
    lc_loop_begin(l, l->own, n);
    while (lc_loop_serve(l)) {
    }
    lc_loop_end(l);
    if (host && host->wakeup)
        host->wakeup(host->ctx);
}

void lc_loop_wake(struct lc_loop *l)
{
    lc_wake_raise(&l->wake);
}

uint64_t lc_loop_ns(void)
{
    return lc_clock_mono_ns();
}

void lc_loop_refresh(struct lc_loop *l)
{
    if (l->is_clock_told)
        return;
    l->now_ms = lc_clock_mono_ms();
    l->wall_s = lc_clock_wall();
}
