/* stats/board.h - the scoreboard: what every process of one server does, in memory that all of them share.
 *
 * The master makes it before the first fork and keeps it for life.  Every worker slot has a part of its own, which one
 * process at a time writes and everybody reads.  Nothing here blocks, allocates or calls the system once it is made.
 *
 *      head | slot 0: words, counters, latency, call 0 .. call T-1 | slot 1: ... | ...
 *
 *   I1  a slot is written by the process that has it (under its engine's lock, but for `calls`) and, while it has none,
 *       by the master.  Words and counters are relaxed stores of one writer: no locked instruction on the hot path.
 *   I2  a call record is written by the thread that runs the call, and read whole: `seq` is odd while it is written, and
 *       a reader that saw it odd, or changed, reads again.  `phase` changes by itself, it is one word.
 *   I3  counters, latency and restarts live as long as the slot; lc_board_take clears the rest for the next process.
 *   I4  a reader trusts nothing for consistency between words: each is true for itself.
 *
 * Pages of slots and calls that were never used are never touched, so that room for 1,024 workers costs no memory.  To
 * read such a page is to have it, too: readers stop at lc_board_used and at the slot's ncalls. */
#ifndef LC_STATS_BOARD_H
#define LC_STATS_BOARD_H

#include "base/base.h"
#include "base/str.h"

#include <stdatomic.h>
#include <sys/types.h>

/* With the words before them these make a record four cache lines; a short call touches two. */
#define LC_BOARD_METHOD  16
#define LC_BOARD_CLIENT  48
#define LC_BOARD_TARGET  160
#define LC_BOARD_STATES  8   /* of connections; whoever fills them says which are which */
#define LC_LATENCY_CELLS 256 /* see lc_latency_cell */

enum lc_board_life { LC_LIFE_EMPTY, LC_LIFE_BOOTING, LC_LIFE_SERVING, LC_LIFE_DRAINING };

/* How far a process that boots has come; whoever boots it says so. */
enum lc_boot_step {
    LC_BOOT_BEGIN,
    LC_BOOT_CHDIR,
    LC_BOOT_IMPORT,
    LC_BOOT_APP, /* its module is there; what was asked for in it? */
    LC_BOOT_ENGINE,
    LC_BOOT_STEPS
};

enum lc_call_phase {
    LC_CALL_NONE,
    LC_CALL_APP,    /* in the application */
    LC_CALL_INPUT,  /* waits for a part of the body */
    LC_CALL_OUTPUT, /* waits for a slow reader */
};

/* Why a slot got its next process. */
enum lc_restart {
    LC_RESTART_ASKED,   /* told to: reload, TTOU and TTIN, max_requests */
    LC_RESTART_EXIT,    /* ended by itself */
    LC_RESTART_SIGNAL,  /* was killed */
    LC_RESTART_TIMEOUT, /* was stuck */
    LC_RESTART_BOOT,    /* did not come up */
    LC_RESTARTS
};

typedef _Atomic uint64_t lc_count; /* one writer */

static inline void lc_count_add(lc_count *c, uint64_t n)
{
    atomic_store_explicit(c, atomic_load_explicit(c, memory_order_relaxed) + n,
                          memory_order_relaxed);
}
static inline void lc_count_set(lc_count *c, uint64_t n)
{
    atomic_store_explicit(c, n, memory_order_relaxed);
}
static inline uint64_t lc_count_get(const lc_count *c)
{
    return atomic_load_explicit((lc_count *)c, memory_order_relaxed);
}

/* What one thread of the application does. */
struct lc_board_call {
    atomic_uint seq;
    uint32_t phase;      /* enum lc_call_phase */
    uint64_t since_ms;   /* monotonic: when the call began */
    int64_t tid;         /* the thread, as the system numbers it */
    uint32_t target_len; /* of the whole target, which may be longer than what is kept */
    uint32_t spare;
    char method[LC_BOARD_METHOD], client[LC_BOARD_CLIENT], target[LC_BOARD_TARGET]; /* end in NUL */
};

struct lc_board_slot {
    _Atomic int32_t pid; /* 0: nobody */
    atomic_uint life;    /* enum lc_board_life */
    atomic_uint step;    /* enum lc_boot_step, while it boots */
    atomic_uint ncalls;  /* call records that were ever used are the first so many */
    atomic_uint
        free; /* threads that would take a request now: siblings read it before they accept */
    atomic_uint is_spent;   /* it has served max_requests, and asks for a successor */
    atomic_uint place;      /* an heir has that of who was before it (super/master.h) */
    atomic_uint sockets;    /* names the set of those that it has (engine/reuse.h); 0: none */
    lc_count beat_ms;       /* monotonic: the engine's owner was here; 0 until it serves */
    lc_count call_since_ms; /* the oldest call that still runs began then; 0: none */
    lc_count queued,
        queued_since_ms; /* requests that wait for a thread; since when the oldest does, 0: none */
    lc_count conns[LC_BOARD_STATES];
    /* for the life of the slot: */
    lc_count requests,
        status
            [6]; /* answers by class, [0] those that broke off; of the application and the server */
    lc_count handed_out, handed_in,
        handed_back; /* requests given to a sibling, taken from one, and refused by one */
    lc_count latency[LC_LATENCY_CELLS]; /* from complete request to end of call, in us */
    lc_count latency_sum_us;
    lc_count restarts[LC_RESTARTS];
};

struct lc_board {
    void *map; /* NULL: none was made */
    size_t size;
    uint32_t nslots, ncalls;
    size_t slot_size;
};

/* Shared with every later child.  LC_ENOMEM. */
LC_MUST_USE enum lc_rc lc_board_open(struct lc_board *b, uint32_t nslots, uint32_t ncalls);
void lc_board_close(struct lc_board *b);
/* The slots that were ever taken are below this. */
uint32_t lc_board_used(const struct lc_board *b);
struct lc_board_slot *lc_board_slot(const struct lc_board *b, uint32_t slot);
/* By the master: the whole server ends, and nobody will serve the clients of those that leave. */
void lc_board_end(const struct lc_board *b);
bool lc_board_is_ending(const struct lc_board *b);
/* i < ncalls of the board. */
struct lc_board_call *lc_board_call(const struct lc_board *b, uint32_t slot, uint32_t i);

/* A process begins in this slot (it says so itself, in the child), or the master clears it (pid 0). */
void lc_board_take(const struct lc_board *b, uint32_t slot, pid_t pid, enum lc_board_life life);
/* The record for a thread that will write it; by the process that has the slot, one thread at a time.  NULL: there are
 * fewer records than threads, and this one has none. */
struct lc_board_call *lc_board_call_use(const struct lc_board *b, uint32_t slot, uint32_t i);

/* The thread's own record.  begin copies (client NULL: the one of the record's last call, again); phase changes what it
 * waits for. */
void lc_call_begin(struct lc_board_call *c, uint64_t since_ms, int64_t tid, struct lc_str method,
                   struct lc_str target, const char *client);
void lc_call_phase(struct lc_board_call *c, enum lc_call_phase phase);
void lc_call_end(struct lc_board_call *c);
/* False: none runs, or it could not be read whole (the writer died while it wrote). */
LC_MUST_USE bool lc_call_read(const struct lc_board_call *c, struct lc_board_call *out);

/* Cells grow by an eighth: 0..7 us one each, then eight to the doubling; the last takes all that is longer. */
uint32_t lc_latency_cell(uint64_t us);
uint64_t lc_latency_least(uint32_t cell); /* the shortest time that falls into it */
/* Adds one slot's cells to sum. */
void lc_latency_merge(uint64_t sum[LC_LATENCY_CELLS], const struct lc_board_slot *s);
/* The time that this part (0..1) of all was no longer than, by cells; 0 without any. */
uint64_t lc_latency_part(const uint64_t sum[LC_LATENCY_CELLS], double part);

#endif
