/* engine/serve.c - the threads of a worker: who takes requests, who steps, and what is put off when the engine moves.
 * Runs in: worker, application threads and the watcher; all under the owner's lock but the calls and the waits. */
#include "engine/door.h"
#include "engine/worker_int.h"

#include "os/clock.h"

#define GROW_MS \
    1 /* a request that has waited this long gets a thread of its own, while there may be more */

/* --- requests ------------------------------------------------------------------------------------------------- */

/* A stepping thread's request is called as soon as this event is over: it is spared being settled.  The others are told
 * to rest once the event is over: while they wait, their clients' resets are still heard of. */
static bool on_request(struct lc_handler *gate, struct lc_exchange *x)
{
    struct lc_worker *w = gate->ctx;

    if (lc_door_answers(w, x))
        return true;
    if (!x->is_handed) {
        x->ready_ms = w->loop.now_ms;
        x->ready_ns = w->h1.is_turn && w->owner.nready == 0 ? 0 : lc_loop_ns();
    }
    lc_list_append(&w->ready, &x->link);
    lc_owner_add_ready(&w->owner);
    return false;
}

static void on_gone(struct lc_handler *gate, struct lc_exchange *x)
{
    struct lc_worker *w = gate->ctx;

    if (lc_list_is_empty(&x->link))
        return; /* being called: the application learns of it when it looks */
    lc_list_remove(&x->link);
    lc_owner_drop_ready(&w->owner);
    lc_exchange_cut(x);
}

static void on_end(struct lc_handler *gate, struct lc_exchange *x,
                   const struct lc_exchange_end *end)
{
    lc_account_answer(gate->ctx, x, end);
}

static void rest(struct lc_worker *w, struct lc_exchange *x)
{
    x->call = w; /* told */
    lc_exchange_rest(x);
}

/* Those that came last; the others were told already. */
static void rest_new(struct lc_worker *w)
{
    struct lc_list *prev;

    for (struct lc_list *e = w->ready.prev; e != &w->ready; e = prev) {
        struct lc_exchange *x = LC_CONTAINER_OF(e, struct lc_exchange, link);

        prev = e->prev; /* one that cannot be watched is lost, and leaves */
        if (x->call)
            return;
        rest(w, x);
    }
}

static void on_theft(void *ctx)
{
    struct lc_worker *w = ctx;

    if (w->caller) {
        if (w->caller->x)
            rest(w, w->caller->x);
        w->caller = NULL;
    }
    rest_new(w);
    w->h1.is_turn = false;
    lc_h1_uncork(&w->h1);
    lc_worker_set_accepting(w);
    lc_account_look(w);
}

/* A request waits, and no thread is idle. */
static void consider_thread(struct lc_worker *w)
{
    struct lc_exchange *oldest = LC_LIST_FIRST(&w->ready, struct lc_exchange, link);
    uint32_t nstarting = w->nthreads - w->owner.nseats;

    if (oldest == NULL || w->owner.nready <= nstarting || w->main_seat == NULL || w->wants_thread ||
        w->nthreads >= w->conf->threads || !lc_list_is_empty(&w->owner.idle))
        return;
    if (lc_clock_mono_ms() < oldest->ready_ms + GROW_MS)
        return;
    w->wants_thread = true;
    lc_owner_nudge(&w->owner, w->main_seat);
}

void lc_worker_gate_init(struct lc_worker *w)
{
    w->gate = (struct lc_handler){
        .ctx = w, .on_request = on_request, .on_gone = on_gone, .on_end = on_end};
    lc_list_init(&w->ready);
}

/* --- turns ---------------------------------------------------------------------------------------------------- */

static int turn_timeout(struct lc_worker *w)
{
    int most = w->state == LC_WORKER_DRAINING ? 100 : PARENT_LOOK_MS;

    if (w->owner.nready > w->owner.ninvited && w->nthreads < w->conf->threads)
        most = GROW_MS;
    if (w->conf->timeout_ms)
        most = LC_MIN(most, (int)(w->conf->timeout_ms / 4)); /* for the beat's sake */
    return lc_loop_timeout(&w->loop, lc_door_timeout(w, lc_share_timeout(w, most)));
}

static void end_turn(struct lc_worker *w)
{
    w->h1.is_turn = false;
    lc_loop_end(&w->loop);
    w->is_turn = false;
    lc_door_expire(w);
    lc_share_hand_over(w);
    lc_worker_follow(w);
    rest_new(w);
    lc_owner_look_at_waits(&w->owner);
    lc_account_turn(w);
}

static void begin_turn(struct lc_worker *w, struct lc_ready *ready, int n, bool is_inline)
{
    lc_loop_begin(&w->loop, ready, n);
    w->is_turn = true;
    w->h1.is_turn = is_inline;
}

/* A piece of the stepping thread's work: an event, the end of a turn, or a wait and the begin of one. */
static void step(struct lc_worker *w, struct lc_server *s)
{
    uint64_t wait_no;
    int timeout, n;

    if (w->is_turn) {
        if (lc_loop_serve(&w->loop)) {
            lc_owner_yield(&w->owner);
            return;
        }
        end_turn(w);
        return;
    }
    timeout = turn_timeout(w);
    s->guest.leave(s->guest.ctx);
    wait_no = lc_owner_begin_wait(&w->owner, timeout);
    n = lc_loop_wait(&w->loop, s->ready, timeout);
    if (lc_owner_end_wait(&w->owner, wait_no) && lc_owner_steps(&w->owner, &s->seat))
        begin_turn(w, s->ready, n, true);
}

/* The watcher's. */
static void on_turn(void *ctx)
{
    struct lc_worker *w = ctx;
    uint64_t wait_no;
    int timeout, n;

    if (!w->is_turn) {
        timeout = turn_timeout(w);
        wait_no = lc_owner_begin_wait(&w->owner, timeout);
        n = lc_loop_wait(&w->loop, w->watcher_ready, timeout);
        if (!lc_owner_end_wait(&w->owner, wait_no) || w->owner.state != LC_OWNER_WATCHED)
            return;
        begin_turn(w, w->watcher_ready, n, false);
    }
    while (w->owner.state == LC_OWNER_WATCHED && lc_loop_serve(&w->loop)) {
        rest_new(w);
        lc_owner_yield(&w->owner);
    }
    if (w->owner.state != LC_OWNER_WATCHED)
        return;
    end_turn(w);
    consider_thread(w);
}

const struct lc_owner_face lc_worker_face = {.on_theft = on_theft, .on_turn = on_turn};

/* --- threads -------------------------------------------------------------------------------------------------- */

static void call_one(struct lc_worker *w, struct lc_server *s)
{
    struct lc_owner *o = &w->owner;
    struct lc_exchange *x = LC_CONTAINER_OF(w->ready.next, struct lc_exchange, link);
    bool is_stepping = lc_owner_steps(o, &s->seat);
    uint64_t began, ended, ready_ns, sample;

    LC_CHECK(!lc_list_is_empty(&w->ready));
    lc_list_remove(&x->link);
    if (!lc_door_admits(w, x))
        return;
    sample = is_stepping ? lc_h1_call_began(&w->h1) : 0;
    s->x = x;
    if (is_stepping)
        w->caller = s;
    else
        rest(w, x);
    began = x->called_ns = lc_loop_ns();
    ready_ns = x->ready_ns;
    lc_owner_begin_call(o, &s->seat);
    lc_account_begin(w, s, x);
    lc_owner_leave(o);
    w->app.call(s->ctx, x);
    LC_CHECK(lc_owner_enter(o) == LC_OK); /* a forked child does not come back here */
    s->x = NULL;
    if (w->caller == s)
        w->caller = NULL;
    ended = lc_loop_ns();
    lc_owner_end_call(o, &s->seat, ended - began);
    lc_account_end(w, s, ended - (ready_ns ? ready_ns : began));
    if (!lc_owner_steps(o, &s->seat))
        rest_new(w); /* the end of the call may have brought the connection's next */
    if (sample && lc_owner_steps(o, &s->seat))
        lc_h1_call_ended(&w->h1, sample);
    if (!lc_owner_steps(o, &s->seat)) /* who steps does so at the end of its turn */
        lc_worker_set_accepting(w);
}

/* Handlers may take long, and so may the guest's own lock: the engine does not wait for them either. */
static void run_handlers(struct lc_worker *w, struct lc_server *s)
{
    struct lc_owner *o = &w->owner;
    bool is_stepping = lc_owner_steps(o, &s->seat);

    if (is_stepping)
        lc_owner_begin_call(o, &s->seat);
    lc_owner_leave(o);
    s->guest.wakeup(s->guest.ctx);
    lc_mutex_lock(&o->lock);
    lc_account_guest_came(w);
    if (is_stepping)
        lc_owner_end_call(o, &s->seat, o->call_ns); /* no request's time */
}

static bool has_signal(struct lc_worker *w, const struct lc_server *s)
{
    return s->is_main && atomic_load_explicit(&w->has_signal, memory_order_acquire);
}

/* Events of a turn that others have taken over lie in this thread's memory: they are dropped, and reported again. */
static void leave_turn(struct lc_worker *w, struct lc_server *s)
{
    if (w->loop.ready != s->ready)
        return;
    w->loop.ready = NULL;
    w->loop.nready = w->loop.iready = 0;
    w->loop.was_full = true; /* no connection expires by a clock of before what it sent is read */
}

void lc_worker_serve(struct lc_worker *w, struct lc_server *s)
{
    struct lc_owner *o = &w->owner;
    uint32_t idle_ms = w->conf->thread_idle_ms ? w->conf->thread_idle_ms : LC_THREAD_IDLE_MS;
    enum lc_turn turn = LC_TURN_LOOK;

    lc_mutex_lock(&o->lock);
    lc_seat_init(&s->seat, o, &s->guest);
    lc_owner_join(o, &s->seat);
    if (s->is_main) {
        w->main_seat = &s->seat;
        w->nthreads = 1;
    }
    lc_account_join(w, s);
    while (turn != LC_TURN_END && (turn != LC_TURN_IDLE || s->is_first)) {
        uint64_t due = s->is_first ? 0 : lc_clock_mono_ms() + idle_ms;

        if (LC_UNLIKELY(has_signal(w, s)))
            run_handlers(w, s);
        turn = lc_owner_next(o, &s->seat, due);
        if (turn == LC_TURN_CALL)
            call_one(w, s);
        else if (turn == LC_TURN_STEP)
            step(w, s);
    }
    leave_turn(w, s);
    if (s->is_main)
        w->main_seat = NULL;
    w->nthreads--;
    lc_account_quit(w, s);
    lc_owner_quit(o, &s->seat);
    lc_mutex_unlock(&o->lock);
    lc_seat_fini(&s->seat);
}

bool lc_worker_attend(struct lc_worker *w, struct lc_server *s)
{
    struct lc_owner *o = &w->owner;
    bool wants_thread;

    lc_mutex_lock(&o->lock);
    if (w->main_seat == NULL) {
        lc_seat_init(&s->seat, o, &s->guest);
        w->main_seat = &s->seat;
        w->wants_thread = true; /* the first */
    }
    do {
        if (has_signal(w, s))
            run_handlers(w, s);
        wants_thread = w->wants_thread;
    } while (!wants_thread && lc_owner_attend(o, &s->seat) == LC_TURN_LOOK);
    if (wants_thread) {
        w->wants_thread = false;
        w->nthreads++;
    }
    lc_mutex_unlock(&o->lock);
    return wants_thread;
}

void lc_worker_no_thread(struct lc_worker *w)
{
    lc_mutex_lock(&w->owner.lock);
    w->nthreads--;
    lc_cond_broadcast(&w->owner.left);
    lc_mutex_unlock(&w->owner.lock);
}
