/* engine/worker.c - assembling and running a worker's engine.   Runs in: worker. */
#include "engine/worker.h"

#include <string.h>
#include <unistd.h>

#define PARENT_LOOK_MS 1000

static const char busy_answer[] =
    "HTTP/1.1 503 Service Unavailable\r\nConnection: close\r\nContent-Length: 0\r\n\r\n";

static bool can_accept(struct lc_listener *l)
{
    struct lc_worker *w = l->conf->ctx;

    if (w->conf->is_multiprocess && lc_owner_is_kept(&w->owner))
        return false; /* the one thread waits: a sibling may be free */
    return lc_h1_has_room(&w->h1);
}

static bool on_accept(struct lc_listener *l, int fd, const struct lc_addr *peer)
{
    struct lc_worker *w = l->conf->ctx;
    struct lc_stream s;

    lc_stream_tcp_init(&s, fd);
    return lc_h1_open(&w->h1, &s, peer, l->index);
}

/* Of the pollers that sleep on a shared listener the kernel wakes one.  Whoever will not accept must be out of that queue
 * before it sleeps: a wake-up that it gets and declines reaches no sibling, and the client waits for the next one. */
static void pause_listeners(struct lc_worker *w)
{
    for (uint32_t i = 0; i < w->nlisteners; i++) {
        struct lc_listener *l = &w->listeners[i];

        if (!l->is_shared || l->is_paused)
            continue;
        l->is_paused = true;
        if (lc_loop_watch(&w->loop, &l->watch, 0) != LC_OK) {
            /* still watched: can_accept declines */
        }
    }
}

static void on_room(struct lc_h1 *h1)
{
    struct lc_worker *w = h1->on_room_ctx;

    if (w->conf->is_multiprocess && lc_owner_is_kept(&w->owner))
        return; /* the loop resumes them after the call */
    for (uint32_t i = 0; i < w->nlisteners; i++) {
        if (w->listeners[i].is_paused)
            lc_listener_resume(&w->listeners[i]);
    }
}

static bool is_held(void *ctx)
{
    struct lc_worker *w = ctx;

    return lc_owner_is_kept(&w->owner);
}

static void on_guest_signal(struct lc_watch *watch, uint32_t events LC_UNUSED)
{
    struct lc_worker *w = LC_CONTAINER_OF(watch, struct lc_worker, signal_watch);
    char waste[64];

    while (read(watch->fd, waste, sizeof waste) > 0)
        atomic_store_explicit(&w->has_signal, true, memory_order_release);
}

static void set_up_h1(struct lc_worker *w, const struct lc_host *host, struct lc_handler *handler)
{
    const struct lc_engine_conf *conf = w->conf;

    w->h1 = (struct lc_h1){
        .loop = &w->loop,
        .limits = &conf->limits,
        .policy = &conf->policy,
        .handler = handler,
        .log = &conf->log,
        .host = host,
        .tmp_dir = conf->tmp_dir,
        .server = conf->server,
        .conns_max = LC_MAX(conf->conns_max, 1),
        .is_held = is_held,
        .is_held_ctx = w,
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

        *l = (struct lc_listener){
            .index = i, .kind = w->conf->listeners[i].kind, .is_shared = w->conf->is_multiprocess};
        if ((rc = lc_listener_start(l, &w->accept, w->conf->listeners[i].fd)) != LC_OK)
            return rc;
        w->nlisteners++;
    }
    return LC_OK;
}

enum lc_rc lc_worker_open(struct lc_worker *w, const struct lc_engine_conf *conf,
                          const struct lc_host *host, struct lc_handler *handler, int signal_fd)
{
    enum lc_rc rc;

    memset(w, 0, sizeof *w);
    w->magic = LC_MAGIC_WORKER;
    w->conf = conf;
    w->master = conf->master ? conf->master : getppid();
    if ((rc = lc_loop_open(&w->loop, host)) != LC_OK)
        return rc;
    lc_owner_init(&w->owner, &w->loop);
    set_up_h1(w, host, handler);
    w->signal_watch = (struct lc_watch){.fd = signal_fd, .fn = on_guest_signal};
    if (signal_fd >= 0 && (rc = lc_loop_watch(&w->loop, &w->signal_watch, LC_READ)) != LC_OK)
        return rc;
    return start_listeners(w);
}

static void stop_listeners(struct lc_worker *w)
{
    for (uint32_t i = 0; i < w->nlisteners; i++)
        lc_listener_stop(&w->listeners[i]);
    w->nlisteners = 0;
}

void lc_worker_stop(struct lc_worker *w, bool is_graceful)
{
    LC_OBJ(w, WORKER);
    if (!is_graceful) {
        w->state = LC_WORKER_ENDED;
        return;
    }
    if (w->state != LC_WORKER_RUNNING)
        return;
    w->state = LC_WORKER_DRAINING;
    lc_loop_refresh(&w->loop);
    w->end_by_ms = w->loop.now_ms + w->conf->graceful_ms;
    w->h1.is_draining =
        true; /* connections at rest are closed by the loop, not from inside a call */
}

enum lc_rc lc_worker_wait(struct lc_worker *w, bool (*ready)(void *arg), void *arg)
{
    LC_OBJ(w, WORKER);
    pause_listeners(w);
    return lc_owner_wait(&w->owner, ready, arg);
}

/* One look a turn: the state changes inside calls and signal handlers, what follows from it happens here. */
static void follow_state(struct lc_worker *w)
{
    if (!lc_list_is_empty(&w->h1.queued))
        lc_h1_run_queued(&w->h1);
    if (w->state == LC_WORKER_RUNNING && lc_h1_has_room(&w->h1))
        on_room(&w->h1);
    else
        pause_listeners(w);
    if (w->state == LC_WORKER_DRAINING) {
        stop_listeners(w);
        lc_h1_drain(&w->h1);
        if (w->h1.nconns == 0 || w->loop.now_ms >= w->end_by_ms)
            w->state = LC_WORKER_ENDED;
    }
}

void lc_worker_run(struct lc_worker *w)
{
    uint64_t look_ms = 0;

    LC_OBJ(w, WORKER);
    while (w->state != LC_WORKER_ENDED) {
        lc_loop_step(&w->loop, w->state == LC_WORKER_DRAINING ? 100 : PARENT_LOOK_MS);
        follow_state(w);
        if (w->loop.now_ms < look_ms)
            continue;
        look_ms = w->loop.now_ms + PARENT_LOOK_MS;
        if (getppid() != w->master && w->state == LC_WORKER_RUNNING) {
            lc_log_write(&w->conf->log, LC_INFO, "Parent changed, shutting down: worker");
            lc_worker_stop(w, true);
        }
    }
}

void lc_worker_close(struct lc_worker *w)
{
    LC_OBJ(w, WORKER);
    lc_owner_fini(&w->owner);
    stop_listeners(w);
    lc_h1_fini(&w->h1);
    lc_loop_forget(&w->loop, &w->signal_watch);
    lc_loop_close(&w->loop);
    w->magic = 0;
}
