/* engine/door.c - see door.h.   Runs in: worker, under the owner's lock. */
#include "engine/door.h"

#include <stdio.h>
#include <string.h>

static bool is_health(const struct lc_worker *w, const struct lc_exchange *x)
{
    struct lc_str path = lc_req_text(&x->req, x->req.path);
    const char *want = w->conf->health_path;

    return want && lc_str_eq(path, lc_str_of(want, strlen(want)));
}

static void answer_health(struct lc_worker *w, struct lc_exchange *x)
{
    bool is_serving = w->state == LC_WORKER_RUNNING;
    struct lc_str line = is_serving ? LC_STR("200 OK") : LC_STR("503 Service Unavailable");
    struct lc_piece piece = {.p = is_serving                      ? "ok\n"
                                  : w->state == LC_WORKER_BOOTING ? "booting\n"
                                                                  : "leaving\n"};
    enum lc_rc rc = lc_response_begin(&x->res, line, x->is_head);
    char size[24];

    piece.n = strlen(piece.p);
    snprintf(size, sizeof size, "%zu", piece.n);
    if (rc == LC_OK)
        rc = lc_response_field(&x->res, LC_STR("Content-Type"), LC_STR("text/plain"));
    if (rc == LC_OK)
        rc = lc_response_field(&x->res, LC_STR("Content-Length"), lc_str_of(size, strlen(size)));
    if (rc == LC_OK)
        rc = lc_response_field(&x->res, LC_STR("Cache-Control"), LC_STR("no-store"));
    if (rc == LC_OK && !is_serving)
        rc = lc_response_field(&x->res, LC_STR("Retry-After"), LC_STR("1"));
    if (rc == LC_OK)
        rc = lc_exchange_write(x, &piece, 1, true);
    if (rc == LC_ENOMEM) {
        lc_exchange_fail(x, 503, "");
        return;
    }
    lc_exchange_finish(x);
}

/* Those that only wait for their own thread to come to them do not count: one is always on its way in.  Nor does a queue
 * that a sibling is about to shorten. */
static bool is_full(const struct lc_worker *w)
{
    return w->conf->queue_size > 0 && w->owner.nready >= w->conf->queue_size &&
           (w->state == LC_WORKER_BOOTING ||
            (w->owner.nbusy >= w->conf->threads && !lc_share_has_free_sibling(w)));
}

static void refuse(struct lc_worker *w, struct lc_exchange *x, const char *what)
{
    lc_log_limited(&w->conf->log, &w->overload, w->loop.now_ms, LC_WARNING, what);
    lc_exchange_fail(x, 503, "The server is busy");
}

bool lc_door_answers(struct lc_worker *w, struct lc_exchange *x)
{
    if (LC_UNLIKELY(is_health(w, x))) {
        answer_health(w, x);
        return true;
    }
    if (LC_UNLIKELY(is_full(w))) {
        refuse(w, x, "A request was refused: queue_size requests wait already");
        return true;
    }
    return false;
}

static uint64_t due_ms(const struct lc_worker *w)
{
    const struct lc_exchange *oldest = LC_LIST_FIRST(&w->ready, struct lc_exchange, link);

    if (oldest == NULL || w->conf->queue_timeout_ms == 0)
        return UINT64_MAX;
    return oldest->ready_ms + w->conf->queue_timeout_ms;
}

void lc_door_expire(struct lc_worker *w)
{
    while (w->loop.now_ms >= due_ms(w)) {
        struct lc_exchange *x = LC_CONTAINER_OF(w->ready.next, struct lc_exchange, link);

        lc_list_remove(&x->link);
        lc_owner_drop_ready(&w->owner);
        refuse(w, x, "A request was refused: no thread became free within queue_timeout");
    }
}

int lc_door_timeout(const struct lc_worker *w, int most_ms)
{
    uint64_t due = due_ms(w), left = due > w->loop.now_ms ? due - w->loop.now_ms : 0;

    return left < (uint64_t)most_ms ? (int)left : most_ms;
}

/* A reset takes a request out of the queue when it comes; what is left is the end of the client's side, which some send
 * who still wait for their answer. */
bool lc_door_admits(struct lc_worker *w, struct lc_exchange *x)
{
    if (LC_LIKELY(!w->conf->ignore_half_close || !x->ops->is_gone(x)))
        return true;
    lc_exchange_cut(x);
    return false;
}
