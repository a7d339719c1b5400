/* pybind/wsgi/wsgi.h - running a WSGI application (PEP 3333) on the engine's exchanges.
 *
 * One lc_py_worker a worker, one lc_wsgi a thread.  The objects that an environ holds besides plain values (input, start_response, write, early
 * hints, the socket's facade, disconnected) are a kit that is used again for the next request when nobody kept one of
 * them; an application that did keeps a dead object, and the kit gets a fresh one.
 *
 *   I1  everything an application does to its exchange passes lc_wsgi_enter / lc_wsgi_leave; between them no code of
 *       Python runs, for the engine's lock is held.
 *   I2  kit->x is the running exchange, NULL between requests: a kept object finds nothing to touch. */
#ifndef LC_PYBIND_WSGI_WSGI_H
#define LC_PYBIND_WSGI_WSGI_H

#include "pybind/state.h"

#include "http/exchange.h"

struct lc_wsgi_input;
struct lc_wsgi_callable;
struct lc_wsgi_view;
struct lc_py_notes;
struct lc_py_note;

enum lc_wsgi_role {
    LC_ROLE_START,
    LC_ROLE_WRITE,
    LC_ROLE_HINTS,
    LC_ROLE_GONE,
    LC_ROLE_LEND,
    LC_ROLE_EARLY,
    LC_ROLES
};

#define LC_KEY_CACHE 256

/* A header name that is in no table, and its environ key. */
struct lc_key {
    uint32_t hash;
    uint8_t len;
    char name[59];
    PyObject *key; /* owned */
};

/* pre_request and post_request.  Without either nothing on a request's way looks here. */
struct lc_wsgi_hooks {
    bool is_on;
    PyObject *before, *after;               /* owned; NULL: not set */
    int nargs;                              /* that `after` takes */
    PyObject *worker, *req_type, *res_type; /* owned: licorne.worker's and licorne.reqres's */
    uint64_t nr;                            /* requests whose environ was made */
};

/* What the threads of one worker share.  The GIL guards it; `dead` alone is under the engine's lock. */
struct lc_py_worker {
    struct lc_host release; /* the engine's: takes back what was lent by reference */
    struct lc_app calls;
    struct lc_py_state *st;
    int slot; /* of the master's, and so of the board */
    struct lc_worker worker;
    struct lc_engine_conf conf;
    PyObject *config;                                  /* borrowed: lives as long as the process */
    PyObject *app, *callbacks;                         /* owned */
    PyObject *script_name;                             /* owned: os.environ's SCRIPT_NAME or "" */
    PyObject *file_wrapper, *connection_type, *errors; /* owned: of licorne.wsgi */
    struct lc_wsgi_hooks hooks;
    bool is_unix[LC_LISTENERS_MAX];
    bool is_booted;  /* there is something to finish */
    bool is_leaving; /* nothing is left that could be stopped */
    int exit_status; /* a SystemExit that the application raised */
    bool has_guest;  /* under the lock: who holds it holds the GIL too */
    PyObject **dead; /* released by who does not */
    size_t ndead, dead_cap;
    struct lc_wsgi *main;      /* the main thread's */
    int wakeup_fds[2];         /* Python writes a byte here for each signal it catches */
    uint32_t nstarted;         /* threads that came to serve */
    struct lc_py_notes *notes; /* NULL: no log takes the Python path */
};

/* One thread of the application. */
struct lc_wsgi {
    struct lc_server server;
    struct lc_py_worker *p;
    struct lc_py_state *st;
    PyObject *templates[LC_LISTENERS_MAX]; /* owned dicts: what an environ starts from */
    PyObject *roomy[LC_LISTENERS_MAX];     /* owned: the same, with room for many headers */
    /* the kit */
    struct lc_wsgi_input *input;                  /* owned */
    struct lc_wsgi_callable *callables[LC_ROLES]; /* owned */
    PyObject *connection;                         /* owned */
    struct lc_wsgi_view *req, *res;               /* owned: what hooks are given; NULL: none yet */
    struct lc_exchange *x;                        /* the running exchange */
    struct lc_py_note *note;                      /* of the exchange that has just ended */
    bool is_lent;             /* the socket's facade was opened in this request */
    bool in_call;             /* application code runs: a signal handler may raise */
    PyThreadState *left;      /* while the guest is left */
    bool is_entered;          /* this thread holds the GIL */
    unsigned long thread;     /* its ident */
    struct lc_addr last_peer; /* and its text: */
    PyObject *last_ip;        /* owned */
    struct lc_key *keys;      /* LC_KEY_CACHE of them */
};

/* worker_py.c: signals that Python catches wake the engine, whatever the application did to signal.set_wakeup_fd.
 * -1 with an exception. */
int lc_py_keep_wakeups(struct lc_py_worker *p);

/* wsgi.c */
void lc_py_worker_face(struct lc_py_worker *p); /* what the engine is opened with */
int lc_py_worker_init(
    struct lc_py_worker *p); /* after st, conf, app, callbacks are set; -1 with an exception */
void lc_py_worker_fini(struct lc_py_worker *p);
/* A thread's; NULL with an exception. */
struct lc_wsgi *lc_wsgi_new(struct lc_py_worker *p);
void lc_wsgi_free(struct lc_wsgi *w);
/* Lets go of what the engine released meanwhile. */
void lc_wsgi_drop_dead(struct lc_py_worker *p);
/* Takes the engine for a touch of exchange x.  -1 with an exception: the request this object belonged to is over. */
int lc_wsgi_enter(struct lc_wsgi *w, const struct lc_exchange *x);
void lc_wsgi_leave(struct lc_wsgi *w);
/* Sleeps until the exchange is readable (or writable).  -1 with an exception from a signal handler. */
int lc_wsgi_wait(struct lc_wsgi *w, bool for_write);
/* After a write: waits when the engine asks for it.  -1 with an exception, 0, or 1: the client is gone. */
int lc_wsgi_after_write(struct lc_wsgi *w, enum lc_rc rc);

/* environ.c */
int lc_wsgi_templates(struct lc_wsgi *w, PyObject *config);
/* New reference; NULL with an exception, or without one when the exchange was refused (and is gone). */
PyObject *lc_wsgi_environ(struct lc_wsgi *w, struct lc_exchange *x);
/* Puts the kit's objects into every template. */
int lc_wsgi_kit_install(struct lc_wsgi *w);
/* A latin-1 str. */
PyObject *lc_wsgi_text(struct lc_wsgi *w, const char *p, size_t n);

/* callable.c, start_response.c, input.c */
struct lc_wsgi_callable *lc_wsgi_callable_new(struct lc_wsgi *w, enum lc_wsgi_role role);
struct lc_wsgi_input *lc_wsgi_input_new(struct lc_wsgi *w);
/* For the next request: what a reader looked ahead is forgotten. */
void lc_wsgi_input_reset(struct lc_wsgi_input *in);
void lc_wsgi_input_detach(struct lc_wsgi_input *in);
void lc_wsgi_callable_detach(struct lc_wsgi_callable *c);
PyObject *lc_wsgi_start_response(struct lc_wsgi *w, PyObject *const *args, Py_ssize_t n,
                                 PyObject *kwnames);
PyObject *lc_wsgi_early_hints(struct lc_wsgi *w, PyObject *const *args, Py_ssize_t n);

/* iterate.c: hands the application's result to the exchange.  0: complete; 1: the client is gone; -1 with an exception. */
int lc_wsgi_deliver(struct lc_wsgi *w, PyObject *result);

/* hooks.c */
/* Whether requests pass hooks: read from config before the boot, filled in after it.  -1 with an exception. */
int lc_wsgi_hooks_read(struct lc_py_worker *p);
int lc_wsgi_hooks_init(struct lc_py_worker *p);
void lc_wsgi_hooks_fini(struct lc_py_worker *p);
/* pre_request.  -1 with an exception. */
int lc_wsgi_hooks_before(struct lc_wsgi *w);
/* What pre_request changed goes into the environ.  -1 with an exception. */
int lc_wsgi_hooks_environ(struct lc_wsgi *w, PyObject *env);
/* post_request; env NULL: none could be made.  An exception that is set stays set. */
void lc_wsgi_hooks_after(struct lc_wsgi *w, PyObject *env);
/* Once the exchange has ended. */
void lc_wsgi_hooks_done(struct lc_wsgi *w);

/* view.c */
/* A view of the running exchange, of this type (licorne.reqres). */
struct lc_wsgi_view *lc_wsgi_view_new(struct lc_wsgi *w, PyObject *type);
/* Cuts it off: what was not looked at by now raises RuntimeError. */
void lc_wsgi_view_detach(struct lc_wsgi_view *v);
/* Nobody else has it, or will notice that it serves again. */
bool lc_wsgi_view_is_free(const struct lc_wsgi_view *v);
/* A request's attributes may no longer be what was received. */
bool lc_wsgi_view_may_differ(const struct lc_wsgi_view *v);
/* Forgets what was looked at. */
void lc_wsgi_view_reset(struct lc_wsgi_view *v);

/* call.c */
/* The same as lc_wsgi_call, with pre_request and post_request around it. */
void lc_wsgi_call_hooked(void *ctx, struct lc_exchange *x);
/* Ends the running exchange with the server's own page. */
void lc_wsgi_refuse(struct lc_wsgi *w, int status, const char *mesg);
void lc_wsgi_call(void *ctx, struct lc_exchange *x);

#endif
