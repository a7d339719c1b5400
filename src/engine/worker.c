/* engine/worker.c - assembling and running a worker's engine.   Runs in: worker. */
#include "engine/worker_int.h"

#include "os/clock.h"
#include "os/fd.h"

#include <string.h>
#include <unistd.h>

#define LOG_CLOSE_MS 500 /* for the last lines, if their reader is slow */
#define FRESH_MS \
    250 /* for the first words of clients that were accepted just before the worker began to leave */

static const char busy_answer[] =
    "HTTP/1.1 503 Service Unavailable\r\nConnection: close\r\nContent-Length: 0\r\n\r\n";

static bool has_room(struct lc_worker *w)
{
    if (w->state == LC_WORKER_BOOTING)
        return lc_h1_has_room(&w->h1) && !lc_share_has_serving_sibling(w);
    return w->state == LC_WORKER_RUNNING && lc_h1_has_room(&w->h1);
}

/* One more than these now?  See share.h; and one that has booted is ahead of one that has not. */
static bool wants_connections(struct lc_worker *w, uint32_t naccepted)
{
    if (!has_room(w))
        return false;
    return w->state == LC_WORKER_BOOTING || naccepted < lc_share_idle(w) ||
           !lc_share_has_free_sibling(w);
}

/* The same from a socket of its own: siblings do not watch it.  See reuse.h. */
static bool wants_from_own(struct lc_worker *w, uint32_t naccepted)
{
    if (!has_room(w))
        return false;
    return w->state == LC_WORKER_BOOTING || naccepted < lc_share_idle(w) ||
           !lc_reuse_has_free_partner(w);
}

/* What nobody else was woken for is taken also by a worker that is about to leave. */
static bool has_room_for_one(struct lc_worker *w)
{
    return has_room(w) || (w->state == LC_WORKER_DRAINING && lc_h1_has_room(&w->h1));
}

/* The first of a wake-up is always ours. */
static bool can_accept(struct lc_listener *l)
{
    struct lc_worker *w = l->conf->ctx;
    uint32_t n = (uint32_t)l->naccepted;

    if (n == 0)
        return has_room_for_one(w);
    return l->is_own ? wants_from_own(w, n) : wants_connections(w, n);
}

static bool on_accept(struct lc_listener *l, int fd, const struct lc_addr *peer)
{
    struct lc_worker *w = l->conf->ctx;
    struct lc_stream s;

    l->has_accepted = true;
    lc_stream_tcp_init(&s, fd);
    return lc_h1_open(&w->h1, &s, peer, l->index);
}

/* Of the pollers that sleep on a shared listener the kernel wakes one.  Whoever will not accept must be out of that queue
 * before it sleeps: a wake-up that it gets and declines reaches no sibling, and the client waits for the next one.  It may
 * have had one that it has not acted on, so on leaving it takes what is there; the request then goes where a thread is. */
void lc_worker_pause(struct lc_worker *w, struct lc_listener *l)
{
    if (!l->is_shared || l->is_paused)
        return;
    l->is_paused = true;
    if (lc_loop_watch(&w->loop, &l->watch, 0) != LC_OK) {
        /* still watched: can_accept declines */
    }
    if (has_room_for_one(w))
        lc_listener_take_one(l);
}

void lc_worker_set_accepting(struct lc_worker *w)
{
    bool is_open = wants_connections(w, 0);

    for (uint32_t i = 0; i < w->nlisteners; i++) {
        struct lc_listener *l = &w->listeners[i];

        if (!is_open && !(l->is_own && wants_from_own(w, 0)))
            lc_worker_pause(w, l);
        else if (l->is_paused)
            lc_listener_resume(l);
    }
    if (LC_UNLIKELY(w->reuse.nheld > 0))
        lc_reuse_follow(w, is_open);
    lc_share_follow(w);
}

/* The next connections are for siblings that are free, until it is this one's turn again. */
static void go_to_the_end(struct lc_worker *w)
{
    for (uint32_t i = 0; i < w->nlisteners; i++) {
        struct lc_listener *l = &w->listeners[i];

        if (l->has_accepted && !l->is_paused &&
            (l->is_own ? lc_reuse_has_free_partner(w) : lc_share_has_free_sibling(w)))
            lc_listener_requeue(l);
        l->has_accepted = false;
    }
    if (LC_UNLIKELY(w->reuse.nheld > 0))
        lc_reuse_go_to_the_end(w);
}

static void on_room(struct lc_h1 *h1)
{
    struct lc_worker *w = h1->on_room_ctx;
    bool is_open = wants_connections(w, 0);

    for (uint32_t i = 0; i < w->nlisteners; i++) {
        if (is_open || (w->listeners[i].is_own && wants_from_own(w, 0)))
            lc_listener_resume(&w->listeners[i]);
    }
}

static void on_guest_signal(struct lc_watch *watch, uint32_t events LC_UNUSED)
{
    struct lc_worker *w = LC_CONTAINER_OF(watch, struct lc_worker, signal_watch);
    char numbers[64];
    ssize_t n;

    while ((n = read(watch->fd, numbers, sizeof numbers)) > 0) {
        if (w->chained_fd >= 0 && write(w->chained_fd, numbers, (size_t)n) < 0) {
            /* full or closed, as it may be under the guest alone */
        }
        atomic_store_explicit(&w->has_signal, true, memory_order_release);
    }
    if (w->main_seat) /* inside a call, too: it may be handlers, which have looked already */
        lc_owner_nudge(&w->owner, w->main_seat);
}

void lc_worker_chain_signals(struct lc_worker *w, int fd)
{
    if (lc_owner_enter(&w->owner) != LC_OK)
        return;
    lc_fd_close(&w->chained_fd);
    w->chained_fd = fd;
    lc_owner_leave(&w->owner);
}

static void set_up_h1(struct lc_worker *w, const struct lc_host *release)
{
    const struct lc_engine_conf *conf = w->conf;

    w->h1 = (struct lc_h1){
        .loop = &w->loop,
        .limits = &conf->limits,
        .policy = &conf->policy,
        .handler = &w->gate,
        .log = &conf->log,
        .host = release,
        .tmp_dir = conf->tmp_dir,
        .server = conf->server,
        .conns_max = LC_MAX(conf->conns_max, 1),
        .nlisteners = conf->nlisteners,
        .on_room = on_room,
        .on_room_ctx = w,
    };
    lc_h1_init(&w->h1);
}

static enum lc_rc start_listeners(struct lc_worker *w)
{
    enum lc_rc rc;

    w->accept = (struct lc_listener_conf){
        .loop = &w->loop,
        .log = &w->conf->log,
        .ctx = w,
        .on_accept = on_accept,
        .can_accept = can_accept,
        .busy_answer = busy_answer,
    };
    for (uint32_t i = 0; i < w->conf->nlisteners; i++) {
        struct lc_listener *l = &w->listeners[i];

        *l = (struct lc_listener){.index = i,
                                  .kind = w->conf->listeners[i].kind,
                                  .is_shared = w->conf->is_multiprocess || w->conf->parcels};
        if ((rc = lc_listener_start(l, &w->accept, lc_reuse_own_fd(w, i))) != LC_OK)
            return rc;
        w->nlisteners++;
    }
    return lc_reuse_open(w);
}

enum lc_rc lc_worker_open(struct lc_worker *w, const struct lc_engine_conf *conf,
                          const struct lc_host *release, const struct lc_app *app, int signal_fd)
{
    struct lc_owner_face face;
    enum lc_rc rc;

    memset(w, 0, sizeof *w);
    w->magic = LC_MAGIC_WORKER;
    w->conf = conf;
    lc_account_open(w);
    w->chained_fd = -1;
    w->master = conf->master ? conf->master : getppid();
    if ((rc = lc_loop_open(&w->loop, NULL)) != LC_OK)
        return rc;
    w->look_ms = w->loop.now_ms + PARENT_LOOK_MS;
    face = lc_worker_face;
    face.ctx = w;
    lc_owner_init(&w->owner, &w->loop, &face);
    w->owner.is_inline = conf->is_inline;
    w->state = conf->is_early ? LC_WORKER_BOOTING : LC_WORKER_RUNNING;
    if (!conf->is_inline || conf->is_early)
        w->owner.state = LC_OWNER_WATCHED;
    w->app = *app;
    if ((rc = lc_access_log_open(&w->access_log, conf)) != LC_OK)
        return rc;
    lc_worker_gate_init(w);
    set_up_h1(w, release);
    w->signal_watch = (struct lc_watch){.fd = signal_fd, .fn = on_guest_signal};
    if (signal_fd >= 0 && (rc = lc_loop_watch(&w->loop, &w->signal_watch, LC_READ)) != LC_OK)
        return rc;
    if ((rc = lc_share_open(w)) != LC_OK || (rc = start_listeners(w)) != LC_OK)
        return rc;
    lc_worker_set_accepting(w);
    if ((rc = lc_watcher_start(&w->watcher, &w->owner)) == LC_OK)
        w->has_watcher = true;
    return rc;
}

void lc_worker_ready(struct lc_worker *w)
{
    LC_OBJ(w, WORKER);
    if (lc_owner_enter(&w->owner) != LC_OK)
        return;
    if (w->state == LC_WORKER_BOOTING)
        w->state = LC_WORKER_RUNNING;
    lc_worker_set_accepting(w);
    lc_loop_wake(&w->loop);
    lc_owner_leave(&w->owner);
}

static void stop_listeners(struct lc_worker *w)
{
    for (uint32_t i = 0; i < w->nlisteners; i++)
        lc_listener_stop(&w->listeners[i]);
    w->nlisteners = 0;
    lc_reuse_stop(w);
}

static void end(struct lc_worker *w)
{
    lc_owner_end(&w->owner);
    if (w->main_seat)
        lc_owner_nudge(&w->owner, w->main_seat);
}

static bool has_successors(const struct lc_worker *w)
{
    const struct lc_board *b = w->conf->board;

    return b && b->map && !lc_board_is_ending(b);
}

static void begin_drain(struct lc_worker *w)
{
    if (w->state != LC_WORKER_RUNNING)
        return;
    w->state = LC_WORKER_DRAINING;
    lc_loop_refresh(&w->loop);
    w->end_by_ms = w->loop.now_ms + w->conf->graceful_ms;
    if (has_successors(w)) {
        w->part_by_ms = LC_MIN(w->end_by_ms, w->loop.now_ms + LC_PART_MS);
        w->parting = w->conf->limits;
        w->parting.idle_ms = 0;
        w->h1.limits = &w->parting;
    } else {
        w->h1.is_draining = true; /* connections at rest are closed by the next turn */
    }
    lc_account_look(w); /* siblings count on it no more */
}

/* A client that has just connected has a request on its way, and would take a close for a failure.  What is silent for
 * longer, or is between requests, is nobody's loss. */
static bool awaits_first_words(const struct lc_worker *w)
{
    return w->h1.counts[LC_H1_HEAD] > 0 &&
           w->loop.now_ms + w->conf->graceful_ms < w->end_by_ms + FRESH_MS;
}

static void drain(struct lc_worker *w)
{
    stop_listeners(w);
    if ((w->loop.now_ms >= w->part_by_ms || !has_successors(w)) && !awaits_first_words(w)) {
        w->part_by_ms = 0;
        lc_h1_drain(&w->h1);
    }
    if ((w->h1.nconns == 0 && !lc_share_take(w)) || w->loop.now_ms >= w->end_by_ms)
        w->state = LC_WORKER_ENDED;
}

void lc_worker_stop(struct lc_worker *w, bool is_graceful)
{
    LC_OBJ(w, WORKER);
    if (lc_owner_enter(&w->owner) != LC_OK)
        return;
    if (is_graceful)
        begin_drain(w);
    else
        w->state = LC_WORKER_ENDED;
    if (w->state == LC_WORKER_ENDED)
        end(w);
    lc_loop_wake(&w->loop);
    lc_owner_leave(&w->owner);
}

void lc_worker_uncork(struct lc_worker *w)
{
    lc_h1_uncork(&w->h1);
}

/* An application that was called may have taken the guest's wake-ups for itself: the main thread looks. */
static void look_at_guest(struct lc_worker *w)
{
    if (!w->conf->is_main_called || w->main_seat == NULL)
        return;
    if (w->ncalls == w->ncalls_seen && !atomic_load(&w->wants_wakeups)) /* it has looked */
        return;
    w->ncalls_seen = w->ncalls;
    atomic_store_explicit(&w->wants_wakeups, true, memory_order_relaxed);
    atomic_store_explicit(&w->has_signal, true, memory_order_release);
    if (!w->main_seat->is_called)
        lc_owner_nudge(&w->owner, w->main_seat);
}

static void look_at_parent(struct lc_worker *w)
{
    if (w->loop.now_ms < w->look_ms)
        return;
    w->look_ms = w->loop.now_ms + PARENT_LOOK_MS;
    if (lc_share_take(w)) {
        /* whoever was woken for it died */
    }
    look_at_guest(w);
    if (getppid() == w->master || w->state != LC_WORKER_RUNNING)
        return;
    lc_log_write(&w->conf->log, LC_INFO, "Parent changed, shutting down: worker");
    begin_drain(w);
}

void lc_worker_follow(struct lc_worker *w)
{
    look_at_parent(w);
    go_to_the_end(w);
    lc_worker_set_accepting(w);
    if (w->state == LC_WORKER_DRAINING)
        drain(w);
    if (w->state == LC_WORKER_ENDED)
        end(w);
}

/* Those that are not inside a call leave at once; those that are being started come first, for they know the worker. */
static bool all_left(struct lc_worker *w, uint64_t patience_ms)
{
    struct lc_owner *o = &w->owner;
    uint64_t until = lc_clock_mono_ms() + patience_ms;
    bool has_left;

    lc_mutex_lock(&o->lock);
    while ((o->nseats > 0 || w->nthreads > 0) &&
           lc_cond_wait_until(&o->left, &o->lock, until) == LC_OK) {
    }
    has_left = o->nseats == 0 && w->nthreads == 0 && lc_list_is_empty(&o->waiting);
    lc_mutex_unlock(&o->lock);
    return has_left;
}

bool lc_worker_close(struct lc_worker *w, uint64_t patience_ms)
{
    LC_OBJ(w, WORKER);
    if (!all_left(w, patience_ms)) {
        lc_mutex_lock(&w->owner.lock);
        lc_access_log_flush(&w->access_log, w->loop.now_ms);
        lc_mutex_unlock(&w->owner.lock);
        return false;
    }
    if (w->has_watcher)
        lc_watcher_join(&w->watcher);
    stop_listeners(w);
    lc_reuse_close(w);
    /* Requests that were not called are found with their connections, and closed. */
    w->gate.on_gone = NULL;
    for (struct lc_list *e = w->ready.next; e != &w->ready; e = e->next)
        lc_exchange_rest(LC_CONTAINER_OF(e, struct lc_exchange, link));
    lc_share_close(
        w); /* the end of the connections takes a turn, in which no parcel may come out */
    lc_h1_fini(&w->h1);
    lc_access_log_close(&w->access_log, LOG_CLOSE_MS);
    lc_owner_fini(&w->owner);
    lc_loop_forget(&w->loop, &w->signal_watch);
    lc_fd_close(&w->chained_fd);
    lc_loop_close(&w->loop);
    w->magic = 0;
    return true;
}
