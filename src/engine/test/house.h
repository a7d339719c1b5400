/* engine/test/house.h - a worker's engine over real sockets on the loopback, with an application in C.
 *
 * The worker runs in the test's thread and the clients in another, which notes what it saw: cmocka's checks belong to the
 * first thread.  The application answers its call's number, the listener and the size of the body; "/stop" and "/quit"
 * end the worker from inside a call, as a guest does; "/much" writes more than may wait. */
#ifndef LC_ENGINE_TEST_HOUSE_H
#define LC_ENGINE_TEST_HOUSE_H

#include "engine/worker.h"
#include "os/thread.h"

#include <netinet/in.h>
#include <sys/un.h>

struct house {
    struct lc_engine_conf conf;
    struct lc_worker w;
    struct lc_app app;
    struct lc_server server; /* the test's thread */
    struct lc_thread client;
    struct sockaddr_in tcp;
    struct sockaddr_un local;
    int signal_fds[2];
    int fds[4];         /* the clients' sockets */
    char heard[4][512]; /* what the clients heard */
    size_t nheard;      /* bytes that were counted instead */
    char trouble[128];  /* the first */
    int ncalls;
    bool has_signal;
    int boot_fds[2]; /* opened early: the clients say here when the application is there */
};

void lc_house_init(struct house *h);
/* Opens the worker and serves while the clients talk, until it is told to stop; then checks, and frees all.  Opened
 * early it serves once something can be read from boot_fds[0]. */
void lc_house_run(struct house *h, lc_thread_fn clients);
void lc_house_fini(struct house *h);

/* The clients, by number. */
void lc_house_dial(struct house *h, int i, bool is_local);
void lc_house_say(struct house *h, int i, const char *text);
/* Until these words have come; NULL: until the server closes. */
void lc_house_hear(struct house *h, int i, const char *until);
void lc_house_trouble(struct house *h, const char *what, int i);

#endif
