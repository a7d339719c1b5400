/* engine/reuse.c - see reuse.h.   Runs in: worker, under the owner's lock.
 *
 *      (not held) --nobody attends to it--> WATCHED <--siblings' turn, ours--> PAUSED
 *           ^------------a slot of its own serves---------'-----------------------'
 */
#include "engine/reuse.h"

#include "engine/worker_int.h"
#include "os/fd.h"

#include <stdlib.h>

#define SETTLE_LOOKS 10

struct lc_loan {
    struct lc_listener l; /* watch.fd -1: it never was held */
    uint32_t socket;
    int fd; /* until the listener has it */
    bool is_held;
};

/* --- slots ---------------------------------------------------------------------------------------------------- */

bool lc_reuse_is_attended(const struct lc_board *b, uint32_t n, uint32_t socket)
{
    uint32_t used = lc_board_used(b);

    for (uint32_t s = socket; s < used; s += n) {
        if (atomic_load_explicit(&lc_board_slot(b, s)->life, memory_order_relaxed) ==
            LC_LIFE_SERVING)
            return true;
    }
    return false;
}

bool lc_reuse_has_free_partner(const struct lc_worker *w)
{
    const struct lc_board *b = w->conf->board;
    uint32_t n = w->reuse.n, used = b && b->map ? lc_board_used(b) : 0;

    for (uint32_t s = w->conf->slot % n; s < used; s += n) {
        if (s != w->conf->slot &&
            atomic_load_explicit(&lc_board_slot(b, s)->free, memory_order_relaxed) > 0)
            return true;
    }
    return false;
}

int lc_reuse_own_fd(const struct lc_worker *w, uint32_t listener)
{
    const struct lc_engine_listener *l = &w->conf->listeners[listener];

    return l->slot_fds ? l->slot_fds[w->conf->slot % w->conf->nslot_fds] : l->fd;
}

/* --- foreign sockets ------------------------------------------------------------------------------------------ */

static void hold(struct lc_worker *w, struct lc_loan *loan)
{
    struct lc_listener *l = &loan->l;

    if (l->watch.fd < 0) {
        if (lc_listener_start(l, &w->accept, loan->fd) != LC_OK) {
            l->watch.fd = -1; /* no memory, no descriptor: the next look tries again */
            return;
        }
        loan->fd = -1;
    }
    lc_listener_resume(l);
    loan->is_held = true;
    w->reuse.nheld++;
}

static void let_go(struct lc_worker *w, struct lc_loan *loan)
{
    lc_worker_pause(w, &loan->l);
    loan->is_held = false;
    w->reuse.nheld--;
}

static void look_at_own(struct lc_worker *w)
{
    if (w->state != LC_WORKER_RUNNING || w->reuse.nlooks == SETTLE_LOOKS)
        return;
    w->reuse.nlooks++;
    for (uint32_t i = 0; i < w->nlisteners; i++) {
        if (w->listeners[i].is_own)
            lc_listener_requeue(&w->listeners[i]);
    }
}

static void on_look(struct lc_timer *t, uint64_t now_ms)
{
    struct lc_worker *w = LC_CONTAINER_OF(t, struct lc_worker, reuse.look);
    struct lc_reuse *r = &w->reuse;

    for (uint32_t i = 0; i < r->nloans; i++) {
        struct lc_loan *loan = &r->loans[i];
        bool is_attended = lc_reuse_is_attended(w->conf->board, r->n, loan->socket);

        if (is_attended == loan->is_held) {
            if (is_attended)
                let_go(w, loan);
            else
                hold(w, loan);
        } else if (loan->is_held) {
            lc_listener_requeue(&loan->l);
        }
    }
    look_at_own(w);
    lc_timer_set(&w->loop.timers, t, now_ms + LC_REUSE_LOOK_MS);
}

void lc_reuse_follow(struct lc_worker *w, bool is_open)
{
    struct lc_reuse *r = &w->reuse;

    for (uint32_t i = 0; i < r->nloans; i++) {
        if (!r->loans[i].is_held)
            continue;
        if (is_open)
            lc_listener_resume(&r->loans[i].l);
        else
            lc_worker_pause(w, &r->loans[i].l);
    }
}

void lc_reuse_go_to_the_end(struct lc_worker *w)
{
    struct lc_reuse *r = &w->reuse;

    for (uint32_t i = 0; i < r->nloans; i++) {
        struct lc_listener *l = &r->loans[i].l;

        if (l->has_accepted && !l->is_paused && lc_share_has_free_sibling(w))
            lc_listener_requeue(l);
        l->has_accepted = false;
    }
}

bool lc_reuse_is_paused(const struct lc_worker *w)
{
    const struct lc_reuse *r = &w->reuse;

    for (uint32_t i = 0; i < r->nloans; i++) {
        if (r->loans[i].is_held && r->loans[i].l.is_paused)
            return true;
    }
    return false;
}

/* --- life ----------------------------------------------------------------------------------------------------- */

static void lend(struct lc_worker *w, uint32_t listener)
{
    const struct lc_engine_listener *from = &w->conf->listeners[listener];
    struct lc_reuse *r = &w->reuse;

    for (uint32_t k = 0; k < r->n; k++) {
        if (k == w->conf->slot % r->n)
            continue;
        r->loans[r->nloans++] = (struct lc_loan){
            .l = {.index = listener, .kind = from->kind, .is_shared = true, .watch = {.fd = -1}},
            .socket = k,
            .fd = from->slot_fds[k],
        };
    }
}

enum lc_rc lc_reuse_open(struct lc_worker *w)
{
    struct lc_reuse *r = &w->reuse;
    uint32_t nlisteners = 0;

    *r = (struct lc_reuse){.n = 0};
    lc_timer_init(&r->look, on_look);
    for (uint32_t i = 0; i < w->nlisteners; i++) {
        w->listeners[i].is_own = w->conf->listeners[i].slot_fds != NULL;
        nlisteners += w->listeners[i].is_own;
    }
    if (nlisteners == 0)
        return LC_OK;
    r->n = w->conf->nslot_fds;
    if (r->n == 1 || w->conf->board == NULL || w->conf->board->map == NULL)
        return LC_OK;
    if ((r->loans = calloc((size_t)nlisteners * r->n, sizeof *r->loans)) == NULL)
        return LC_ENOMEM;
    for (uint32_t i = 0; i < w->nlisteners; i++) {
        if (w->listeners[i].is_own)
            lend(w, i);
    }
    lc_timer_set(&w->loop.timers, &r->look, w->loop.now_ms + LC_REUSE_LOOK_MS);
    return LC_OK;
}

void lc_reuse_stop(struct lc_worker *w)
{
    struct lc_reuse *r = &w->reuse;

    lc_timer_cancel(&r->look);
    for (uint32_t i = 0; i < r->nloans; i++) {
        lc_listener_stop(&r->loans[i].l);
        lc_fd_close(&r->loans[i].fd);
    }
    r->nloans = r->nheld = 0;
}

void lc_reuse_close(struct lc_worker *w)
{
    lc_reuse_stop(w);
    free(
        w->reuse
            .loans); /* events that were waited for may name it while the engine moves: not before */
    w->reuse.loans = NULL;
}
