/* loop/host.h - how a guest language lives around the engine: what it does before and after a
 * blocking wait, and how it takes back what it lent by reference.
 *
 * Without a guest (tests, fuzzing, the bare C host) every member is NULL. */
#ifndef LC_LOOP_HOST_H
#define LC_LOOP_HOST_H

struct lc_host {
    void *ctx;
    void (*leave)(
        void *ctx); /* before a wait: the guest may run elsewhere (CPython: the GIL is let go) */
    void (*enter)(void *ctx); /* after it */
    void (*release)(
        void *ctx,
        void *obj); /* an object that was kept by reference is no longer needed; any thread */
    void (*wakeup)(void *ctx); /* once a turn, guest entered: deferred releases, signal handlers */
};

#endif
