/* engine/account.c - see account.h.   Runs in: worker, under the owner's lock. */
#include "engine/account.h"

#include "engine/worker.h"
#include "os/clock.h"
#include "os/fd.h"
#include "os/thread.h"

#include <string.h>
#include <unistd.h>

#define BEAT_MS 100  /* no more often */
#define OLD_MS  1000 /* a call this old may hold the guest for good */

_Static_assert(LC_H1_CLOSED == 7 && LC_H1_CLOSED <= LC_BOARD_STATES,
               "each state of an open connection has its word, and its line in set_conns");

/* Workers that were forked together must not all be spent together; that is all that is asked of this chance. */
static uint64_t by_chance(uint64_t most)
{
    uint64_t x = ((uint64_t)getpid() << 32) ^ (uint64_t)lc_clock_mono_ns();

    x = (x ^ x >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
    x = (x ^ x >> 27) * UINT64_C(0x94d049bb133111eb);
    return (x ^ x >> 31) % (most + 1);
}

void lc_account_open(struct lc_worker *w)
{
    const struct lc_engine_conf *conf = w->conf;

    lc_list_init(&w->account.running);
    w->account.spent_at = UINT64_MAX;
    if (conf->max_requests)
        w->account.spent_at = conf->max_requests + by_chance(conf->max_requests_jitter);
    if (conf->board && conf->board->map)
        w->account.slot = lc_board_slot(conf->board, conf->slot);
}

/* --- threads -------------------------------------------------------------------------------------------------- */

static uint32_t take_record(struct lc_account *a)
{
    uint32_t i = 0;

    while (i < LC_THREADS_MAX && a->records[i / 64] >> i % 64 & 1)
        i++;
    if (i < LC_THREADS_MAX)
        a->records[i / 64] |= UINT64_C(1) << i % 64;
    return i;
}

void lc_account_join(struct lc_worker *w, struct lc_server *s)
{
    struct lc_account_seat *seat = &s->account;

    *seat = (struct lc_account_seat){.record = LC_THREADS_MAX};
    lc_list_init(&seat->running);
    if (w->account.slot == NULL)
        return;
    seat->number = lc_thread_number();
    seat->record = take_record(&w->account);
    seat->call = lc_board_call_use(w->conf->board, w->conf->slot, seat->record);
    lc_account_turn(w); /* it serves */
}

void lc_account_quit(struct lc_worker *w, struct lc_server *s)
{
    uint32_t i = s->account.record;

    if (i < LC_THREADS_MAX)
        w->account.records[i / 64] &= ~(UINT64_C(1) << i % 64);
    s->account.call = NULL;
}

/* --- calls ---------------------------------------------------------------------------------------------------- */

static void set_free(struct lc_worker *w)
{
    uint32_t n = w->state == LC_WORKER_RUNNING ? lc_share_idle(w) : 0;

    atomic_store_explicit(&w->account.slot->free, n, memory_order_relaxed);
}

/* The client's text, NULL when it is the same as in this thread's last call. */
static const char *client_of(struct lc_account_seat *seat, const struct lc_addr *peer,
                             char text[LC_ADDR_TEXT_MAX])
{
    const struct lc_addr *last = &seat->peer;

    if (LC_LIKELY(seat->has_peer && last->family == peer->family &&
                  (peer->family == LC_ADDR_IP4
                       ? last->u.ip4.sin_addr.s_addr == peer->u.ip4.sin_addr.s_addr
                       : memcmp(&last->u.ip6.sin6_addr, &peer->u.ip6.sin6_addr, 16) == 0)))
        return NULL;
    lc_addr_ip(peer, text);
    seat->peer = *peer;
    seat->has_peer = true;
    return text;
}

void lc_account_begin(struct lc_worker *w, struct lc_server *s, const struct lc_exchange *x)
{
    struct lc_account *a = &w->account;
    struct lc_account_seat *seat = &s->account;
    char text[LC_ADDR_TEXT_MAX];

    if (a->slot == NULL)
        return;
    seat->since_ms = x->called_ns / 1000000u;
    if (lc_list_is_empty(&a->running))
        lc_count_set(&a->slot->call_since_ms, seat->since_ms);
    lc_list_append(&a->running, &seat->running);
    if (LC_LIKELY(w->caller == s && lc_count_get(&a->slot->queued) == 0))
        set_free(w);
    else
        lc_account_look(w); /* it has left the queue, and the next turn may be far */
    if (seat->call)
        lc_call_begin(seat->call, seat->since_ms, seat->number, lc_req_text(&x->req, x->req.method),
                      lc_req_text(&x->req, x->req.target), client_of(seat, x->peer, text));
}

static uint64_t oldest_ms(const struct lc_account *a)
{
    const struct lc_account_seat *oldest =
        LC_LIST_FIRST(&a->running, struct lc_account_seat, running);

    return oldest ? oldest->since_ms : 0;
}

void lc_account_end(struct lc_worker *w, struct lc_server *s, uint64_t took_ns)
{
    struct lc_account *a = &w->account;
    uint64_t us = took_ns / 1000u;

    if (a->slot == NULL)
        return;
    lc_list_remove(&s->account.running);
    lc_count_set(&a->slot->call_since_ms, oldest_ms(a));
    lc_count_add(&a->slot->latency[lc_latency_cell(us)], 1);
    lc_count_add(&a->slot->latency_sum_us, us);
    if (s->account.call)
        lc_call_end(s->account.call);
    if (!lc_owner_steps(&w->owner, &s->seat)) /* who steps looks at the end of its turn */
        lc_account_look(w);
}

void lc_account_phase(struct lc_server *s, enum lc_call_phase phase)
{
    if (s->account.call)
        lc_call_phase(s->account.call, phase);
}

void lc_account_answer(struct lc_worker *w, const struct lc_exchange *x,
                       const struct lc_exchange_end *end)
{
    struct lc_board_slot *slot = w->account.slot;
    unsigned class = end->is_broken ? 0 : (unsigned)end->status / 100 % 6;

    if (slot == NULL || (end->status == 0 && x->called_ns == 0))
        return; /* the client left before it was a request, or before anybody took it */
    lc_count_add(&slot->requests, 1);
    lc_count_add(&slot->status[class], 1);
}

/* --- the whole worker ----------------------------------------------------------------------------------------- */

static enum lc_board_life life_of(const struct lc_worker *w)
{
    switch (w->state) {
    case LC_WORKER_BOOTING:
        return LC_LIFE_BOOTING;
    case LC_WORKER_RUNNING:
        return LC_LIFE_SERVING;
    default:
        return LC_LIFE_DRAINING;
    }
}

/* Written out: a loop of so few rounds costs three times as much, in each turn. */
static void set_conns(struct lc_board_slot *slot, const uint32_t counts[LC_H1_STATES])
{
    lc_count_set(&slot->conns[LC_H1_IDLE], counts[LC_H1_IDLE]);
    lc_count_set(&slot->conns[LC_H1_HEAD], counts[LC_H1_HEAD]);
    lc_count_set(&slot->conns[LC_H1_BODY], counts[LC_H1_BODY]);
    lc_count_set(&slot->conns[LC_H1_CALL], counts[LC_H1_CALL]);
    lc_count_set(&slot->conns[LC_H1_SEND], counts[LC_H1_SEND]);
    lc_count_set(&slot->conns[LC_H1_DRAIN], counts[LC_H1_DRAIN]);
    lc_count_set(&slot->conns[LC_H1_LINGER], counts[LC_H1_LINGER]);
}

void lc_account_look(struct lc_worker *w)
{
    struct lc_board_slot *slot = w->account.slot;
    const struct lc_exchange *first = LC_LIST_FIRST(&w->ready, struct lc_exchange, link);

    if (slot == NULL)
        return;
    set_free(w);
    atomic_store_explicit(&slot->life, life_of(w), memory_order_relaxed);
    lc_count_set(&slot->queued, w->owner.nready);
    lc_count_set(&slot->queued_since_ms, first ? first->ready_ms : 0);
    set_conns(slot, w->h1.counts);
}

void lc_account_handed(struct lc_worker *w, enum lc_handed way)
{
    struct lc_board_slot *slot = w->account.slot;

    if (slot)
        lc_count_add(way == LC_HANDED_OUT  ? &slot->handed_out
                     : way == LC_HANDED_IN ? &slot->handed_in
                                           : &slot->handed_back,
                     1);
}

/* True: it was not asked before, or has come since. */
static bool ask_guest(struct lc_worker *w)
{
    struct lc_account *a = &w->account;

    if (w->main_seat == NULL)
        return true;
    if (a->is_asked)
        return false;
    a->is_asked = true;
    atomic_store_explicit(&w->has_signal, true, memory_order_release);
    lc_owner_nudge(&w->owner, w->main_seat);
    return true;
}

static bool is_alive(struct lc_worker *w)
{
    uint64_t since = oldest_ms(&w->account), now = w->loop.now_ms;

    if (LC_LIKELY(since == 0 || now < since + OLD_MS))
        return true;
    if (w->conf->is_main_called)
        return w->conf->timeout_ms == 0 || now < since + w->conf->timeout_ms;
    return ask_guest(w);
}

void lc_account_ring(const struct lc_worker *w)
{
    size_t done;

    if (w->conf->bell && lc_fd_write(*w->conf->bell, "", 1, &done) != LC_OK) {
        /* it is full: the master is being woken */
    }
}

static void say_spent(struct lc_worker *w)
{
    w->account.spent_at = UINT64_MAX;
    if (w->state != LC_WORKER_RUNNING)
        return;
    lc_log_write(&w->conf->log, LC_INFO, "Autorestarting worker after current request.");
    atomic_store_explicit(&w->account.slot->is_spent, 1, memory_order_release);
    lc_account_ring(w);
}

/* Calls were counted anyway, and are looked at as rarely as the worker beats. */
void lc_account_turn(struct lc_worker *w)
{
    struct lc_account *a = &w->account;

    if (a->slot == NULL)
        return;
    lc_account_look(w);
    if (w->loop.now_ms < a->beat_ms + BEAT_MS)
        return;
    if (w->ncalls >= a->spent_at)
        say_spent(w);
    if (!is_alive(w))
        return;
    a->beat_ms = w->loop.now_ms;
    lc_count_set(&a->slot->beat_ms, a->beat_ms);
}

void lc_account_beat(struct lc_worker *w)
{
    struct lc_account *a = &w->account;
    uint64_t now = lc_clock_mono_ms();

    if (a->slot == NULL)
        return;
    for (struct lc_list *e = a->running.next; e != &a->running; e = e->next)
        LC_CONTAINER_OF(e, struct lc_account_seat, running)->since_ms = now;
    lc_count_set(&a->slot->call_since_ms, oldest_ms(a));
    lc_count_set(&a->slot->beat_ms, now);
}

void lc_account_guest_came(struct lc_worker *w)
{
    w->account.is_asked = false;
}
