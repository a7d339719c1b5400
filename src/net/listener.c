/* net/listener.c - batch accept with a reserve descriptor.   Runs in: worker, owner of the engine.
 *
 *      WATCHING --no descriptor--> RESTING --timer--> WATCHING        WATCHING --no room--> PAUSED --resume--> WATCHING
 */
#include "net/listener.h"

#include <fcntl.h>
#include <string.h>
#include <unistd.h>

static void watch(struct lc_listener *l, bool on)
{
    uint32_t events = on ? LC_READ | (l->is_shared ? LC_EXCLUSIVE : 0) : 0;

    if (l->watch.fd >= 0 && lc_loop_watch(l->conf->loop, &l->watch, events) != LC_OK)
        lc_timer_set(&l->conf->loop->timers, &l->rest, l->conf->loop->now_ms + LC_ACCEPT_REST_MS);
}

static void reserve_open(struct lc_listener *l)
{
    if (l->reserve_fd < 0)
        l->reserve_fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
}

static void on_rest_over(struct lc_timer *t, uint64_t now_ms LC_UNUSED)
{
    struct lc_listener *l = LC_CONTAINER_OF(t, struct lc_listener, rest);

    reserve_open(l);
    if (!l->is_paused)
        watch(l, true);
}

/* One client is told that there is no room; the rest wait in the kernel's queue. */
static void refuse_one(struct lc_listener *l)
{
    struct lc_addr peer;
    int fd = -1;
    size_t sent;

    if (l->reserve_fd < 0)
        return;
    lc_fd_close(&l->reserve_fd);
    if (lc_sock_accept(l->watch.fd, &fd, &peer) == LC_OK) {
        const char *text = l->conf->busy_answer;

        if (text && lc_sock_send(fd, text, strlen(text), &sent) == LC_OK)
            lc_sock_shut_write(fd);
        lc_fd_close(&fd);
    }
    reserve_open(l);
}

static void rest(struct lc_listener *l, enum lc_rc rc)
{
    struct lc_loop *loop = l->conf->loop;
    const char *what =
        rc == LC_ENOFD
            ? "no descriptors left (raise the limit of open files: ulimit -n, LimitNOFILE)"
        : rc == LC_ENOMEM ? "no memory for a connection"
                          : "accept failed";

    lc_log_limited(l->conf->log, &l->complaint, loop->now_ms, LC_ERROR, what);
    watch(l, false);
    lc_timer_set(&loop->timers, &l->rest, loop->now_ms + LC_ACCEPT_REST_MS);
}

static bool accept_one(struct lc_listener *l)
{
    struct lc_addr peer;
    int fd = -1;
    enum lc_rc rc = lc_sock_accept(l->watch.fd, &fd, &peer);

    if (rc == LC_OK) {
        if (l->conf->on_accept(l, fd, &peer))
            return true;
        rest(l, LC_ENOMEM);
        return false;
    }
    if (rc == LC_CLOSED) /* that client left while it queued */
        return true;
    if (rc == LC_AGAIN)
        return false;
    if (rc == LC_ENOFD)
        refuse_one(l);
    rest(l, rc);
    return false;
}

/* More than this event in one wake-up: the listener must not fall behind, so it is served again before the next, after
 * what came with the connection, while that is warm.  Alone, it is not: the poller tells of the next connection for less
 * than an accept that finds none (which makes a socket, an inode and a file before it looks), a tenth of what a new
 * connection costs. */
static bool come_again(struct lc_loop *loop)
{
    if (loop->nready <= 1)
        return false;
    loop->iready--;
    return true;
}

static void on_readable(struct lc_watch *w, uint32_t events LC_UNUSED)
{
    struct lc_listener *l = LC_CONTAINER_OF(w, struct lc_listener, watch);

    LC_OBJ(l, LISTENER);
    if (!l->conf->can_accept(l)) {
        l->naccepted = 0;
        l->is_paused = true;
        watch(l, false);
        return;
    }
    if (!accept_one(l) || ++l->naccepted == LC_ACCEPT_BATCH || !come_again(l->conf->loop))
        l->naccepted = 0;
}

void lc_listener_requeue(struct lc_listener *l)
{
    if (l->watch.fd < 0 || l->watch.events == 0)
        return;
    watch(l, false);
    watch(l, true);
}

void lc_listener_take_one(struct lc_listener *l)
{
    if (l->watch.fd >= 0 && !lc_timer_is_set(&l->rest) && accept_one(l)) {
        /* there may be more, and they woke others */
    }
}

enum lc_rc lc_listener_start(struct lc_listener *l, const struct lc_listener_conf *conf, int fd)
{
    uint32_t index = l->index;
    enum lc_listener_kind kind = l->kind;
    bool is_shared = l->is_shared;
    enum lc_rc rc;

    *l = (struct lc_listener){
        .magic = LC_MAGIC_LISTENER,
        .index = index,
        .kind = kind,
        .is_shared = is_shared,
        .conf = conf,
        .watch = {.fd = fd, .fn = on_readable},
        .rest = {.fn = on_rest_over},
        .reserve_fd = -1,
    };
    lc_timer_init(&l->rest, on_rest_over);
    reserve_open(l);
    rc = lc_loop_watch(conf->loop, &l->watch, LC_READ | (is_shared ? LC_EXCLUSIVE : 0));
    if (rc != LC_OK)
        lc_fd_close(&l->reserve_fd);
    return rc;
}

void lc_listener_stop(struct lc_listener *l)
{
    if (l->watch.fd < 0)
        return;
    lc_timer_cancel(&l->rest);
    if (lc_loop_watch(l->conf->loop, &l->watch, 0) != LC_OK) {
        /* siblings hold the same open file: our interest in it goes with our poller */
    }
    lc_loop_forget(l->conf->loop, &l->watch);
    lc_fd_close(&l->watch.fd);
    lc_fd_close(&l->reserve_fd);
}

void lc_listener_resume(struct lc_listener *l)
{
    if (!l->is_paused || l->watch.fd < 0)
        return;
    l->is_paused = false;
    watch(l, true);
}
