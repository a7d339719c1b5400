/* A worker under stress: threads of an application, the watcher, thieves, signals, stops, and clients of every kind, in
 * rounds that each play another configuration.  It is built for ThreadSanitizer (./dev tsan), and checks every answer
 * without it, too.
 *
 *      stress_worker [--seed N] [--seconds N]
 *
 * The seed chooses rounds and scripts; what the threads make of them differs each time. */
#include "engine/test/stress.h"
#include "os/clock.h"
#include "os/fd.h"

#include <arpa/inet.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define STARTED_MAX 4096 /* threads of the application in one round */
#define CLOSE_MS    30000

/* --- small things --------------------------------------------------------------------------------------------- */

/* splitmix64 */
uint32_t rng_below(struct rng *r, uint32_t n)
{
    uint64_t z = r->state += 0x9e3779b97f4a7c15u;

    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
    return (uint32_t)((z ^ (z >> 31)) >> 32) % n;
}

bool rng_one_in(struct rng *r, uint32_t n)
{
    return rng_below(r, n) == 0;
}

static uint64_t rng_seed(struct rng *r)
{
    return (uint64_t)rng_below(r, UINT32_MAX) << 32 | rng_below(r, UINT32_MAX);
}

void pause_us(uint32_t us)
{
    struct timespec ts = {.tv_sec = us / 1000000, .tv_nsec = (long)(us % 1000000) * 1000};

    nanosleep(&ts, NULL);
}

void figure_most(atomic_ullong *most, unsigned long long us)
{
    unsigned long long was = atomic_load(most);

    while (us > was && !atomic_compare_exchange_weak(most, &was, us)) {
    }
}

/* What it reads of the owner is read without the lock, by who is about to die. */
__attribute__((no_sanitize("thread"))) void house_fail(struct house *h, const char *what,
                                                       uint32_t id, int64_t figure)
{
    const struct lc_owner *o = &h->w.owner;

    fprintf(stderr, "stress: %s (request %u, %lld)\n", what, id, (long long)figure);
    fprintf(stderr,
            "  threads %u%s%s%s%s%s, round %llu\n"
            "  owner: state %d, ready %u, invited %u, busy %u, seats %u, waiting %d, woken %d, "
            "parked %d; connections %u, turn %d, worker %d\n",
            h->plan.threads, h->conf.is_inline ? "" : ", not inline",
            h->plan.has_guest_lock ? ", guest lock" : "", h->plan.has_thief ? ", thief" : "",
            h->plan.is_tight ? ", tight" : "", h->plan.is_quick ? ", quick" : "",
            atomic_load(&h->figures.rounds), (int)o->state, o->nready, o->ninvited, o->nbusy,
            o->nseats, o->is_waiting, o->is_woken, o->is_parked, h->w.h1.nconns, h->w.is_turn,
            (int)h->w.state);
    _exit(1);
}

/* --- a round's configuration ---------------------------------------------------------------------------------- */

static void plan_round(struct house *h)
{
    struct rng *r = &h->rng;

    h->plan = (struct plan){
        .threads = 1 + rng_below(r, THREADS_MAX),
        .pause_us = rng_one_in(r, 3) ? 5000 : rng_below(r, 300),
        .long_us = rng_one_in(r, 3) ? 50000 : 1000,
        .life_ms = 100 + rng_below(r, 1400),
        .has_guest_lock = rng_one_in(r, 2),
        .has_thief = rng_one_in(r, 2),
        .is_tight = rng_one_in(r, 6),
        .is_quick = rng_one_in(r, 3),
        .is_stopped_in_call = rng_one_in(r, 2),
    };
    h->conf.threads = h->plan.threads;
    h->conf.is_inline = !rng_one_in(r, 5);
    h->conf.is_main_called = h->plan.threads == 1 && h->conf.is_inline && rng_one_in(r, 2);
    h->conf.is_multiprocess = rng_one_in(r, 2);
    h->conf.is_multithread = h->plan.threads > 1;
    h->conf.conns_max = h->plan.is_tight ? CLIENTS - 3 : 100;
    h->conf.thread_idle_ms = 1 + rng_below(r, 30);
    h->conf.limits.is_body_buffered = rng_one_in(r, 2);
    h->conf.limits.out_memory = rng_one_in(r, 2) ? 1 << 14 : 1 << 20;
    h->conf.limits.out_file = rng_one_in(r, 2) ? 1 << 16 : 1 << 24;
}

static void listen_anew(struct house *h)
{
    struct sockaddr_in at = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t len = sizeof at;
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

    LC_CHECK(bind(fd, (struct sockaddr *)&at, len) == 0 && listen(fd, 64) == 0);
    LC_CHECK(getsockname(fd, (struct sockaddr *)&at, &len) == 0);
    h->port = ntohs(at.sin_port);
    h->conf.listeners[0] = (struct lc_engine_listener){.fd = fd, .kind = LC_LISTEN_TCP};
    h->conf.nlisteners = 1;
}

/* --- who disturbs --------------------------------------------------------------------------------------------- */

static void count_theft(void *ctx)
{
    struct house *h = LC_CONTAINER_OF(ctx, struct house, w);

    atomic_fetch_add(&h->figures.thefts, 1);
    h->face.on_theft(ctx);
}

/* Steals at any moment, where the watcher steals by the millisecond. */
static void steal(void *house)
{
    struct house *h = house;
    struct lc_owner *o = &h->w.owner;
    struct rng r = {h->port};

    while (!atomic_load(&h->is_over)) {
        pause_us(rng_below(&r, 400));
        LC_CHECK(lc_owner_enter(o) == LC_OK);
        if (o->state == LC_OWNER_CALLING)
            lc_owner_steal(o);
        lc_owner_leave(o);
    }
}

/* As another process would: without any lock. */
static void look_at_board(struct house *h)
{
    struct lc_board_call call;
    uint32_t free = atomic_load(&lc_board_slot(&h->board, 0)->free);

    if (free > h->plan.threads)
        house_fail(h, "more threads are free than there are", 0, free);
    for (uint32_t i = 0; i < h->board.ncalls; i++) {
        if (lc_call_read(lc_board_call(&h->board, 0, i), &call) &&
            (call.since_ms == 0 || strcmp(call.client, "127.0.0.1") != 0))
            house_fail(h, "a call's record is not whole", i, (int64_t)call.since_ms);
    }
}

static void look_at_board_after(struct house *h)
{
    const struct lc_board_slot *s = lc_board_slot(&h->board, 0);
    struct lc_board_call call;

    if (lc_count_get(&s->call_since_ms) != 0)
        house_fail(h, "a call is said to run on", 0, (int64_t)lc_count_get(&s->call_since_ms));
    for (uint32_t i = 0; i < h->board.ncalls; i++) {
        if (lc_call_read(lc_board_call(&h->board, 0, i), &call))
            house_fail(h, "a call's record was left", i, (int64_t)call.since_ms);
    }
}

/* Signals now and then, then the stop: from here, or from inside the next call. */
static void disturb(void *house)
{
    struct house *h = house;
    uint64_t until = lc_clock_mono_ms() + h->plan.life_ms;
    struct rng r = {h->port + 1};

    while (lc_clock_mono_ms() < until) {
        uint32_t us = rng_below(&r, 20000);
        uint64_t began = lc_loop_ns();

        pause_us(us);
        look_at_board(h);
        figure_most(&h->figures.late_us, (lc_loop_ns() - began) / 1000 - us);
        LC_CHECK(write(h->signal_fds[1], "x", 1) == 1);
    }
    atomic_store(&h->is_quick, h->plan.is_quick);
    atomic_store(&h->is_ending, true);
    if (h->plan.is_stopped_in_call)
        atomic_store(&h->stop, h->plan.is_quick ? 2 : 1);
    else
        lc_worker_stop(&h->w, !h->plan.is_quick);
}

/* --- the worker's threads ------------------------------------------------------------------------------------- */

static void serve(void *guest)
{
    struct guest *g = guest;

    lc_worker_serve(&g->h->w, &g->server);
    g->server.guest.leave(g);
    /* What the engine still remembers of this thread must not be touched: later reads of it show. */
    memset(&g->server, 0xa5, sizeof g->server);
}

/* Starts threads as the worker asks for them; now and then there is none.  Returns how many were started. */
static uint32_t attend(struct house *h, struct guest *main_guest, struct guest **started)
{
    uint32_t n = 0;

    while (lc_worker_attend(&h->w, &main_guest->server)) {
        struct guest *g = n > 0 && rng_one_in(&h->rng, 8) ? NULL : malloc(sizeof *g);

        main_guest->server.guest.enter(main_guest);
        if (g == NULL || n == STARTED_MAX) {
            free(g);
            lc_worker_no_thread(&h->w);
            continue;
        }
        guest_init(g, h, rng_seed(&h->rng));
        g->server.is_first = n == 0;
        LC_CHECK(lc_thread_start(&g->thread, serve, g) == LC_OK);
        started[n++] = g;
    }
    main_guest->server.guest.leave(main_guest);
    atomic_fetch_add(&h->figures.threads, n);
    return n;
}

/* thief: NULL when there is none. */
static void run_worker(struct house *h, struct lc_thread *disturber, struct lc_thread *thief)
{
    struct guest **started = calloc(STARTED_MAX, sizeof(struct guest *));
    struct guest main_guest;
    uint32_t n = 0;

    LC_CHECK(started != NULL);
    guest_init(&main_guest, h, rng_seed(&h->rng));
    main_guest.server.is_main = main_guest.server.is_first = true;
    if (h->conf.is_main_called)
        lc_worker_serve(&h->w, &main_guest.server);
    else
        n = attend(h, &main_guest, started);
    main_guest.server.guest.leave(&main_guest);
    atomic_store(&h->is_over, true);
    lc_thread_join(disturber);
    if (thief)
        lc_thread_join(thief);
    for (uint32_t i = 0; i < n && rng_one_in(&h->rng, 2); i++) { /* before or after the close */
        lc_thread_join(&started[i]->thread);
        free(started[i]);
        started[i] = NULL;
    }
    if (!lc_worker_close(&h->w, CLOSE_MS))
        house_fail(h, "threads did not leave", 0, n);
    for (uint32_t i = 0; i < n; i++) {
        if (started[i])
            lc_thread_join(&started[i]->thread);
        free(started[i]);
    }
    free(started);
}

static void play_round(struct house *h)
{
    struct client *clients = calloc(CLIENTS, sizeof *clients);
    struct lc_thread thief, disturber;

    LC_CHECK(clients != NULL);
    plan_round(h);
    listen_anew(h);
    atomic_store(&h->is_ending, false);
    atomic_store(&h->is_quick, false);
    atomic_store(&h->is_over, false);
    atomic_store(&h->stop, 0);
    LC_CHECK(lc_fd_pipe(h->signal_fds) == LC_OK);
    for (int i = 0; i < CLIENTS; i++) {
        clients[i].h = h;
        clients[i].is_prober = i == 0;
        clients[i].rng.state = rng_seed(&h->rng);
        LC_CHECK(lc_thread_start(&clients[i].thread, client_run, &clients[i]) == LC_OK);
    }
    pause_us(rng_below(&h->rng, 2000)); /* requests may be there before anybody serves */
    LC_CHECK(lc_worker_open(&h->w, &h->conf, &h->release, &h->app, h->signal_fds[0]) == LC_OK);
    LC_CHECK(lc_owner_enter(&h->w.owner) == LC_OK);
    h->face = h->w.owner.face;
    h->w.owner.face.on_theft = count_theft;
    lc_owner_leave(&h->w.owner);
    LC_CHECK(lc_thread_start(&disturber, disturb, h) == LC_OK);
    if (h->plan.has_thief)
        LC_CHECK(lc_thread_start(&thief, steal, h) == LC_OK);
    run_worker(h, &disturber, h->plan.has_thief ? &thief : NULL);
    for (int i = 0; i < CLIENTS; i++)
        lc_thread_join(&clients[i].thread);
    lc_fd_close(&h->signal_fds[0]);
    lc_fd_close(&h->signal_fds[1]);
    free(clients);
    look_at_board_after(h);
    if (atomic_load(&h->nlent) != 0)
        house_fail(h, "objects were not given back", 0, atomic_load(&h->nlent));
    atomic_fetch_add(&h->figures.rounds, 1);
}

/* --- the whole ------------------------------------------------------------------------------------------------ */

static void make_sea(struct house *h)
{
    size_t len = SEA_PERIOD + SEA_MOST;
    char *sea = malloc(len), path[] = "/tmp/licorne-stress-XXXXXX";
    struct rng r = {0};

    LC_CHECK(sea != NULL && (h->sea_fd = mkstemp(path)) >= 0);
    unlink(path);
    for (size_t i = 0; i < len; i++)
        sea[i] = i < SEA_PERIOD ? (char)rng_below(&r, 256) : sea[i - SEA_PERIOD];
    LC_CHECK(write(h->sea_fd, sea, len) == (ssize_t)len);
    h->sea = sea;
}

static void set_up(struct house *h, uint64_t seed)
{
    /* Fewer records than threads. */
    LC_CHECK(lc_board_open(&h->board, 1, THREADS_MAX - 1) == LC_OK);
    lc_board_take(&h->board, 0, getpid(), LC_LIFE_BOOTING);
    h->conf = (struct lc_engine_conf){
        .board = &h->board,
        .timeout_ms = 30000,
        .limits = {.request_line = 4094,
                   .fields = 100,
                   .field_size = 8190,
                   .body_memory = 65536,
                   .body_file = 1 << 19,
                   .header_ms = 30000,
                   .idle_ms = 75000,
                   .rate_window_ms = 20000,
                   .body_min_rate = 240,
                   .send_min_rate = 240,
                   .linger_ms = 200},
        .log = {.fd = -1, .level = LC_CRITICAL + 1},
        .graceful_ms = 60000,
        .tmp_dir = "/tmp",
        .server = "licorne",
    };
    h->app = (struct lc_app){.ctx = h, .call = guest_call};
    h->release = (struct lc_host){.ctx = h, .release = guest_release};
    h->rng.state = seed;
    lc_mutex_init(&h->guest_lock);
    make_sea(h);
}

static void tell(const struct figures *f, double seconds)
{
    printf("stress: %llu requests, %llu answers, %llu thefts, %llu threads, %llu handlers, %llu "
           "rounds; %llu broke off, %llu unanswered; slowest %.1f ms, of "
           "the server's own %.1f ms, a mere sleeper late by %.1f ms; %.0f s\n",
           atomic_load(&f->requests), atomic_load(&f->answers), atomic_load(&f->thefts),
           atomic_load(&f->threads), atomic_load(&f->handlers), atomic_load(&f->rounds),
           atomic_load(&f->broken), atomic_load(&f->unanswered),
           (double)atomic_load(&f->slowest_us) / 1000, (double)atomic_load(&f->page_us) / 1000,
           (double)atomic_load(&f->late_us) / 1000, seconds);
}

int main(int argc, char **argv)
{
    struct house *h = calloc(1, sizeof *h);
    uint64_t seed = lc_clock_mono_ns(), began = lc_clock_mono_ms(), seconds = 5;

    LC_CHECK(h != NULL);
    for (int i = 1; i + 1 < argc; i += 2) {
        if (strcmp(argv[i], "--seed") == 0)
            seed = strtoull(argv[i + 1], NULL, 10);
        else if (strcmp(argv[i], "--seconds") == 0)
            seconds = strtoull(argv[i + 1], NULL, 10);
    }
    printf("stress: --seed %llu --seconds %llu\n", (unsigned long long)seed,
           (unsigned long long)seconds);
    fflush(stdout);
    signal(SIGPIPE, SIG_IGN); /* as a guest does: sendfile has no flag for it */
    set_up(h, seed);
    do {
        alarm(120); /* a round that hangs */
        play_round(h);
    } while (lc_clock_mono_ms() - began < seconds * 1000);
    tell(&h->figures, (double)(lc_clock_mono_ms() - began) / 1000);
    close(h->sea_fd);
    free((void *)(uintptr_t)h->sea);
    free(h);
    return 0;
}
