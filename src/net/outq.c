/* net/outq.c - the queue of unsent bytes.   Runs in: worker, owner of the engine. */
#include "net/outq.h"

#include "os/sock.h"

#include <stdlib.h>
#include <string.h>

#define FLUSH_IOV 32

enum item_kind { ITEM_REF, ITEM_COPY, ITEM_FILE, ITEM_SPOOL };

struct item {
    struct lc_list link;
    enum item_kind kind;
    int fd;       /* ITEM_FILE: ours; ITEM_SPOOL: the queue's */
    int64_t off;  /* in the file */
    int64_t left; /* bytes */
    const char *p;
    void *obj;
    char copy[];
};

static void release_obj(struct lc_outq *q, void *obj)
{
    if (obj && q->conf->host && q->conf->host->release)
        q->conf->host->release(q->conf->host->ctx, obj);
}

static struct item *item_new(enum item_kind kind, size_t copy_room)
{
    struct item *it = malloc(sizeof *it + copy_room);

    if (it)
        *it = (struct item){.kind = kind, .fd = -1};
    return it;
}

static void item_drop(struct lc_outq *q, struct item *it)
{
    lc_list_remove(&it->link);
    q->pending -= it->left;
    if (it->kind == ITEM_COPY)
        q->mem_pending -= (size_t)it->left;
    else if (it->kind == ITEM_SPOOL)
        q->spool_pending -= it->left;
    else if (it->kind == ITEM_FILE)
        lc_fd_close(&it->fd);
    else
        release_obj(q, it->obj);
    free(it);
}

void lc_outq_init(struct lc_outq *q, const struct lc_outq_conf *conf)
{
    *q = (struct lc_outq){.conf = conf};
    lc_spool_init(&q->spool);
    lc_list_init(&q->items);
}

void lc_outq_fini(struct lc_outq *q)
{
    while (!lc_list_is_empty(&q->items))
        item_drop(q, LC_CONTAINER_OF(q->items.next, struct item, link));
    lc_spool_close(&q->spool);
}

static void append(struct lc_outq *q, struct item *it)
{
    lc_list_append(&q->items, &it->link);
    q->pending += it->left;
}

static enum lc_rc push_copy(struct lc_outq *q, const char *p, size_t n)
{
    struct item *it = item_new(ITEM_COPY, n);

    if (it == NULL)
        return LC_ENOMEM;
    memcpy(it->copy, p, n);
    it->p = it->copy;
    it->left = (int64_t)n;
    q->mem_pending += n;
    append(q, it);
    return LC_OK;
}

/* Neighbouring spooled runs are one item, so that a million small writes cost no memory. */
static enum lc_rc push_spool(struct lc_outq *q, const char *p, size_t n)
{
    struct item *last =
        lc_list_is_empty(&q->items) ? NULL : LC_CONTAINER_OF(q->items.prev, struct item, link);
    int64_t at = q->spool.write_at;
    enum lc_rc rc = lc_spool_append(&q->spool, q->conf->spool_dir, p, n);

    if (rc != LC_OK)
        return rc;
    if (last == NULL || last->kind != ITEM_SPOOL || last->off + last->left != at) {
        if ((last = item_new(ITEM_SPOOL, 0)) == NULL)
            return LC_ENOMEM;
        last->off = at;
        append(q, last);
    }
    last->left += (int64_t)n;
    q->pending += (int64_t)n;
    q->spool_pending += (int64_t)n;
    return LC_OK;
}

static enum lc_rc push_ref(struct lc_outq *q, const struct lc_piece *piece, size_t skip)
{
    struct item *it = item_new(ITEM_REF, 0);

    if (it == NULL) {
        release_obj(q, piece->obj);
        return LC_ENOMEM;
    }
    it->p = piece->p + skip;
    it->left = (int64_t)(piece->n - skip);
    it->obj = piece->obj;
    append(q, it);
    return LC_OK;
}

static bool want_spool(const struct lc_outq *q, size_t n)
{
    return !q->is_spool_broken && q->conf->spool_max > 0 &&
           (q->spool_pending > 0 || q->mem_pending + n > q->conf->mem_max);
}

enum lc_rc lc_outq_push(struct lc_outq *q, const struct lc_piece *piece, size_t skip)
{
    const char *p = piece->p + skip;
    size_t n = piece->n - skip;
    enum lc_rc rc = LC_OK;

    if (n == 0) {
        release_obj(q, piece->obj);
        return LC_OK;
    }
    if (piece->is_whole && piece->obj)
        return push_ref(q, piece, skip);
    if (want_spool(q, n)) {
        if (push_spool(q, p, n) == LC_OK)
            goto out;
        q->is_spool_broken =
            true; /* what was spooled stays good; from now on memory, and the application waits */
    }
    rc = push_copy(q, p, n);
out:
    release_obj(q, piece->obj);
    return rc;
}

enum lc_rc lc_outq_push_file(struct lc_outq *q, int fd, int64_t off, int64_t n)
{
    struct item *it = item_new(ITEM_FILE, 0);

    if (it == NULL) {
        lc_fd_close(&fd);
        return LC_ENOMEM;
    }
    it->fd = fd;
    it->off = off;
    it->left = n;
    append(q, it);
    return LC_OK;
}

static bool is_in_memory(const struct item *it)
{
    return it->kind == ITEM_REF || it->kind == ITEM_COPY;
}

static void consume(struct lc_outq *q, struct item *it, size_t n)
{
    it->left -= (int64_t)n;
    q->pending -= (int64_t)n;
    if (it->kind == ITEM_COPY)
        q->mem_pending -= n;
    else if (it->kind == ITEM_SPOOL)
        q->spool_pending -= (int64_t)n;
    if (is_in_memory(it))
        it->p += n;
    if (it->left == 0)
        item_drop(q, it);
}

static enum lc_rc flush_memory(struct lc_outq *q, struct lc_stream *s, size_t *sent)
{
    struct iovec v[FLUSH_IOV];
    int n = 0;
    size_t left;
    enum lc_rc rc;

    for (struct lc_list *e = q->items.next; e != &q->items && n < FLUSH_IOV; e = e->next) {
        struct item *it = LC_CONTAINER_OF(e, struct item, link);

        if (!is_in_memory(it))
            break;
        v[n++] = (struct iovec){(void *)(uintptr_t)it->p, (size_t)it->left};
    }
    rc = lc_stream_writev(s, v, n, sent);
    for (left = *sent; left > 0;) {
        struct item *it = LC_CONTAINER_OF(q->items.next, struct item, link);
        size_t take = LC_MIN(left, (size_t)it->left);

        consume(q, it, take);
        left -= take;
    }
    return rc;
}

static enum lc_rc flush_file(struct lc_outq *q, struct item *it, struct lc_stream *s, size_t *sent)
{
    int fd = it->kind == ITEM_SPOOL ? q->spool.fd : it->fd;
    enum lc_rc rc =
        s->ops->sendfile(s, fd, &it->off, (size_t)LC_MIN(it->left, (int64_t)1 << 30), sent);

    if (*sent > 0) {
        if (it->kind == ITEM_SPOOL)
            lc_spool_passed(&q->spool, it->off);
        consume(q, it, *sent);
    }
    return rc == LC_EIO ? LC_CLOSED : rc;
}

enum lc_rc lc_outq_flush(struct lc_outq *q, struct lc_stream *s, size_t *sent)
{
    *sent = 0;
    while (!lc_list_is_empty(&q->items)) {
        struct item *it = LC_CONTAINER_OF(q->items.next, struct item, link);
        size_t now = 0;
        enum lc_rc rc = is_in_memory(it) ? flush_memory(q, s, &now) : flush_file(q, it, s, &now);

        *sent += now;
        if (rc != LC_OK)
            return rc;
    }
    if (q->spool.fd >= 0) /* drained: the disk is given back */
        lc_spool_close(&q->spool);
    q->is_spool_broken = false;
    return LC_OK;
}

bool lc_outq_is_full(const struct lc_outq *q)
{
    if (q->pending == 0) /* also where the bounds are 0 */
        return false;
    if (q->is_spool_broken || q->conf->spool_max == 0)
        return q->mem_pending >= q->conf->mem_max;
    return q->spool_pending >= q->conf->spool_max;
}
