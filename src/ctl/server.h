/* ctl/server.h - the control socket: clients that ask, inside the loop of who answers.
 *
 * Why in the master's own loop and not in a thread beside it (Gunicorn's way): what is asked and ordered is the master's
 * state, threads and forks do not go together, and the socket need not be closed around each fork.  The price is that a
 * client must never hold the master up:
 *
 *   I1  nothing here waits: a client that sends slowly or does not read costs memory and a place, both bounded.
 *   I2  one request of one client is answered in a turn of the loop; the next one when its answer has left.
 *   I3  when all places are taken, whoever was silent longest loses his: nobody can lock the others out. */
#ifndef LC_CTL_SERVER_H
#define LC_CTL_SERVER_H

#include "base/list.h"
#include "ctl/proto.h"
#include "loop/loop.h"
#include "os/peer.h"

#define LC_MAGIC_CTL     0x4c43544cu
#define LC_CTL_CONNS_MAX 16
#define LC_CTL_IDLE_MS   300000 /* between two requests */
#define LC_CTL_STALL_MS  30000  /* in the middle of a request or of an answer */

/* Writes an answer by lc_ctl_reply_*; it may do what was asked before.  False: there is none, the client is dropped. */
typedef bool (*lc_ctl_answer_fn)(void *ctx, const struct lc_peer *peer,
                                 const struct lc_ctl_request *r, struct lc_json *out);

struct lc_ctl_server {
    uint32_t magic;
    struct lc_loop *loop;
    struct lc_watch watch;  /* fd -1: closed */
    struct lc_timer pause;  /* until the next accept, when there were no descriptors */
    struct lc_list clients; /* who was silent longest is first */
    struct lc_list leaving; /* closed; their memory goes at the turn's end */
    int nclients;
    bool is_shared; /* the socket's mode lets others than its owner in */
    lc_ctl_answer_fn answer;
    void *ctx;
};

/* Serves on a listening non-blocking socket, which it owns from now on, whatever it returns. */
LC_MUST_USE enum lc_rc lc_ctl_server_open(struct lc_ctl_server *s, struct lc_loop *loop, int fd,
                                          lc_ctl_answer_fn answer, void *ctx);
void lc_ctl_server_close(struct lc_ctl_server *s);
/* In a forked child: lets go of the descriptors, says nothing to the clients and leaves the parent's poller alone. */
void lc_ctl_server_abandon(struct lc_ctl_server *s);

#endif
