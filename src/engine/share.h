/* engine/share.h - how the workers of one server share its clients: who accepts, and requests that move to who is free.
 *
 * Who accepts.  A worker takes connections while it has a free thread, at most that many at a time; with none free it
 * takes them only when no sibling has one (`free` in the scoreboard), so that ten sync workers in long calls behave like
 * ten that take no connection while they are busy.  Of the pollers that sleep on one socket the kernel wakes the one that
 * has been there longest, so who has accepted goes to the end of that queue.
 *
 * Who answers.  A kept-alive client stays with its worker, and a connection is accepted before its request is there.  So a
 * complete request that finds every thread of its worker inside a call, while a sibling has one free, is put on a queue
 * that all workers share (parcel.h, fdpass.h), and taken from it by the first that has a thread: at most one hop.
 *
 * Why one queue, and not one for each worker slot:
 *   - a parcel that was addressed to a worker which got busy in the meantime would wait for it; here the next free one
 *     takes it, and be it the sender;
 *   - no parcel is lost with a worker that dies, or waits for its successor, for the queue is nobody's: the master made
 *     it before the first fork and keeps it open;
 *   - it takes two descriptors in the master and two in each worker however many workers there are, and one that is added
 *     later (TTIN) has them as the others do.
 *
 *   I1  a worker takes a parcel only for a thread that is free.  The kernel wakes one of those that wait; one that gets
 *       busy before it has acted on that puts the parcel back, which wakes the next.
 *   I2  a request is handed over at once: while all threads are inside calls the engine is with the watcher, and that is
 *       so only when calls take over a millisecond.  A hop takes some 50 us.
 *   I3  a single worker does none of this: it reads one word where it would look for siblings. */
#ifndef LC_ENGINE_SHARE_H
#define LC_ENGINE_SHARE_H

#include "base/base.h"
#include "os/poll.h"

struct lc_worker;

struct lc_share {
    struct lc_watch watch; /* parcels come out here; fd -1: there is no queue */
    int in;                /* and go in here */
    char *parcel;          /* LC_PARCEL_MAX */
};

/* --- all under the owner's lock --- */

LC_MUST_USE enum lc_rc lc_share_open(struct lc_worker *w);
void lc_share_close(struct lc_worker *w);

/* Threads that would take a request now. */
uint32_t lc_share_idle(const struct lc_worker *w);
/* Has a sibling one? */
bool lc_share_has_free_sibling(const struct lc_worker *w);
/* Is one there that has booted, busy or not? */
bool lc_share_has_serving_sibling(const struct lc_worker *w);

/* Threads became free, or none is any more: parcels are waited for, or left to others. */
void lc_share_follow(struct lc_worker *w);
/* Takes one parcel, if one waits and there is a thread for it. */
bool lc_share_take(struct lc_worker *w);
/* A turn has ended: requests without a thread go where there is one. */
void lc_share_hand_over(struct lc_worker *w);
/* When to look again, most_ms at the latest. */
int lc_share_timeout(const struct lc_worker *w, int most_ms);

#endif
