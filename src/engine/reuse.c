/* engine/reuse.c - see reuse.h.   Runs in: worker, under the owner's lock.
 *
 *      (not held) --nobody attends to it--> WATCHED <--siblings' turn, ours--> PAUSED
 *           ^------------one of its place serves-----------'-----------------------'
 */
#include "engine/reuse.h"

#include "engine/worker_int.h"
#include "os/fd.h"

#include <stdlib.h>
#include <string.h>

#define SETTLE_LOOKS 10

struct lc_loan {
    struct lc_listener l; /* watch.fd -1: it never was held */
    uint32_t socket;
    int fd; /* until the listener has it */
    bool is_held;
};

/* --- places --------------------------------------------------------------------------------------------------- */

static uint32_t socket_of(const struct lc_worker *w, struct lc_board_slot *s)
{
    return atomic_load_explicit(&s->place, memory_order_relaxed) % w->reuse.n;
}

static bool is_of_the_set(const struct lc_worker *w, struct lc_board_slot *s)
{
    return atomic_load_explicit(&s->sockets, memory_order_relaxed) == w->reuse.sockets;
}

static bool is_partner(const struct lc_worker *w, uint32_t slot)
{
    struct lc_board_slot *s = lc_board_slot(w->conf->board, slot);

    return slot != w->conf->slot && socket_of(w, s) == w->conf->place % w->reuse.n &&
           is_of_the_set(w, s);
}

void lc_reuse_look(struct lc_worker *w)
{
    const struct lc_board *b = w->conf->board;
    struct lc_reuse *r = &w->reuse;
    uint32_t used = lc_board_used(b);

    memset(r->is_attended, 0, r->n * sizeof *r->is_attended);
    r->has_partners = false;
    for (uint32_t i = 0; i < used; i++) {
        struct lc_board_slot *s = lc_board_slot(b, i);
        uint32_t life = atomic_load_explicit(&s->life, memory_order_relaxed);

        if (life == LC_LIFE_SERVING && is_of_the_set(w, s))
            r->is_attended[socket_of(w, s)] = true;
        r->has_partners |= life != LC_LIFE_EMPTY && is_partner(w, i);
    }
}

bool lc_reuse_has_free_partner(const struct lc_worker *w)
{
    const struct lc_board *b = w->conf->board;
    uint32_t used = w->reuse.has_partners ? lc_board_used(b) : 0;

    for (uint32_t i = 0; i < used; i++) {
        if (atomic_load_explicit(&lc_board_slot(b, i)->free, memory_order_relaxed) > 0 &&
            is_partner(w, i))
            return true;
    }
    return false;
}

int lc_reuse_own_fd(const struct lc_worker *w, uint32_t listener)
{
    const struct lc_engine_listener *l = &w->conf->listeners[listener];

    return l->slot_fds ? l->slot_fds[w->conf->place % w->conf->nslot_fds] : l->fd;
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

    lc_reuse_look(w);
    for (uint32_t i = 0; i < r->nloans; i++) {
        struct lc_loan *loan = &r->loans[i];
        bool is_attended = r->is_attended[loan->socket];

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
        if (k == w->conf->place % r->n)
            continue;
        r->loans[r->nloans++] = (struct lc_loan){
            .l = {.index = listener, .kind = from->kind, .is_shared = true, .watch = {.fd = -1}},
            .socket = k,
            .fd = from->slot_fds[k],
        };
    }
}

/* The master's descriptors have the same numbers in every worker, and a socket of another set that is still open has
 * another: the first of each listener's tells sets apart. */
static void name_sockets(struct lc_worker *w)
{
    uint32_t name = 1;

    for (uint32_t i = 0; i < w->nlisteners; i++) {
        if (w->listeners[i].is_own)
            name = name * 1031 + (uint32_t)w->conf->listeners[i].slot_fds[0];
    }
    w->reuse.sockets = name;
    atomic_store(&lc_board_slot(w->conf->board, w->conf->slot)->sockets, name);
}

static enum lc_rc make_room(struct lc_reuse *r, uint32_t nlisteners)
{
    r->loans = calloc((size_t)nlisteners * r->n, sizeof *r->loans);
    r->is_attended = calloc(r->n, sizeof *r->is_attended);
    return r->loans && r->is_attended ? LC_OK : LC_ENOMEM; /* lc_reuse_close frees what there is */
}

enum lc_rc lc_reuse_open(struct lc_worker *w)
{
    struct lc_reuse *r = &w->reuse;
    uint32_t nlisteners = 0;
    enum lc_rc rc;

    *r = (struct lc_reuse){.n = 0};
    lc_timer_init(&r->look, on_look);
    for (uint32_t i = 0; i < w->nlisteners; i++) {
        w->listeners[i].is_own = w->conf->listeners[i].slot_fds != NULL;
        nlisteners += w->listeners[i].is_own;
    }
    if (nlisteners == 0)
        return LC_OK;
    r->n = w->conf->nslot_fds;
    if (w->conf->board == NULL || w->conf->board->map == NULL)
        return LC_OK;
    name_sockets(w);
    if ((rc = make_room(r, nlisteners)) != LC_OK)
        return rc;
    for (uint32_t i = 0; i < w->nlisteners; i++) {
        if (w->listeners[i].is_own)
            lend(w, i);
    }
    lc_reuse_look(w);
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
    /* Events that were waited for may name a loan while the engine moves: not before now. */
    free(w->reuse.loans);
    free(w->reuse.is_attended);
    w->reuse.loans = NULL;
    w->reuse.is_attended = NULL;
}
