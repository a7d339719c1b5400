/* The application of the stress: each kind of call does to its exchange what a guest language could do, and does it only
 * between lc_owner_enter and lc_owner_leave.  See stress.h for what a target means. */
#include "engine/test/stress.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

struct ask {
    char kind;
    uint32_t id, n;
};

/* --- the guest ------------------------------------------------------------------------------------------------ */

static void guest_leave(void *ctx)
{
    struct guest *g = ctx;

    if (!g->is_entered)
        return;
    g->is_entered = false;
    lc_mutex_unlock(&g->h->guest_lock);
}

static void guest_enter(void *ctx)
{
    struct guest *g = ctx;

    if (g->is_entered || !g->h->plan.has_guest_lock)
        return;
    lc_mutex_lock(&g->h->guest_lock);
    g->is_entered = true;
}

static void guest_wakeup(void *ctx)
{
    struct guest *g = ctx;

    atomic_store(&g->h->w.has_signal, false);
    guest_enter(g);
    atomic_fetch_add(&g->h->figures.handlers, 1);
    pause_us(rng_below(&g->rng, g->h->plan.pause_us + 1));
}

/* Under the engine's lock, in any thread. */
void guest_release(void *ctx, void *obj)
{
    struct house *h = ctx;

    atomic_fetch_sub(&h->nlent, 1);
    free(obj);
}

void guest_init(struct guest *g, struct house *h, uint64_t seed)
{
    *g = (struct guest){.h = h, .rng = {seed}};
    g->server.ctx = g;
    g->server.guest = (struct lc_host){
        .ctx = g, .leave = guest_leave, .enter = guest_enter, .wakeup = guest_wakeup};
}

/* --- touches -------------------------------------------------------------------------------------------------- */

static struct lc_owner *owner_of(struct guest *g)
{
    return &g->h->w.owner;
}

static void enter(struct guest *g)
{
    LC_CHECK(g->x != NULL && lc_owner_enter(owner_of(g)) == LC_OK);
}

static void leave(struct guest *g)
{
    lc_owner_leave(owner_of(g));
}

/* Computes (the guest lock is kept), or sleeps. */
static void dawdle(struct guest *g)
{
    uint32_t us = rng_below(&g->rng, g->h->plan.pause_us + 1);

    if (g->h->plan.pause_us == 0 || !rng_one_in(&g->rng, 3))
        return;
    if (rng_one_in(&g->rng, 2)) {
        uint64_t until = lc_loop_ns() + (uint64_t)us * 1000;

        while (lc_loop_ns() < until) {
        }
        return;
    }
    guest_leave(g);
    pause_us(us);
    guest_enter(g);
}

struct wait {
    struct guest *g;
    struct lc_exchange *x;
    bool for_write, is_main;
};

static bool is_over(void *arg)
{
    struct wait *wait = arg;

    if (wait->is_main && atomic_load_explicit(&wait->g->h->w.has_signal, memory_order_acquire))
        return true;
    return wait->for_write ? wait->x->ops->is_writable(wait->x)
                           : wait->x->ops->is_readable(wait->x);
}

/* seat: the call's own, or that of a thread that the application started.  False: the engine has ended. */
static bool await(struct guest *g, struct lc_seat *seat, bool for_write)
{
    bool is_own = seat == &g->server.seat;
    struct wait wait = {
        .g = g, .x = g->x, .for_write = for_write, .is_main = is_own && g->server.is_main};
    enum lc_rc rc;

    if (is_own)
        guest_leave(g);
    enter(g);
    rc = lc_owner_wait(owner_of(g), seat, is_over, &wait);
    leave(g);
    if (is_own)
        guest_enter(g);
    if (wait.is_main && atomic_exchange(&g->h->w.has_signal, false))
        atomic_fetch_add(&g->h->figures.handlers, 1);
    return rc == LC_OK;
}

/* --- answers -------------------------------------------------------------------------------------------------- */

enum ending { END_FINISH, END_CUT, END_DROP, END_FAIL };

static void end(struct guest *g, enum ending ending)
{
    struct lc_owner *o = owner_of(g);
    struct lc_exchange *x = g->x;

    enter(g);
    g->x = NULL;
    g->server.x = NULL;
    if (ending == END_FINISH)
        lc_exchange_finish(x);
    else if (ending == END_CUT)
        lc_exchange_cut(x);
    else if (ending == END_DROP)
        lc_exchange_drop(x);
    else
        lc_exchange_fail(x, 500, "");
    lc_owner_look_at_waits(o);
    lc_owner_leave(o);
}

static void set_field(struct guest *g, const char *name, int64_t value)
{
    char text[24];
    int n = snprintf(text, sizeof text, "%lld", (long long)value);

    LC_CHECK(lc_response_field(&g->x->res, lc_str_of(name, strlen(name)),
                               lc_str_of(text, (size_t)n)) == LC_OK);
}

/* length < 0: not told. */
static void begin(struct guest *g, const struct ask *ask, int64_t length)
{
    enter(g);
    LC_CHECK(lc_response_begin(&g->x->res, LC_STR("200 OK"), g->x->is_head) == LC_OK);
    set_field(g, "X-Id", ask->id);
    if (length >= 0)
        set_field(g, "Content-Length", length);
    leave(g);
}

/* A piece of the sea; now and then as an object that the engine keeps. */
static struct lc_piece piece_of(struct guest *g, const struct ask *ask, uint32_t at, uint32_t n)
{
    const char *p = g->h->sea + ask->id % SEA_PERIOD + at % SEA_PERIOD;
    struct lc_piece piece = {.p = p, .n = n};

    if (n > 0 && rng_one_in(&g->rng, 2) && (piece.obj = malloc(n)) != NULL) {
        memcpy(piece.obj, p, n);
        piece.p = piece.obj;
        piece.is_whole = rng_one_in(&g->rng, 4);
        atomic_fetch_add(&g->h->nlent, 1);
    }
    return piece;
}

/* The body from `at` up to `to`, in pieces.  False: the client or the engine is gone. */
static bool write_part(struct guest *g, struct lc_seat *seat, const struct ask *ask, uint32_t at,
                       uint32_t to)
{
    while (at < to) {
        uint32_t n = 1 + rng_below(&g->rng, LC_MIN(to - at, 40000u));
        struct lc_piece piece = piece_of(g, ask, at, n);
        enum lc_rc rc;

        enter(g);
        rc = lc_exchange_write(g->x, &piece, 1, false);
        leave(g);
        while (rc == LC_AGAIN) {
            if (!await(g, seat, true))
                return false;
            enter(g);
            rc = g->x->ops->is_writable(g->x) ? LC_OK : LC_AGAIN;
            leave(g);
        }
        if (rc != LC_OK)
            return false;
        at += n;
        if (seat == &g->server.seat)
            dawdle(g);
    }
    return true;
}

static void answer_small(struct guest *g, const struct ask *ask, uint32_t n)
{
    struct lc_piece piece = piece_of(g, ask, 0, n);
    enum lc_rc rc;

    begin(g, ask, ask->id % 3 ? (int64_t)n : -1);
    enter(g);
    rc = lc_exchange_write(g->x, &piece, 1, true);
    leave(g);
    LC_CHECK(rc != LC_ENOMEM);
    end(g, END_FINISH);
}

static void answer_pieces(struct guest *g, const struct ask *ask)
{
    begin(g, ask, ask->id % 2 ? (int64_t)ask->n : -1);
    end(g, write_part(g, &g->server.seat, ask, 0, ask->n) ? END_FINISH : END_CUT);
}

static void answer_cut(struct guest *g, const struct ask *ask)
{
    begin(g, ask, ask->n);
    (void)write_part(g, &g->server.seat, ask, 0, ask->n / 2);
    end(g, END_CUT);
}

/* The body is written by a thread that the application started. */
struct helper {
    struct guest *g;
    const struct ask *ask;
    bool is_done;
};

static void help(void *arg)
{
    struct helper *helper = arg;
    struct lc_seat seat;

    lc_seat_init(&seat, owner_of(helper->g), NULL);
    helper->is_done = write_part(helper->g, &seat, helper->ask, 0, helper->ask->n);
    lc_seat_fini(&seat);
}

static void answer_helped(struct guest *g, const struct ask *ask)
{
    struct helper helper = {.g = g, .ask = ask};
    struct lc_thread thread;

    begin(g, ask, ask->n);
    guest_leave(g);
    LC_CHECK(lc_thread_start(&thread, help, &helper) == LC_OK);
    lc_thread_join(&thread);
    guest_enter(g);
    end(g, helper.is_done ? END_FINISH : END_CUT);
}

static void answer_upload(struct guest *g, const struct ask *ask)
{
    char part[4096];
    uint32_t at = 0;
    enum lc_rc rc;
    size_t got;

    for (;;) {
        enter(g);
        rc = lc_exchange_read(g->x, part, 1 + rng_below(&g->rng, sizeof part), &got);
        leave(g);
        if (got > 0 && (at + got > ask->n ||
                        memcmp(part, g->h->sea + ask->id % SEA_PERIOD + at % SEA_PERIOD, got) != 0))
            house_fail(g->h, "an upload is not its own", ask->id, at);
        at += (uint32_t)got;
        if (rc == LC_AGAIN && !await(g, &g->server.seat, false))
            rc = LC_CLOSED;
        if ((rc == LC_OK && got == 0) || (rc != LC_OK && rc != LC_AGAIN))
            break;
        if (got > 0 && rng_one_in(&g->rng, 16))
            dawdle(g);
    }
    if (rc != LC_OK) {
        end(g, END_FAIL);
        return;
    }
    if (at != ask->n)
        house_fail(g->h, "an upload is not whole", ask->id, at);
    answer_small(g, ask, ask->id % 50);
}

static void answer_file(struct guest *g, const struct ask *ask)
{
    int fd = fcntl(g->h->sea_fd, F_DUPFD_CLOEXEC, 0);
    enum lc_rc rc;

    LC_CHECK(fd >= 0);
    begin(g, ask, ask->id % 2 ? (int64_t)ask->n : -1);
    enter(g);
    rc = lc_exchange_write_file(g->x, fd, ask->id % SEA_PERIOD, ask->n);
    leave(g);
    end(g, rc == LC_OK || rc == LC_AGAIN ? END_FINISH : END_CUT);
}

static void answer_with_hints(struct guest *g, const struct ask *ask)
{
    static const char hints[] = "HTTP/1.1 103 Early Hints\r\nLink: </style.css>\r\n\r\n";
    enum lc_rc rc;

    enter(g);
    rc = lc_exchange_informational(g->x, hints, sizeof hints - 1);
    leave(g);
    LC_CHECK(rc == LC_OK);
    dawdle(g);
    answer_small(g, ask, ask->n);
}

static void send_all(int fd, const char *p, size_t n)
{
    ssize_t sent;

    while (n > 0 && (sent = send(fd, p, n, MSG_NOSIGNAL)) > 0) {
        p += sent;
        n -= (size_t)sent;
    }
}

static void answer_hijacked(struct guest *g, const struct ask *ask)
{
    char head[160], early[64];
    int fd, n;

    enter(g);
    fd = g->x->ops->lend_fd(g->x);
    leave(g);
    if (fd < 0 || (fd = fcntl(fd, F_DUPFD_CLOEXEC, 0)) < 0) {
        end(g, END_CUT);
        return;
    }
    enter(g);
    (void)g->x->ops->take_early(g->x, early, sizeof early);
    leave(g);
    n = snprintf(head, sizeof head,
                 "HTTP/1.1 200 OK\r\nConnection: close\r\nX-Id: %u\r\nContent-Length: %u\r\n\r\n",
                 ask->id, ask->n);
    guest_leave(g);
    send_all(fd, head, (size_t)n);
    guest_enter(g);
    dawdle(g);
    if (ask->id % 2)
        end(g, END_DROP);
    guest_leave(g);
    send_all(fd, g->h->sea + ask->id % SEA_PERIOD, ask->n);
    guest_enter(g);
    if (g->x)
        end(g, END_DROP);
    close(fd);
}

/* Longer than any watcher should look on, but not so often that nothing else happens. */
static void answer_late(struct guest *g, const struct ask *ask)
{
    bool is_left = ask->id % 2;

    if (is_left)
        guest_leave(g);
    pause_us(g->h->plan.long_us);
    if (is_left)
        guest_enter(g);
    answer_small(g, ask, ask->n);
}

/* Looks a few times whether anybody still listens. */
static void answer_patiently(struct guest *g, const struct ask *ask)
{
    bool is_gone = false;

    for (int i = 0; i < 4 && !is_gone; i++) {
        dawdle(g);
        enter(g);
        is_gone = g->x->ops->is_gone(g->x);
        leave(g);
    }
    answer_small(g, ask, ask->n);
}

/* --- a call --------------------------------------------------------------------------------------------------- */

static void answer(struct guest *g, const struct ask *ask)
{
    switch (ask->kind) {
    case 'p':
        answer_pieces(g, ask);
        break;
    case 'u':
        answer_upload(g, ask);
        break;
    case 'f':
        answer_file(g, ask);
        break;
    case 'h':
        answer_with_hints(g, ask);
        break;
    case 'j':
        answer_hijacked(g, ask);
        break;
    case 'g':
        answer_patiently(g, ask);
        break;
    case 'l':
        answer_late(g, ask);
        break;
    case 'o':
        answer_helped(g, ask);
        break;
    case 'c':
        answer_cut(g, ask);
        break;
    case 'e':
        end(g, END_FAIL);
        break;
    default:
        answer_small(g, ask, ask->n);
        break;
    }
}

/* "/k/12/345" */
static bool parse_ask(const char *text, struct ask *ask)
{
    char *end;

    if (text[0] != '/' || text[1] == '\0' || text[2] != '/')
        return false;
    ask->kind = text[1];
    ask->id = (unsigned)strtoul(text + 3, &end, 10);
    if (*end != '/')
        return false;
    ask->n = (unsigned)strtoul(end + 1, &end, 10);
    return *end == '\0' && ask->n <= SEA_MOST;
}

void guest_call(void *ctx, struct lc_exchange *x)
{
    struct guest *g = ctx;
    struct lc_str target = lc_req_text(&x->req, x->req.target);
    char text[64] = "";
    struct ask ask = {0};
    unsigned stop;

    guest_enter(g);
    LC_CHECK(g->x == NULL);
    g->x = x;
    memcpy(text, target.p, LC_MIN(target.n, sizeof text - 1));
    if (!parse_ask(text, &ask))
        house_fail(g->h, "a target that nobody asked for", 0, (int64_t)target.n);
    if ((stop = atomic_exchange(&g->h->stop, 0)) != 0)
        lc_worker_stop(&g->h->w, stop == 1);
    dawdle(g);
    answer(g, &ask);
    dawdle(g);
    LC_CHECK(g->x == NULL);
}
