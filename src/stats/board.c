/* stats/board.c - see board.h.   Runs in: every process; the hot part in application threads. */
#include "stats/board.h"

#include "os/shm.h"

#define LINE 64 /* slots and calls begin on a cache line: neighbours are written by others */
#define READ_TRIES \
    1000 /* a record is written in less than that many reads, or its writer is gone */

struct head {
    atomic_uint used; /* slots */
    atomic_bool is_ending;
};

_Static_assert(ATOMIC_LLONG_LOCK_FREE == 2, "counters are read by other processes: no lock helps");
_Static_assert(sizeof(struct lc_board_call) % LINE == 0, "a call fills its cache lines");
_Static_assert(offsetof(struct lc_board_call, since_ms) == 8, "what `seq` guards begins here");

/* --- the map -------------------------------------------------------------------------------------------------- */

static size_t slot_head(void)
{
    return (sizeof(struct lc_board_slot) + LINE - 1) / LINE * LINE;
}

enum lc_rc lc_board_open(struct lc_board *b, uint32_t nslots, uint32_t ncalls)
{
    size_t slot_size = slot_head() + (size_t)ncalls * sizeof(struct lc_board_call), size;
    enum lc_rc rc;

    LC_CHECK(nslots > 0);
    *b = (struct lc_board){.map = NULL};
    if (__builtin_mul_overflow(slot_size, (size_t)nslots, &size) || size > SIZE_MAX - LINE)
        return LC_ENOMEM;
    size += LINE;
    if ((rc = lc_shm_open(size, &b->map)) != LC_OK)
        return rc;
    b->size = size;
    b->nslots = nslots;
    b->ncalls = ncalls;
    b->slot_size = slot_size;
    return LC_OK;
}

void lc_board_close(struct lc_board *b)
{
    if (b->map)
        lc_shm_close(b->map, b->size);
    *b = (struct lc_board){.map = NULL};
}

uint32_t lc_board_used(const struct lc_board *b)
{
    struct head *head = b->map;

    return atomic_load_explicit(&head->used, memory_order_acquire);
}

struct lc_board_slot *lc_board_slot(const struct lc_board *b, uint32_t slot)
{
    LC_CHECK(slot < b->nslots);
    return (void *)((char *)b->map + LINE + slot * b->slot_size);
}

void lc_board_end(const struct lc_board *b)
{
    struct head *head = b->map;

    atomic_store_explicit(&head->is_ending, true, memory_order_release);
}

bool lc_board_is_ending(const struct lc_board *b)
{
    struct head *head = b->map;

    return atomic_load_explicit(&head->is_ending, memory_order_acquire);
}

struct lc_board_call *lc_board_call(const struct lc_board *b, uint32_t slot, uint32_t i)
{
    char *s = (void *)lc_board_slot(b, slot);

    LC_CHECK(i < b->ncalls);
    return (void *)(s + slot_head() + i * sizeof(struct lc_board_call));
}

struct lc_board_call *lc_board_call_use(const struct lc_board *b, uint32_t slot, uint32_t i)
{
    struct lc_board_slot *s = lc_board_slot(b, slot);

    if (i >= b->ncalls)
        return NULL;
    if (i >= atomic_load_explicit(&s->ncalls, memory_order_relaxed))
        atomic_store_explicit(&s->ncalls, i + 1, memory_order_release);
    return lc_board_call(b, slot, i);
}

static void clear_calls(const struct lc_board *b, uint32_t slot)
{
    uint32_t n = atomic_load_explicit(&lc_board_slot(b, slot)->ncalls, memory_order_relaxed);

    for (uint32_t i = 0; i < n; i++) {
        struct lc_board_call *c = lc_board_call(b, slot, i);
        uint32_t seq = atomic_load_explicit(&c->seq, memory_order_relaxed);

        lc_call_end(c);
        /* A writer that died left it odd; what it wrote was of no call that runs now. */
        atomic_store_explicit(&c->seq, (seq + 1) & ~1u, memory_order_release);
    }
}

void lc_board_take(const struct lc_board *b, uint32_t slot, pid_t pid, enum lc_board_life life)
{
    struct head *head = b->map;
    struct lc_board_slot *s = lc_board_slot(b, slot);
    uint32_t used = atomic_load_explicit(&head->used, memory_order_relaxed);

    atomic_store_explicit(&s->step, LC_BOOT_BEGIN, memory_order_relaxed);
    atomic_store_explicit(&s->free, 0, memory_order_relaxed);
    atomic_store_explicit(&s->is_spent, 0, memory_order_relaxed);
    atomic_store_explicit(&s->sockets, 0, memory_order_relaxed);
    lc_count_set(&s->beat_ms, 0);
    lc_count_set(&s->call_since_ms, 0);
    lc_count_set(&s->queued, 0);
    lc_count_set(&s->queued_since_ms, 0);
    for (size_t i = 0; i < LC_BOARD_STATES; i++)
        lc_count_set(&s->conns[i], 0);
    clear_calls(b, slot);
    atomic_store_explicit(&s->life, life, memory_order_relaxed);
    atomic_store_explicit(&s->pid, (int32_t)pid, memory_order_release);
    /* Two workers may begin at once: the higher slot's number stays. */
    while (used <= slot &&
           !atomic_compare_exchange_weak_explicit(&head->used, &used, slot + 1,
                                                  memory_order_release, memory_order_relaxed)) {
    }
}

/* --- calls ---------------------------------------------------------------------------------------------------- */

/* The record crosses in words, each store a release and each load an acquire: so no word of a new call is seen before
 * `seq` is seen odd.  Fences would do the same, but ThreadSanitizer does not know them. */
typedef uint64_t __attribute__((may_alias)) word;

static void put_word(void *at, uint64_t v)
{
    __atomic_store_n((word *)at, v, __ATOMIC_RELEASE);
}

static void put_phase(struct lc_board_call *c, enum lc_call_phase phase)
{
    __atomic_store_n(&c->phase, (uint32_t)phase, __ATOMIC_RELEASE);
}

/* n < 8 bytes as a word, the rest of it zero; a call of memcpy would cost more than all else here. */
static uint64_t last_word(const char *p, size_t n)
{
    char bytes[sizeof(uint64_t)] = {0};
    uint64_t v;

    if (n >= 4) {
        memcpy(bytes, p, 4);
        memcpy(bytes + n - 4, p + n - 4, 4);
    } else if (n > 0) {
        bytes[0] = p[0];
        bytes[n / 2] = p[n / 2];
        bytes[n - 1] = p[n - 1];
    }
    memcpy(&v, bytes, sizeof v);
    return v;
}

/* `to` is on a word's border, and `room` is whole words. */
static void put_text(char *to, size_t room, const char *p, size_t n)
{
    n = LC_MIN(n, room - 1);
    for (; n >= sizeof(uint64_t); n -= sizeof(uint64_t)) {
        uint64_t v;

        memcpy(&v, p, sizeof v);
        put_word(to, v);
        p += sizeof v;
        to += sizeof v;
    }
    put_word(to, last_word(p, n));
}

void lc_call_begin(struct lc_board_call *c, uint64_t since_ms, int64_t tid, struct lc_str method,
                   struct lc_str target, const char *client)
{
    uint32_t odd = atomic_load_explicit(&c->seq, memory_order_relaxed) | 1;

    atomic_store_explicit(&c->seq, odd, memory_order_relaxed);
    put_word(&c->since_ms, since_ms);
    put_word(&c->tid, (uint64_t)tid);
    __atomic_store_n(&c->target_len, (uint32_t)LC_MIN(target.n, UINT32_MAX), __ATOMIC_RELEASE);
    put_text(c->method, sizeof c->method, method.p, method.n);
    if (client)
        put_text(c->client, sizeof c->client, client, strlen(client));
    put_text(c->target, sizeof c->target, target.p, target.n);
    put_phase(c, LC_CALL_APP);
    atomic_store_explicit(&c->seq, odd + 1, memory_order_release);
}

void lc_call_phase(struct lc_board_call *c, enum lc_call_phase phase)
{
    put_phase(c, phase);
}

void lc_call_end(struct lc_board_call *c)
{
    put_phase(c, LC_CALL_NONE);
}

static bool read_once(struct lc_board_call *c, struct lc_board_call *out)
{
    uint32_t seq = atomic_load_explicit(&c->seq, memory_order_acquire);
    word *to = (word *)(void *)out;
    const word *from = (const word *)(void *)c;

    if (seq & 1)
        return false;
    out->phase = __atomic_load_n(&c->phase, __ATOMIC_ACQUIRE);
    for (size_t i = 1; i < sizeof *c / sizeof *from; i++)
        to[i] = __atomic_load_n(from + i, __ATOMIC_ACQUIRE);
    return atomic_load_explicit(&c->seq, memory_order_relaxed) == seq;
}

bool lc_call_read(const struct lc_board_call *c, struct lc_board_call *out)
{
    bool is_whole = false;

    *out = (struct lc_board_call){.phase = LC_CALL_NONE};
    for (int i = 0; i < READ_TRIES && !is_whole; i++)
        is_whole = read_once((struct lc_board_call *)c, out);
    if (!is_whole || out->phase == LC_CALL_NONE)
        return false;
    /* Whoever can write here can leave out the end. */
    out->method[LC_BOARD_METHOD - 1] = out->client[LC_BOARD_CLIENT - 1] = '\0';
    out->target[LC_BOARD_TARGET - 1] = '\0';
    return true;
}

/* --- latency -------------------------------------------------------------------------------------------------- */

#define FINE 8 /* cells to the doubling */

uint32_t lc_latency_cell(uint64_t us)
{
    uint32_t doubling;

    if (us < FINE)
        return (uint32_t)us;
    doubling = 60 - (uint32_t)__builtin_clzll(us); /* of FINE: 0 for 8..15 us */
    if (doubling >= LC_LATENCY_CELLS / FINE - 1)
        return LC_LATENCY_CELLS - 1;
    return FINE * doubling + (uint32_t)(us >> doubling);
}

uint64_t lc_latency_least(uint32_t cell)
{
    LC_CHECK(cell < LC_LATENCY_CELLS);
    if (cell < FINE)
        return cell;
    return (uint64_t)(FINE + cell % FINE) << (cell / FINE - 1);
}

void lc_latency_merge(uint64_t sum[LC_LATENCY_CELLS], const struct lc_board_slot *s)
{
    for (uint32_t i = 0; i < LC_LATENCY_CELLS; i++)
        sum[i] += lc_count_get(&s->latency[i]);
}

uint64_t lc_latency_part(const uint64_t sum[LC_LATENCY_CELLS], double part)
{
    uint64_t all = 0, seen = 0;
    uint32_t cell = 0;

    for (uint32_t i = 0; i < LC_LATENCY_CELLS; i++)
        all += sum[i];
    if (all == 0)
        return 0;
    /* The first cell, of those that hold any, up to which there are enough. */
    while ((seen += sum[cell]) == 0 || (double)seen < LC_MIN(part, 1.0) * (double)all) {
        if (++cell == LC_LATENCY_CELLS - 1)
            break;
    }
    if (cell == LC_LATENCY_CELLS - 1)
        return lc_latency_least(cell);
    return lc_latency_least(cell + 1) - 1;
}
