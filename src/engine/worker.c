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

static void on_room(struct lc_h1 *h1)
{
    struct lc_worker *w = h1->on_room_ctx;

    for (uint32_t i = 0; i < w->nlisteners; i++) {
        if (w->listeners[i].is_paused)
            lc_listener_resume(&w->listeners[i]);
    }
}

static bool on_request(struct lc_handler *gate, struct lc_exchange *x)
{
    struct lc_worker *w = gate->ctx;
    bool is_next = lc_list_is_empty(&w->ready) && !lc_owner_is_kept(&w->owner);

    lc_list_append(&w->ready, &x->link);
    return !is_next;
}

static void on_gone(struct lc_handler *gate LC_UNUSED, struct lc_exchange *x)
{
    if (lc_list_is_empty(&x->link))
        return; /* being called: the application learns of it when it looks */
    lc_list_remove(&x->link);
    lc_exchange_cut(x);
}

static void call_ready(struct lc_worker *w)
{
    while (!lc_list_is_empty(&w->ready) && w->state != LC_WORKER_ENDED) {
        struct lc_exchange *x = LC_CONTAINER_OF(w->ready.next, struct lc_exchange, link);
        uint64_t began = lc_h1_call_began(&w->h1);

        lc_list_remove(&x->link);
        w->app.call(w->app.ctx, x);
        lc_h1_call_ended(&w->h1, began);
    }
}

void lc_worker_rest(struct lc_worker *w)
{
    for (struct lc_list *e = w->ready.next; e != &w->ready; e = e->next)
        lc_exchange_rest(LC_CONTAINER_OF(e, struct lc_exchange, link));
}

static void on_guest_signal(struct lc_watch *watch, uint32_t events LC_UNUSED)
{
    struct lc_worker *w = LC_CONTAINER_OF(watch, struct lc_worker, signal_watch);
    char waste[64];

    while (read(watch->fd, waste, sizeof waste) > 0)
        atomic_store_explicit(&w->has_signal, true, memory_order_release);
}

static void set_up_h1(struct lc_worker *w, const struct lc_host *host)
{
    const struct lc_engine_conf *conf = w->conf;

    w->h1 = (struct lc_h1){
        .loop = &w->loop,
        .limits = &conf->limits,
        .policy = &conf->policy,
        .handler = &w->gate,
        .log = &conf->log,
        .host = host,
        .tmp_dir = conf->tmp_dir,
        .server = conf->server,
        .conns_max = LC_MAX(conf->conns_max, 1),
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
                          const struct lc_host *host, const struct lc_app *app, int signal_fd)
{
    enum lc_rc rc;

    memset(w, 0, sizeof *w);
    w->magic = LC_MAGIC_WORKER;
    w->conf = conf;
    w->master = conf->master ? conf->master : getppid();
    if ((rc = lc_loop_open(&w->loop, host)) != LC_OK)
        return rc;
    lc_owner_init(&w->owner, &w->loop);
    w->app = *app;
    w->gate = (struct lc_handler){.ctx = w, .on_request = on_request, .on_gone = on_gone};
    lc_list_init(&w->ready);
    set_up_h1(w, host);
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

/* One look a turn: the state changes inside calls and signal handlers, what follows from it happens here. */
static void follow_state(struct lc_worker *w)
{
    if (w->state == LC_WORKER_RUNNING && lc_h1_has_room(&w->h1))
        on_room(&w->h1);
    if (w->state == LC_WORKER_DRAINING) {
        stop_listeners(w);
        lc_h1_drain(&w->h1);
        if (w->h1.nconns == 0 || w->loop.now_ms >= w->end_by_ms)
            w->state = LC_WORKER_ENDED;
    }
}

/* As lc_loop_step; applications are called between two events, with nothing of the engine on the stack. */
static void turn(struct lc_worker *w, int max_ms)
{
    struct lc_loop *l = &w->loop;
    const struct lc_host *host = l->host;
    int timeout = lc_loop_timeout(l, max_ms), n;

    if (host)
        host->leave(host->ctx);
    n = lc_loop_wait(l, l->own, timeout);
    if (host)
        host->enter(host->ctx);
    lc_loop_begin(l, l->own, n);
    w->h1.is_turn = true;
    while (lc_loop_serve(l))
        call_ready(w);
    w->h1.is_turn = false;
    lc_loop_end(l);
    call_ready(w);
    if (host)
        host->wakeup(host->ctx);
}

void lc_worker_run(struct lc_worker *w)
{
    uint64_t look_ms = 0;

    LC_OBJ(w, WORKER);
    while (w->state != LC_WORKER_ENDED) {
        turn(w, w->state == LC_WORKER_DRAINING ? 100 : PARENT_LOOK_MS);
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
    lc_worker_rest(w); /* those that were not called are found and closed */
    lc_h1_fini(&w->h1);
    lc_loop_forget(&w->loop, &w->signal_watch);
    lc_loop_close(&w->loop);
    w->magic = 0;
}
