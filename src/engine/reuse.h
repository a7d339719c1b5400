/* engine/reuse.h - listening sockets of which each worker has its own (reuse_port), by its place, and who accepts from those
 * whose worker is not there.
 *
 * The master makes them, for each TCP address as many as there are workers at the start, and keeps them until it ends:
 * the kernel spreads connections over the sockets that exist, whoever listens, and the last close of one resets those
 * that wait in its queue.  Every worker inherits all of them.
 *
 *   I1  place p has the socket p % n.  Its worker accepts there whether or not siblings are free, for they do not watch
 *       that socket; what it has no thread for is handed over (share.h).  An heir takes over the place (super/master.h),
 *       and so the socket.  While its predecessor lives they are partners, as are places beyond n, which TTIN makes, of
 *       one that has the socket already: among partners the rules of share.h hold.
 *   I2  a socket of which no place serves (gone for good, waiting for its successor, booting, leaving) is watched by all
 *       that do serve, within LC_REUSE_LOOK_MS and by the rules of share.h.  They let go when one of its own serves.
 *       After a HUP that changed the addresses, who has the new ones does not serve the old ones, and counts for nobody
 *       there: the board says which set of sockets each has.
 *   I3  a wake-up that somebody got and did not act on strands no connection: who lets go takes one, who goes on watching
 *       a foreign socket watches it anew at each look, and so does, for a second, a worker that begins with its own.
 *
 * Without such sockets nothing here runs. */
#ifndef LC_ENGINE_REUSE_H
#define LC_ENGINE_REUSE_H

#include "net/listener.h"
#include "stats/board.h"

#define LC_REUSE_LOOK_MS 100

struct lc_worker;
struct lc_loan; /* a foreign socket */

struct lc_reuse {
    uint32_t n;             /* sockets of an address; 0: all workers share one */
    uint32_t sockets;       /* names this set of them in the board */
    bool has_partners;      /* as of the last look */
    bool *is_attended;      /* of the n: does its worker serve, as of the last look? */
    struct lc_loan *loans;  /* of each listener that has them, n */
    uint32_t nloans, nheld; /* watched, or left alone only in favour of siblings */
    struct lc_timer look;
    uint32_t nlooks; /* since it serves */
};

/* --- all under the owner's lock --- */

/* Who has which socket now, by the board: fills is_attended and has_partners.  One pass, for with as many sockets as
 * workers one for each of them would be n * n words of other processes. */
void lc_reuse_look(struct lc_worker *w);
/* What this worker has of a listener's descriptors. */
int lc_reuse_own_fd(const struct lc_worker *w, uint32_t listener);
/* The worker's own listeners have started. */
LC_MUST_USE enum lc_rc lc_reuse_open(struct lc_worker *w);
/* Accepting ends: all descriptors are closed, but for the worker's own. */
void lc_reuse_stop(struct lc_worker *w);
void lc_reuse_close(struct lc_worker *w);

/* Has a partner a free thread?  Who has none at all need not care about siblings. */
bool lc_reuse_has_free_partner(const struct lc_worker *w);

/* For who holds foreign sockets (nheld > 0): they are watched, or left to siblings. */
void lc_reuse_follow(struct lc_worker *w, bool is_open);
/* Those that were accepted from: the next is for siblings that are free. */
void lc_reuse_go_to_the_end(struct lc_worker *w);
/* Is one left to siblings for now? */
bool lc_reuse_is_paused(const struct lc_worker *w);

#endif
