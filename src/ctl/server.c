/* ctl/server.c - see server.h.   Runs in: master; lc_ctl_server_abandon in its children.
 *
 *      READING --a whole request--> (answer) -> SENDING --all has left--> READING
 *
 * A client is SENDING while it has bytes of an answer to get or a whole request to be answered: then the poller is asked
 * for room to write, which also brings the next turn when requests were sent ahead. */
#include "ctl/server.h"

#include "os/fd.h"
#include "os/sock.h"

#include <stdlib.h>
#include <unistd.h>

#define BUFFER   (LC_CTL_HEAD + LC_CTL_REQUEST_MAX)
#define PAUSE_MS 1000

struct client {
    struct lc_list link;
    struct lc_task gone;
    struct lc_timer timer;
    struct lc_watch watch;
    struct lc_ctl_server *s;
    struct lc_peer peer;
    struct lc_json out;
    size_t sent;     /* of out; out.n == 0: there is no answer under way */
    bool is_last;    /* close when the answer has left */
    size_t have;     /* bytes in `in` */
    char in[BUFFER]; /* never read before they are written */
};

/* --- the end of a client -------------------------------------------------------------------------------------- */

static void free_client(struct client *c)
{
    lc_list_remove(&c->link);
    lc_json_free(&c->out);
    free(c);
}

static void on_gone(struct lc_task *t)
{
    free_client(LC_CONTAINER_OF(t, struct client, gone));
}

/* An event of this turn may still name it: its memory stays until the end of it. */
static void close_client(struct client *c)
{
    struct lc_ctl_server *s = c->s;

    if (c->watch.fd < 0)
        return;
    lc_timer_cancel(&c->timer);
    if (lc_loop_watch(s->loop, &c->watch, 0) != LC_OK) {
        /* the poller has forgotten it already */
    }
    lc_sock_shut_both(c->watch.fd); /* a child that was just forked may hold it, too */
    lc_fd_close(&c->watch.fd);
    s->nclients--;
    lc_list_remove(&c->link);
    lc_list_append(&s->leaving, &c->link);
    lc_loop_defer(s->loop, &c->gone);
}

static void on_client_timer(struct lc_timer *t, uint64_t now_ms LC_UNUSED)
{
    close_client(LC_CONTAINER_OF(t, struct client, timer));
}

/* --- one client ----------------------------------------------------------------------------------------------- */

static bool has_whole_request(const struct client *c)
{
    struct lc_str payload;

    return lc_ctl_frame(c->in, c->have, &payload) != LC_AGAIN;
}

/* What it waits for, and how long.  Any progress begins the time anew and makes it the least silent one. */
static void settle(struct client *c)
{
    bool is_busy = c->out.n > 0 || has_whole_request(c);
    struct lc_ctl_server *s = c->s;

    if (lc_loop_watch(s->loop, &c->watch, is_busy ? LC_WRITE : LC_READ) != LC_OK) {
        close_client(c);
        return;
    }
    lc_timer_set(&s->loop->timers, &c->timer,
                 s->loop->now_ms + (is_busy || c->have > 0 ? LC_CTL_STALL_MS : LC_CTL_IDLE_MS));
    lc_list_remove(&c->link);
    lc_list_append(&s->clients, &c->link);
}

static enum lc_rc answer(struct client *c, struct lc_str payload)
{
    struct lc_ctl_request r;
    enum lc_rc rc = lc_ctl_request_parse(payload, &r);

    if (rc == LC_OK)
        return c->s->answer(c->s->ctx, &c->peer, &r, &c->out) ? LC_OK : LC_ENOMEM;
    c->is_last = rc == LC_EPROTO; /* where its next frame begins is anybody's guess */
    return lc_ctl_reply_fail(&c->out, &r, r.error);
}

static enum lc_rc refuse_length(struct client *c)
{
    struct lc_ctl_request r = {.id = LC_STR("0")};

    c->is_last = true;
    c->have = 0;
    return lc_ctl_reply_fail(&c->out, &r, "The request is too long");
}

/* The first request that is whole, if no answer is under way. */
static enum lc_rc step(struct client *c)
{
    struct lc_str payload;
    enum lc_rc rc = lc_ctl_frame(c->in, c->have, &payload);
    size_t used;

    if (rc == LC_AGAIN)
        return LC_OK;
    c->sent = 0;
    if (rc == LC_ELIMIT)
        return refuse_length(c);
    rc = answer(c, payload);
    used = payload.n + LC_CTL_HEAD;
    c->have -= used;
    memmove(c->in, c->in + used, c->have);
    return rc;
}

/* As much as fits.  LC_CLOSED: it is over. */
static enum lc_rc send_some(struct client *c)
{
    while (c->sent < c->out.n) {
        size_t n;
        enum lc_rc rc = lc_sock_send(c->watch.fd, c->out.p + c->sent, c->out.n - c->sent, &n);

        if (rc == LC_AGAIN)
            return LC_OK;
        if (rc != LC_OK)
            return LC_CLOSED;
        c->sent += n;
    }
    if (c->is_last)
        return LC_CLOSED;
    lc_json_free(&c->out); /* a client that looks once a minute holds no long answer meanwhile */
    return LC_OK;
}

static enum lc_rc read_some(struct client *c)
{
    size_t n;
    enum lc_rc rc = lc_sock_recv(c->watch.fd, c->in + c->have, sizeof c->in - c->have, &n);

    if (rc == LC_AGAIN)
        return LC_OK;
    c->have += n;
    return rc;
}

static void on_client(struct lc_watch *w, uint32_t events LC_UNUSED)
{
    struct client *c = LC_CONTAINER_OF(w, struct client, watch);
    enum lc_rc rc = LC_OK;

    if (w->events == 0) /* closed earlier in this turn */
        return;
    if (w->events & LC_READ)
        rc = read_some(c);
    if (rc == LC_OK && c->out.n == 0)
        rc = step(c);
    if (rc == LC_OK && c->out.n > 0)
        rc = send_some(c);
    if (rc == LC_OK)
        settle(c);
    else
        close_client(c);
}

/* --- arrivals ------------------------------------------------------------------------------------------------- */

/* The socket's file says who may come.  Some systems do not look at its mode; and a descriptor that was handed on, or a
 * mode that is changed later, should not make the master obey another user. */
static bool may_ask(const struct lc_ctl_server *s, const struct lc_peer *peer)
{
    return s->is_shared || peer->uid == 0 || peer->uid == geteuid();
}

static void add_client(struct lc_ctl_server *s, int fd, const struct lc_peer *peer)
{
    struct client *c = malloc(sizeof *c);

    if (c == NULL) {
        lc_fd_close(&fd);
        return;
    }
    memset(c, 0, offsetof(struct client, in));
    c->s = s;
    c->peer = *peer;
    c->watch = (struct lc_watch){.fd = fd, .fn = on_client};
    lc_list_init(&c->link);
    lc_task_init(&c->gone, on_gone);
    lc_timer_init(&c->timer, on_client_timer);
    lc_json_init(&c->out, LC_CTL_REPLY_MAX);
    s->nclients++;
    settle(c);
}

static void set_pause(struct lc_ctl_server *s, bool is_paused)
{
    if (lc_loop_watch(s->loop, &s->watch, is_paused ? 0 : LC_READ) != LC_OK)
        is_paused = true;
    if (is_paused)
        lc_timer_set(&s->loop->timers, &s->pause, s->loop->now_ms + PAUSE_MS);
}

static void on_pause(struct lc_timer *t, uint64_t now_ms LC_UNUSED)
{
    set_pause(LC_CONTAINER_OF(t, struct lc_ctl_server, pause), false);
}

/* One in a turn: those that wait bring the next turn. */
static void on_arrival(struct lc_watch *w, uint32_t events LC_UNUSED)
{
    struct lc_ctl_server *s = LC_CONTAINER_OF(w, struct lc_ctl_server, watch);
    struct lc_addr nobody;
    struct lc_peer peer;
    int fd;
    enum lc_rc rc = lc_sock_accept(w->fd, &fd, &nobody);

    if (rc == LC_AGAIN || rc == LC_CLOSED)
        return;
    if (rc != LC_OK) { /* it still waits: not to be told so in every turn */
        set_pause(s, true);
        return;
    }
    if (lc_peer_get(fd, &peer) != LC_OK || !may_ask(s, &peer)) {
        lc_fd_close(&fd);
        return;
    }
    if (s->nclients == LC_CTL_CONNS_MAX)
        close_client(LC_CONTAINER_OF(s->clients.next, struct client, link));
    add_client(s, fd, &peer);
}

/* --- life ----------------------------------------------------------------------------------------------------- */

enum lc_rc lc_ctl_server_open(struct lc_ctl_server *s, struct lc_loop *loop, int fd,
                              lc_ctl_answer_fn answer_fn, void *ctx)
{
    enum lc_rc rc;

    *s = (struct lc_ctl_server){
        .magic = LC_MAGIC_CTL,
        .loop = loop,
        .watch = {.fd = fd, .fn = on_arrival},
        .answer = answer_fn,
        .ctx = ctx,
    };
    lc_list_init(&s->clients);
    lc_list_init(&s->leaving);
    lc_timer_init(&s->pause, on_pause);
    if ((rc = lc_loop_watch(loop, &s->watch, LC_READ)) != LC_OK)
        lc_fd_close(&s->watch.fd);
    return rc;
}

void lc_ctl_server_close(struct lc_ctl_server *s)
{
    LC_OBJ(s, CTL);
    while (!lc_list_is_empty(&s->clients))
        close_client(LC_CONTAINER_OF(s->clients.next, struct client, link));
    while (!lc_list_is_empty(&s->leaving)) {
        struct client *c = LC_CONTAINER_OF(s->leaving.next, struct client, link);

        lc_task_cancel(&c->gone);
        free_client(c);
    }
    lc_timer_cancel(&s->pause);
    if (s->watch.fd >= 0 && lc_loop_watch(s->loop, &s->watch, 0) != LC_OK) {
        /* the poller has forgotten it already */
    }
    lc_fd_close(&s->watch.fd);
    s->magic = 0;
}

void lc_ctl_server_abandon(struct lc_ctl_server *s)
{
    struct lc_list *l;

    LC_OBJ(s, CTL);
    for (l = s->clients.next; l != &s->clients; l = l->next)
        lc_fd_close(&LC_CONTAINER_OF(l, struct client, link)->watch.fd);
    lc_fd_close(&s->watch.fd);
    s->magic = 0;
}
