/* engine/share.c - see share.h.   Runs in: worker, under the owner's lock. */
#include "engine/share.h"

#include "engine/worker.h"
#include "http1/parcel.h"
#include "os/fd.h"
#include "os/fdpass.h"

#include <stdlib.h>

#define HAND_MS 5 /* while requests wait here: how soon a sibling's free thread is seen */
#define LOOK_MS \
    20 /* while siblings are left to accept: two that got busy at once may both rely on the other */

_Static_assert(LC_PARCEL_FDS <= LC_FDPASS_MAX, "one message takes them");

uint32_t lc_share_idle(const struct lc_worker *w)
{
    uint32_t taken = w->owner.nbusy + w->owner.nready;

    return taken < w->conf->threads ? w->conf->threads - taken : 0;
}

/* --- siblings ------------------------------------------------------------------------------------------------- */

static bool is_alone(const struct lc_worker *w)
{
    const struct lc_board *b = w->conf->board;

    return b == NULL || b->map == NULL || lc_board_used(b) < 2;
}

/* At most `enough` of them are counted.  The search begins behind our own slot, so that not all ask the same first. */
static uint32_t free_elsewhere(const struct lc_worker *w, uint32_t enough)
{
    const struct lc_board *b = w->conf->board;
    uint32_t used = is_alone(w) ? 0 : lc_board_used(b), n = 0;

    for (uint32_t i = 1; i < used && n < enough; i++) {
        const struct lc_board_slot *s = lc_board_slot(b, (w->conf->slot + i) % used);

        n += atomic_load_explicit(&((struct lc_board_slot *)s)->free, memory_order_relaxed);
    }
    return n;
}

bool lc_share_has_free_sibling(const struct lc_worker *w)
{
    return free_elsewhere(w, 1) > 0;
}

bool lc_share_has_serving_sibling(const struct lc_worker *w)
{
    const struct lc_board *b = w->conf->board;
    uint32_t used = is_alone(w) ? 0 : lc_board_used(b);

    for (uint32_t i = 1; i < used; i++) {
        struct lc_board_slot *s = lc_board_slot(b, (w->conf->slot + i) % used);

        if (atomic_load_explicit(&s->life, memory_order_relaxed) == LC_LIFE_SERVING)
            return true;
    }
    return false;
}

/* --- taking --------------------------------------------------------------------------------------------------- */

static void open_parcel(struct lc_worker *w, size_t n, const int *fds, int nfds)
{
    struct lc_stream s;

    if (nfds == 0)
        return;
    lc_stream_tcp_init(&s, fds[0]);
    if (lc_parcel_open(&w->h1, &s, nfds > 1 ? fds[1] : -1, w->share.parcel, n) == LC_OK)
        lc_account_handed(w, LC_HANDED_IN);
    else
        lc_log_limited(&w->conf->log, &w->overload, w->loop.now_ms, LC_ERROR,
                       "A request that another worker handed over could not be taken");
}

bool lc_share_take(struct lc_worker *w)
{
    struct lc_share *sh = &w->share;
    int fds[LC_PARCEL_FDS], nfds;
    enum lc_rc rc;
    size_t n;

    if (sh->watch.fd < 0 || lc_share_idle(w) == 0)
        return false;
    rc = lc_fdpass_recv(sh->watch.fd, sh->parcel, LC_PARCEL_MAX, &n, fds, LC_PARCEL_FDS, &nfds);
    if (rc == LC_OK)
        open_parcel(w, n, fds, nfds);
    else if (rc == LC_ENOFD)
        lc_log_limited(&w->conf->log, &w->overload, w->loop.now_ms, LC_ERROR,
                       "No descriptors left for a request that another worker handed over");
    return rc == LC_OK;
}

/* One that this worker may have been woken for; if it cannot be, it is served here after all. */
static void put_back(struct lc_worker *w)
{
    struct lc_share *sh = &w->share;
    int fds[LC_PARCEL_FDS], nfds;
    struct iovec v = {sh->parcel, 0};

    if (lc_fdpass_recv(sh->watch.fd, sh->parcel, LC_PARCEL_MAX, &v.iov_len, fds, LC_PARCEL_FDS,
                       &nfds) != LC_OK)
        return;
    if (lc_fdpass_send(sh->in, &v, 1, fds, nfds) != LC_OK) {
        open_parcel(w, v.iov_len, fds, nfds);
        return;
    }
    lc_account_handed(w, LC_HANDED_BACK);
    for (int i = 0; i < nfds; i++)
        lc_fd_close(&fds[i]);
}

static void on_parcel(struct lc_watch *watch, uint32_t events LC_UNUSED)
{
    struct lc_worker *w = LC_CONTAINER_OF(watch, struct lc_worker, share.watch);

    if (!lc_share_take(w))
        lc_share_follow(w); /* no thread for it: somebody else's */
}

/* The kernel wakes one of those that wait here: who would not take the parcel must not be among them. */
void lc_share_follow(struct lc_worker *w)
{
    uint32_t want = is_alone(w) || lc_share_idle(w) > 0 ? LC_READ | LC_EXCLUSIVE : 0;

    if (w->share.watch.fd < 0 || want == w->share.watch.events)
        return;
    if (lc_loop_watch(&w->loop, &w->share.watch, want) != LC_OK)
        return; /* the kernel has no room: siblings take them, and this one looks once a second */
    if (want == 0)
        put_back(w);
}

enum lc_rc lc_share_open(struct lc_worker *w)
{
    const int *parcels = w->conf->parcels;

    w->share = (struct lc_share){.watch = {.fd = -1, .fn = on_parcel}, .in = -1};
    if (parcels == NULL || parcels[0] < 0)
        return LC_OK;
    if ((w->share.parcel = malloc(LC_PARCEL_MAX)) == NULL)
        return LC_ENOMEM;
    w->share.watch.fd = parcels[0];
    w->share.in = parcels[1];
    lc_share_follow(w);
    return LC_OK;
}

/* The descriptors are the master's, and the other workers' too. */
void lc_share_close(struct lc_worker *w)
{
    if (w->share.watch.fd >= 0 && w->share.watch.events &&
        lc_loop_watch(&w->loop, &w->share.watch, 0) != LC_OK) {
        /* our interest goes with our poller */
    }
    w->share.watch.fd = w->share.in = -1;
    free(w->share.parcel);
    w->share.parcel = NULL;
}

/* --- handing over --------------------------------------------------------------------------------------------- */

/* LC_EUNSUP and LC_ELIMIT: not this one; LC_AGAIN: none now. */
static enum lc_rc hand_over(struct lc_worker *w, struct lc_exchange *x)
{
    struct lc_parcel p;
    enum lc_rc rc;

    if ((rc = lc_parcel_wrap(x, &p)) != LC_OK)
        return rc;
    if ((rc = lc_fdpass_send(w->share.in, p.v, LC_PARCEL_PIECES, p.fds, p.nfds)) != LC_OK)
        return rc;
    lc_list_remove(&x->link);
    lc_owner_drop_ready(&w->owner);
    lc_account_handed(w, LC_HANDED_OUT);
    lc_parcel_sent(x);
    return LC_OK;
}

static bool has_stuck(const struct lc_worker *w)
{
    return w->share.in >= 0 && w->owner.nready > 0 && w->owner.nbusy >= w->conf->threads;
}

void lc_share_hand_over(struct lc_worker *w)
{
    struct lc_list *next;
    enum lc_rc rc = LC_OK;
    uint32_t n;

    if (LC_LIKELY(!has_stuck(w)) || (n = free_elsewhere(w, w->owner.nready)) == 0)
        return;
    for (struct lc_list *e = w->ready.next; e != &w->ready && n > 0 && rc != LC_AGAIN; e = next) {
        next = e->next;
        rc = hand_over(w, LC_CONTAINER_OF(e, struct lc_exchange, link));
        n -= rc == LC_OK;
    }
}

int lc_share_timeout(const struct lc_worker *w, int most_ms)
{
    if (has_stuck(w))
        return is_alone(w) ? most_ms : LC_MIN(most_ms, HAND_MS);
    for (uint32_t i = 0; i < w->nlisteners; i++) {
        if (w->listeners[i].is_paused && !is_alone(w))
            return LC_MIN(most_ms, LOOK_MS);
    }
    if (LC_UNLIKELY(w->reuse.nheld > 0) && lc_reuse_is_paused(w))
        return LC_MIN(most_ms, LOOK_MS);
    return most_ms;
}
