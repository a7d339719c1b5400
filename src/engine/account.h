/* engine/account.h - what a worker writes into the scoreboard (stats/board.h); nothing else of it does.
 *
 * Cheap before exact: the words about all requests are written when the engine comes to rest or changes hands, those about
 * one call when it begins and ends.  Without a board every function returns at once.
 *
 * The beat tells the master that this process still does its work.  It is stored at the end of a turn, whoever stepped:
 *   - a stepped engine is alive, also while the watcher steps because every thread is in a long call: that many slow
 *     requests are no fault of the worker's;
 *   - but a sync worker whose call is older than `timeout` is not, though the watcher steps: its one thread is what the
 *     beat is about;
 *   - and where others call (gthread), the watcher alone would beat for a worker whose threads all wait for a guest lock
 *     (GIL) that one of them never gives back.  So while a call is old, the main thread is asked to take it, and no beat
 *     is stored until it has. */
#ifndef LC_ENGINE_ACCOUNT_H
#define LC_ENGINE_ACCOUNT_H

#include "http/exchange.h"
#include "os/sock.h"
#include "stats/board.h"

#define LC_THREADS_MAX 1024 /* the most that config.def permits */

struct lc_worker;
struct lc_server;

/* A worker's. */
struct lc_account {
    struct lc_board_slot *slot; /* NULL: there is no board */
    struct lc_list running;     /* threads inside a call, the longest first */
    uint64_t beat_ms;
    uint64_t
        spent_at; /* so many calls; then the master is asked for a successor, and this one serves until it is there */
    bool is_asked;                         /* the main thread has not come since it was */
    uint64_t records[LC_THREADS_MAX / 64]; /* a bit each: some thread writes it */
};

/* A thread's. */
struct lc_account_seat {
    struct lc_board_call *call; /* its record; NULL: none */
    uint32_t record;
    int64_t number; /* of the thread */
    struct lc_list running;
    uint64_t since_ms; /* its call began */
    bool has_peer;     /* the record names this client; they come again, and proxies come always */
    struct lc_addr peer;
};

/* --- all under the owner's lock --- */

void lc_account_open(struct lc_worker *w);
/* A thread begins and ends to serve. */
void lc_account_join(struct lc_worker *w, struct lc_server *s);
void lc_account_quit(struct lc_worker *w, struct lc_server *s);

/* Around a call; x->called_ns is set.  took_ns: from the complete request on. */
void lc_account_begin(struct lc_worker *w, struct lc_server *s, const struct lc_exchange *x);
void lc_account_end(struct lc_worker *w, struct lc_server *s, uint64_t took_ns);
/* The call of this thread waits for its client, or no more. */
void lc_account_phase(struct lc_server *s, enum lc_call_phase phase);
/* Every end of an exchange, also of those that were never called. */
void lc_account_answer(struct lc_worker *w, const struct lc_exchange *x,
                       const struct lc_exchange_end *end);

/* A request went to a sibling, came from one, or was put back for another. */
enum lc_handed { LC_HANDED_OUT, LC_HANDED_IN, LC_HANDED_BACK };
void lc_account_handed(struct lc_worker *w, enum lc_handed way);

/* The words about all: the engine changes hands. */
void lc_account_look(struct lc_worker *w);
/* The same and the beat: a turn has ended. */
void lc_account_turn(struct lc_worker *w);
/* The guest says that it is at work: the calls that run begin anew for the timeout. */
void lc_account_beat(struct lc_worker *w);
/* The board says something that the master should not wait to see. */
void lc_account_ring(const struct lc_worker *w);
/* The main thread had the guest. */
void lc_account_guest_came(struct lc_worker *w);

#endif
