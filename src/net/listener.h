/* net/listener.h - accepts connections in batches and hands each to one function.
 *
 * The listening descriptor is inherited (the master bound it) and shared with sibling workers.  Out of descriptors: a
 * reserve descriptor is given up for the length of one accept, so that the client gets a refusal instead of silence,
 * then accepting rests for LC_ACCEPT_REST_MS; the kernel's queue holds the others. */
#ifndef LC_NET_LISTENER_H
#define LC_NET_LISTENER_H

#include "base/base.h"
#include "base/str.h"
#include "log/log.h"
#include "loop/loop.h"
#include "os/sock.h"

#define LC_ACCEPT_BATCH   64
#define LC_ACCEPT_REST_MS 100

struct lc_listener;

struct lc_listener_conf {
    struct lc_loop *loop;
    const struct lc_log *log;
    void *ctx;
    /* Takes fd.  False: no room, accepting stops until lc_listener_resume. */
    bool (*on_accept)(struct lc_listener *l, int fd, const struct lc_addr *peer);
    /* May one more be admitted now?  Asked before each accept. */
    bool (*can_accept)(struct lc_listener *l);
    const char *busy_answer; /* sent to a client that meets no descriptor */
};

enum lc_listener_kind { LC_LISTEN_TCP, LC_LISTEN_UNIX };

struct lc_listener {
    uint32_t magic;
    uint32_t index; /* among the worker's listeners */
    enum lc_listener_kind kind;
    const struct lc_listener_conf *conf;
    struct lc_watch watch;
    struct lc_timer rest;
    struct lc_log_limit complaint;
    int reserve_fd;
    int naccepted;     /* in this wake-up; others get their turn after LC_ACCEPT_BATCH */
    bool is_paused;    /* on_accept had no room */
    bool has_accepted; /* the owner's, to note that it did */
    bool is_shared;    /* siblings accept from it too: wake one of them at a time */
    bool is_own;       /* the owner's, to note that siblings do not */
};

LC_MUST_USE enum lc_rc lc_listener_start(struct lc_listener *l, const struct lc_listener_conf *conf,
                                         int fd);
/* Accepting stops for good; the descriptor is closed. */
void lc_listener_stop(struct lc_listener *l);
void lc_listener_resume(struct lc_listener *l);
/* Of those who share it, this one is woken last from now on. */
void lc_listener_requeue(struct lc_listener *l);
/* Takes one connection, if one waits: for who has stopped to watch, and may have been woken for it. */
void lc_listener_take_one(struct lc_listener *l);

#endif
