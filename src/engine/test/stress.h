/* engine/test/stress.h - what the pieces of the stress share: a house with a worker in it, its guests and its clients.
 *
 * A request's target tells all there is to check: "/kind/id/n".  The answer bears the id, and its body is n bytes of one
 * endless sequence, from a place in it that the id chooses; an upload's body is the same.  So an answer that is another's,
 * or has a hole, is found out, and nobody has to remember anything. */
#ifndef LC_ENGINE_TEST_STRESS_H
#define LC_ENGINE_TEST_STRESS_H

#include "engine/worker.h"
#include "os/thread.h"

#include <stdatomic.h>

#define SEA_PERIOD  65521u
#define SEA_MOST    (1u << 20) /* the longest body */
#define CLIENTS     7          /* the first is the prober */
#define THREADS_MAX 4

struct rng {
    uint64_t state;
};

/* What a round is played with. */
struct plan {
    uint32_t threads, pause_us, long_us, life_ms;
    bool
        has_guest_lock; /* the guest has one that its threads hold while they run, as CPython does */
    bool has_thief;     /* the engine is stolen at any moment, not only at the watcher's */
    bool is_tight;      /* fewer connections than clients: the server closes some for others */
    bool is_quick, is_stopped_in_call;
};

struct figures {
    atomic_ullong requests, answers, thefts, threads, handlers, rounds;
    atomic_ullong broken, unanswered;
    atomic_ullong slowest_us; /* answer */
    atomic_ullong page_us;    /* answer of the server's own: it waits for no call */
    atomic_ullong late_us;    /* the machine's own delays: how long a sleeper slept too long */
};

struct house {
    struct lc_engine_conf conf;
    struct lc_board board;
    struct lc_worker w;
    struct lc_app app;
    struct lc_host release;
    struct plan plan;
    struct rng rng;
    struct lc_mutex guest_lock;
    struct lc_owner_face face; /* the worker's own */
    const char *sea;           /* SEA_PERIOD + SEA_MOST bytes */
    int sea_fd;                /* the same as a file */
    int signal_fds[2];
    uint16_t port;
    atomic_llong nlent;     /* objects that the engine has and must give back */
    atomic_uint stop;       /* the next call says it: 1 gracefully, 2 quickly */
    atomic_bool is_ending;  /* a stop was or is about to be said */
    atomic_bool is_quick;   /* ... a quick one: answers may break off */
    atomic_bool is_over;    /* the worker has ended */
    struct figures figures; /* of all rounds */
};

uint32_t rng_below(struct rng *r, uint32_t n);
bool rng_one_in(struct rng *r, uint32_t n);
void figure_most(atomic_ullong *most, unsigned long long us);
void pause_us(uint32_t us);
/* Says what went wrong and the state that it was found in; ends the program. */
_Noreturn void house_fail(struct house *h, const char *what, uint32_t id, int64_t figure);

/* stress_app.c: one thread of the application. */
struct guest {
    struct lc_server server;
    struct house *h;
    struct rng rng;
    struct lc_thread thread;
    bool is_entered; /* holds the guest lock */
    struct lc_exchange *x;
};

void guest_init(struct guest *g, struct house *h, uint64_t seed);
void guest_call(void *ctx, struct lc_exchange *x);
void guest_release(void *ctx, void *obj);

/* stress_client.c: talks until the worker is gone. */
struct client {
    struct house *h;
    struct rng rng;
    struct lc_thread thread;
    int fd;
    size_t off, len; /* of what was received and not looked at yet */
    bool is_slow;    /* reads with pauses */
    bool is_prober;  /* asks for nothing but the server's own answers */
    char in[16384];
};

void client_run(void *client);

#endif
