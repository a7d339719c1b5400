/* http1/test/host.h - connections without sockets and without a clock: the engine around http1, and clients made of
 * memory.
 *
 * Used by the unit tests and the fuzz target.  A client's descriptor exists only so that the poller can be told what a
 * connection waits for; it never becomes ready.  host_pump plays the poller: it delivers what a real one would report for
 * the interest that was asked for, and nothing else, so a wish that was forgotten is a connection that hangs here too.
 *
 *   I1  time stands still but in host_pass.
 *   I2  a delivery that changes nothing is a busy loop in the real server: host_pump stops with LC_CHECK.
 *   I3  an exchange is told to have ended once: host_begun and host_ended stop at a second time, host_end at none.
 *   I4  host_end finds every pool, descriptor and object given back, or stops. */
#ifndef LC_HTTP1_TEST_HOST_H
#define LC_HTTP1_TEST_HOST_H

#include "http1/conn_int.h"
#include "net/stream_mem.h"

#define HOST_CLIENTS_MAX 8

struct host_client {
    struct lc_stream_mem
        mem; /* read_max, write_room, is_in_ended, is_peer_gone are the test's to set */
    int fd;
    char *wire; /* all it has sent */
    size_t wire_cap;
    struct lc_addr peer;
};

struct host {
    struct lc_loop loop;
    struct lc_limits limits;
    struct lc_policy policy;
    struct lc_log log;
    struct lc_host guest;
    struct lc_handler handler;
    struct lc_h1 h1;
    void (*after)(struct host *h); /* after each event, task and turn of the timers; may be NULL */

    int nkept, nreleased; /* objects given to the engine, and come back */
    int nroom;            /* connections that ended */
    int nbegun, nended;   /* exchanges that the handler has, and all that ended */
    struct lc_exchange_end last_end;
    int nfds; /* for I4; -1: not checked, for other hosts are open too */
    struct host_client *clients[HOST_CLIENTS_MAX];
    int nclients;
};

/* Defaults; the test may then change limits, policy, log and handler before host_start. */
void host_init(struct host *h);
void host_start(struct host *h);
/* Ends what is open and checks I3 and I4. */
void host_end(struct host *h);

/* For handlers: on_request says the first, on_end the second. */
void host_begun(struct host *h, struct lc_exchange *x);
void host_ended(struct host *h, struct lc_exchange *x, const struct lc_exchange_end *end);

/* An object for a piece; its release is counted. */
void *host_object(struct host *h);

void host_client_init(struct host_client *cl);
void host_send(struct host_client *cl, const char *p, size_t n);
void host_say(struct host_client *cl, const char *text);
/* False: the engine had no memory for it. */
bool host_connect(struct host *h, struct host_client *cl);
/* The same for a connection that comes with its first request from a sibling (parcel.h). */
enum lc_rc host_receive(struct host *h, struct host_client *cl, int file_fd, const char *p,
                        size_t n);
/* Forgets a closed client; its output goes. */
void host_forget(struct host *h, struct host_client *cl);

/* The engine's side of a client, NULL once it is closed. */
struct lc_h1_conn *host_conn(struct host *h, const struct host_client *cl);
enum lc_h1_state host_state(struct host *h, const struct host_client *cl);

/* Delivers events and runs deferred tasks until nothing is left to deliver. */
void host_pump(struct host *h);
/* Lets time pass, timer by timer, and pumps. */
void host_pass(struct host *h, uint64_t ms);

#endif
