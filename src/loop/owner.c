/* loop/owner.c - see owner.h for the drawing.   Runs in: worker; every thread that touches the engine. */
#include "loop/owner.h"

#include "os/clock.h"

#include <sched.h>

void lc_owner_init(struct lc_owner *o, struct lc_loop *loop, const struct lc_owner_face *face)
{
    *o = (struct lc_owner){.magic = LC_MAGIC_OWNER, .loop = loop, .face = *face, .is_inline = true};
    lc_mutex_init(&o->lock);
    lc_mutex_init(&o->watch_lock);
    lc_cond_init(&o->watch);
    lc_cond_init(&o->left);
    lc_list_init(&o->idle);
    lc_list_init(&o->waiting);
}

void lc_owner_fini(struct lc_owner *o)
{
    LC_OBJ(o, OWNER);
    LC_CHECK(o->nseats == 0 && lc_list_is_empty(&o->waiting));
    lc_cond_fini(&o->left);
    lc_cond_fini(&o->watch);
    lc_mutex_fini(&o->watch_lock);
    lc_mutex_fini(&o->lock);
    o->magic = 0;
}

void lc_seat_init(struct lc_seat *s, struct lc_owner *o, const struct lc_host *guest)
{
    *s = (struct lc_seat){.owner = o, .guest = guest};
    lc_cond_init(&s->wake);
    lc_list_init(&s->idle);
    lc_list_init(&s->waiting);
}

void lc_seat_fini(struct lc_seat *s)
{
    LC_CHECK(lc_list_is_empty(&s->idle) && lc_list_is_empty(&s->waiting));
    lc_cond_fini(&s->wake);
}

/* --- the lock ------------------------------------------------------------------------------------------------- */

enum lc_rc lc_owner_enter(struct lc_owner *o)
{
    LC_OBJ(o, OWNER);
    if (LC_UNLIKELY(o->is_forked))
        return LC_CLOSED;
    if (LC_LIKELY(lc_mutex_try_lock(&o->lock)))
        return LC_OK;
    atomic_fetch_add_explicit(&o->nwant, 1, memory_order_relaxed);
    lc_mutex_lock(&o->lock);
    atomic_fetch_sub_explicit(&o->nwant, 1, memory_order_relaxed);
    return LC_OK;
}

/* What was changed may be due before the stepper comes back by itself. */
static bool is_due_sooner(struct lc_owner *o)
{
    int next;

    if (!lc_list_is_empty(&o->loop->deferred))
        return true;
    next = lc_timers_next_ms(&o->loop->timers, o->loop->now_ms);
    return next >= 0 && o->loop->now_ms + (uint64_t)next < o->wait_until_ms;
}

static void call_back(struct lc_owner *o)
{
    if (!o->is_waiting || o->is_woken)
        return;
    o->is_woken = true;
    lc_loop_wake(o->loop);
}

/* Wherever a thread lets the lock go that may have touched the engine. */
static void call_back_if_due(struct lc_owner *o)
{
    if (LC_UNLIKELY(o->is_waiting && !o->is_woken) && is_due_sooner(o))
        call_back(o);
}

void lc_owner_leave(struct lc_owner *o)
{
    call_back_if_due(o);
    lc_mutex_unlock(&o->lock);
}

/* A mutex is not fair: without the pause the one who leaves is the one who enters again. */
void lc_owner_yield(struct lc_owner *o)
{
    if (LC_LIKELY(atomic_load_explicit(&o->nwant, memory_order_relaxed) == 0))
        return;
    lc_mutex_unlock(&o->lock);
    for (int i = 0; i < 100 && atomic_load_explicit(&o->nwant, memory_order_relaxed) > 0; i++)
        sched_yield();
    lc_mutex_lock(&o->lock);
}

/* A watcher that lost the engine may still be inside its wait when the next stepper begins one: the flags are the latter's. */
uint64_t lc_owner_begin_wait(struct lc_owner *o, int timeout_ms)
{
    uint64_t wait_no = ++o->wait_no;

    o->nwaiting++;
    o->is_waiting = true;
    o->is_woken = false;
    o->wait_until_ms = timeout_ms < 0 ? UINT64_MAX : o->loop->now_ms + (uint64_t)timeout_ms;
    lc_mutex_unlock(&o->lock);
    return wait_no;
}

bool lc_owner_end_wait(struct lc_owner *o, uint64_t wait_no)
{
    lc_mutex_lock(&o->lock);
    o->nwaiting--;
    if (o->wait_no != wait_no)
        return false;
    o->is_waiting = o->is_woken = false;
    return true;
}

/* --- who steps ------------------------------------------------------------------------------------------------ */

static void set(struct lc_owner *o, enum lc_owner_state state, struct lc_seat *s)
{
    uint64_t no = atomic_load_explicit(&o->call_no, memory_order_relaxed);

    if (o->state == LC_OWNER_ENDED)
        return;
    o->state = state;
    o->seat = s;
    atomic_store_explicit(&o->calling, state == LC_OWNER_CALLING ? no : 0, memory_order_relaxed);
}

static void call_watcher(struct lc_owner *o)
{
    lc_mutex_lock(&o->watch_lock);
    o->is_called_for = true;
    lc_cond_signal(&o->watch);
    lc_mutex_unlock(&o->watch_lock);
}

static bool wants_inline(const struct lc_owner *o)
{
    return o->is_inline && o->call_ns < LC_OWNER_LONG_NS;
}

/* The engine leaves the thread that has it, for an idle one or the watcher. */
static void give_away(struct lc_owner *o)
{
    struct lc_seat *idle = LC_LIST_FIRST(&o->idle, struct lc_seat, idle);

    o->face.on_theft(o->face.ctx);
    if (idle && o->is_inline) {
        lc_list_remove(&idle->idle);
        set(o, LC_OWNER_PASSED, idle);
        lc_cond_signal(&idle->wake);
        return;
    }
    set(o, LC_OWNER_WATCHED, NULL);
    call_watcher(o);
}

void lc_owner_steal(struct lc_owner *o)
{
    LC_CHECK(o->state == LC_OWNER_CALLING);
    give_away(o);
}

/* An idle thread takes the engine: from the watcher, who is called back, or from nobody. */
static bool take(struct lc_owner *o, struct lc_seat *s)
{
    if (o->state == LC_OWNER_PASSED && o->seat == s) {
        set(o, LC_OWNER_STEPPED, s);
        return true;
    }
    if (o->state != LC_OWNER_FREE && o->state != LC_OWNER_WATCHED)
        return false;
    if (!wants_inline(o))
        return false;
    call_back(o);
    set(o, LC_OWNER_STEPPED, s);
    return true;
}

/* --- requests ------------------------------------------------------------------------------------------------- */

static bool invite(struct lc_owner *o)
{
    struct lc_seat *idle = LC_LIST_FIRST(&o->idle, struct lc_seat, idle);

    if (idle == NULL)
        return false;
    lc_list_remove(&idle->idle);
    idle->is_invited = true;
    o->ninvited++;
    lc_cond_signal(&idle->wake);
    return true;
}

/* A stepping thread takes it itself, after this event or after this call.  If it waits for events, the request follows
 * one that a call without the engine has just answered, and that call may go on; the watcher, too, then looks whether it
 * wants a thread more. */
void lc_owner_add_ready(struct lc_owner *o)
{
    o->nready++;
    if (o->state == LC_OWNER_WATCHED && o->nready > o->ninvited && invite(o))
        return;
    call_back(o);
}

void lc_owner_drop_ready(struct lc_owner *o)
{
    LC_CHECK(o->nready > 0);
    o->nready--;
}

void lc_owner_begin_call(struct lc_owner *o, struct lc_seat *s)
{
    s->is_called = true;
    o->nbusy++;
    if (lc_owner_steps(o, s)) {
        atomic_store_explicit(&o->call_no, o->call_no + 1, memory_order_relaxed);
        set(o, LC_OWNER_CALLING, s);
        /* The watcher is needed, and the wake-up that called it back may have been drained by this thread. */
        if (LC_UNLIKELY(o->nwaiting > 0))
            lc_loop_wake(o->loop);
        if (!wants_inline(o))
            give_away(o);
    }
    if (LC_UNLIKELY(o->is_parked))
        call_watcher(o);
}

void lc_owner_end_call(struct lc_owner *o, struct lc_seat *s, uint64_t took_ns)
{
    s->is_called = false;
    o->nbusy--;
    o->call_ns = (7 * o->call_ns + took_ns) / 8;
    if (o->state == LC_OWNER_CALLING && o->seat == s)
        set(o, LC_OWNER_STEPPED, s);
}

/* --- what a thread does next ---------------------------------------------------------------------------------- */

void lc_owner_join(struct lc_owner *o, struct lc_seat *s LC_UNUSED)
{
    o->nseats++;
}

void lc_owner_quit(struct lc_owner *o, struct lc_seat *s)
{
    LC_CHECK(!s->is_called && !(o->state == LC_OWNER_CALLING && o->seat == s));
    lc_list_remove(&s->idle);
    if (s->is_invited) {
        s->is_invited = false;
        o->ninvited--;
    }
    if (o->seat == s) {
        set(o, LC_OWNER_WATCHED, NULL);
        o->seat = NULL;
        call_watcher(o);
    }
    o->nseats--;
    lc_cond_broadcast(&o->left);
}

static enum lc_turn look(struct lc_owner *o, struct lc_seat *s)
{
    bool is_stepper;

    if (s->is_invited) {
        s->is_invited = false;
        o->ninvited--;
    }
    if (o->state == LC_OWNER_ENDED)
        return LC_TURN_END;
    /* Before the next call, too: else one slow call among many short ones would leave the watcher stepping for good. */
    is_stepper = lc_owner_steps(o, s) || take(o, s);
    if (s->is_nudged) {
        s->is_nudged = false;
        return LC_TURN_LOOK;
    }
    if (o->nready > 0) {
        o->nready--;
        return LC_TURN_CALL;
    }
    return is_stepper ? LC_TURN_STEP : LC_TURN_IDLE;
}

enum lc_turn lc_owner_next(struct lc_owner *o, struct lc_seat *s, uint64_t due_ms)
{
    enum lc_turn turn;
    bool is_over = false;

    while ((turn = look(o, s)) == LC_TURN_IDLE && !is_over) {
        if (s->guest)
            s->guest->leave(s->guest->ctx);
        lc_list_append(&o->idle, &s->idle);
        call_back_if_due(o);
        if (due_ms == 0)
            lc_cond_wait(&s->wake, &o->lock);
        else
            is_over = lc_cond_wait_until(&s->wake, &o->lock, due_ms) == LC_AGAIN;
        lc_list_remove(&s->idle);
    }
    return turn;
}

enum lc_turn lc_owner_attend(struct lc_owner *o, struct lc_seat *s)
{
    while (!s->is_nudged && o->state != LC_OWNER_ENDED) {
        if (s->guest)
            s->guest->leave(s->guest->ctx);
        lc_cond_wait(&s->wake, &o->lock);
    }
    if (s->is_nudged) {
        s->is_nudged = false;
        return LC_TURN_LOOK;
    }
    return LC_TURN_END;
}

void lc_owner_nudge(struct lc_owner *o, struct lc_seat *s)
{
    s->is_nudged = true;
    lc_cond_signal(&s->wake);
    if (lc_owner_steps(o, s))
        call_back(o);
}

/* --- waits inside a call -------------------------------------------------------------------------------------- */

enum lc_rc lc_owner_wait(struct lc_owner *o, struct lc_seat *s, bool (*ready)(void *arg), void *arg)
{
    s->ready = ready;
    s->arg = arg;
    if (o->state == LC_OWNER_CALLING && o->seat == s)
        give_away(o);
    lc_list_append(&o->waiting, &s->waiting);
    while (!ready(arg) && o->state != LC_OWNER_ENDED) {
        call_back_if_due(o);
        lc_cond_wait(&s->wake, &o->lock);
    }
    lc_list_remove(&s->waiting);
    return o->state == LC_OWNER_ENDED && !ready(arg) ? LC_CLOSED : LC_OK;
}

void lc_owner_look_at_waits(struct lc_owner *o)
{
    for (struct lc_list *e = o->waiting.next; e != &o->waiting; e = e->next) {
        struct lc_seat *s = LC_CONTAINER_OF(e, struct lc_seat, waiting);

        if (s->ready(s->arg))
            lc_cond_signal(&s->wake);
    }
}

void lc_owner_end(struct lc_owner *o)
{
    set(o, LC_OWNER_ENDED, NULL);
    for (struct lc_list *e = o->idle.next; e != &o->idle; e = e->next)
        lc_cond_signal(&LC_CONTAINER_OF(e, struct lc_seat, idle)->wake);
    for (struct lc_list *e = o->waiting.next; e != &o->waiting; e = e->next)
        lc_cond_signal(&LC_CONTAINER_OF(e, struct lc_seat, waiting)->wake);
    call_watcher(o);
    if (o->nwaiting > 0)
        lc_loop_wake(o->loop);
}
