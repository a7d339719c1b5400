/* pybind/wsgi/wsgi.c - the worker's WSGI state, each thread's guest face, and waiting inside a call.
 * Runs in: worker; release() in every thread that holds the engine's lock. */
#include "pybind/wsgi/wsgi.h"

#include "pybind/compat.h"
#include "pybind/notes.h"

#include <stdlib.h>

/* --- the guest, as the engine sees it ------------------------------------------------------------------------- */

static void guest_leave(void *ctx)
{
    struct lc_wsgi *w = ctx;

    if (!w->is_entered)
        return;
    w->is_entered = false;
    w->left = PyEval_SaveThread();
}

/* Never under the engine's lock. */
static void guest_enter(void *ctx)
{
    struct lc_wsgi *w = ctx;

    if (LC_LIKELY(w->is_entered))
        return;
    PyEval_RestoreThread(w->left);
    w->is_entered = true;
}

void lc_wsgi_drop_dead(struct lc_py_worker *p)
{
    PyObject **dead;
    size_t n;

    if (lc_owner_enter(&p->worker.owner) != LC_OK)
        return;
    dead = p->dead;
    n = p->ndead;
    p->dead = NULL;
    p->ndead = p->dead_cap = 0;
    lc_owner_leave(&p->worker.owner);
    while (n > 0)
        Py_DECREF(dead[--n]);
    free(dead);
}

/* Under the lock no code of Python may run, and without the GIL nothing may be freed: all but plain bytes wait for a
 * thread that has the one and not the other. */
static void release(void *ctx, void *obj)
{
    struct lc_py_worker *p = ctx;

    if (LC_LIKELY(p->has_guest && PyBytes_CheckExact((PyObject *)obj))) {
        Py_DECREF((PyObject *)obj);
        return;
    }
    if (p->ndead == p->dead_cap) {
        size_t cap = p->dead_cap ? p->dead_cap * 2 : 64;
        PyObject **more = realloc(p->dead, cap * sizeof *more);

        if (more == NULL)
            return; /* leaked: the only thing that can be done without memory and without the GIL */
        p->dead = more;
        p->dead_cap = cap;
    }
    p->dead[p->ndead++] = obj;
    if (p->ndead == 1 && p->worker.main_seat) {
        atomic_store(&p->worker.has_signal, true);
        lc_owner_nudge(&p->worker.owner, p->worker.main_seat);
    }
}

/* The main thread's: signal handlers, and what is dead. */
static void guest_wakeup(void *ctx)
{
    struct lc_wsgi *w = ctx;
    struct lc_py_worker *p = w->p;

    atomic_store(&p->worker.has_signal, false);
    guest_enter(w);
    lc_wsgi_drop_dead(p);
    lc_py_notes_tell(p);
    if (atomic_exchange(&p->worker.wants_wakeups, false) && lc_py_keep_wakeups(p) < 0)
        PyErr_WriteUnraisable(NULL);
    if (PyErr_CheckSignals() == 0)
        return;
    if (PyErr_ExceptionMatches(PyExc_SystemExit) ||
        PyErr_ExceptionMatches(PyExc_KeyboardInterrupt)) {
        PyObject *exc = lc_py_take_exception();

        p->exit_status = lc_py_plain_status(exc);
        Py_XDECREF(exc);
        lc_worker_stop(&p->worker, false);
    } else {
        PyErr_WriteUnraisable(NULL);
    }
    PyErr_Clear();
}

/* --- touches from inside a call ------------------------------------------------------------------------------- */

int lc_wsgi_enter(struct lc_wsgi *w, const struct lc_exchange *x)
{
    if (LC_UNLIKELY(x == NULL || x != w->x)) {
        PyErr_SetString(PyExc_RuntimeError, "the request that this object belonged to is over");
        return -1;
    }
    if (LC_UNLIKELY(lc_owner_enter(&w->p->worker.owner) != LC_OK)) {
        PyErr_SetString(PyExc_RuntimeError, "a forked child cannot use its parent's connection");
        return -1;
    }
    w->p->has_guest = true;
    return 0;
}

void lc_wsgi_leave(struct lc_wsgi *w)
{
    w->p->has_guest = false;
    lc_owner_leave(&w->p->worker.owner);
}

/* What a call waits for. */
struct wait {
    struct lc_wsgi *w;
    struct lc_exchange *x;
    bool for_write, is_main;
};

static bool is_over(void *arg)
{
    struct wait *wait = arg;
    struct lc_exchange *x = wait->x;

    if (wait->w->x != x || (wait->is_main && atomic_load_explicit(&wait->w->p->worker.has_signal,
                                                                  memory_order_acquire)))
        return true;
    return wait->for_write ? x->ops->is_writable(x) : x->ops->is_readable(x);
}

/* A thread of the application's own waits on a seat of its own; so does none else. */
static enum lc_rc wait_foreign(struct lc_owner *o, struct wait *wait)
{
    struct lc_seat seat;
    enum lc_rc rc;

    lc_seat_init(&seat, o, NULL);
    rc = lc_owner_wait(o, &seat, is_over, wait);
    lc_seat_fini(&seat);
    return rc;
}

int lc_wsgi_wait(struct lc_wsgi *w, bool for_write)
{
    struct lc_owner *o = &w->p->worker.owner;
    bool is_own = PyThread_get_thread_ident() == w->thread;
    struct wait wait = {
        .w = w, .x = w->x, .for_write = for_write, .is_main = is_own && w == w->p->main};
    enum lc_rc rc;

    Py_BEGIN_ALLOW_THREADS if ((rc = lc_owner_enter(o)) == LC_OK)
    {
        lc_account_phase(&w->server, for_write ? LC_CALL_OUTPUT : LC_CALL_INPUT);
        rc = is_own ? lc_owner_wait(o, &w->server.seat, is_over, &wait) : wait_foreign(o, &wait);
        if (w->x == wait.x)
            lc_account_phase(&w->server, LC_CALL_APP);
        lc_owner_leave(o);
    }
    Py_END_ALLOW_THREADS if (w->x != wait.x || rc != LC_OK)
    {
        PyErr_SetString(PyExc_OSError, "the server is leaving, or the request is over");
        return -1;
    }
    if (!wait.is_main || !atomic_exchange(&w->p->worker.has_signal, false))
        return 0;
    lc_py_notes_tell(w->p);
    return PyErr_CheckSignals();
}

int lc_wsgi_after_write(struct lc_wsgi *w, enum lc_rc rc)
{
    while (rc == LC_AGAIN) {
        if (lc_wsgi_wait(w, true) < 0 || lc_wsgi_enter(w, w->x) < 0)
            return -1;
        rc = w->x->ops->is_writable(w->x) ? LC_OK : LC_AGAIN;
        lc_wsgi_leave(w);
    }
    if (rc == LC_OK)
        return 0;
    if (rc == LC_ENOMEM) {
        PyErr_NoMemory();
        return -1;
    }
    return 1;
}

/* --- life ----------------------------------------------------------------------------------------------------- */

static int import_helpers(struct lc_py_worker *p)
{
    PyObject *module = PyImport_ImportModule("licorne.wsgi");
    PyObject *errors_type = NULL;

    if (module == NULL)
        return -1;
    p->file_wrapper = PyObject_GetAttrString(module, "FileWrapper");
    p->connection_type = PyObject_GetAttrString(module, "Connection");
    errors_type = PyObject_GetAttrString(module, "Errors");
    if (errors_type)
        p->errors = PyObject_CallNoArgs(errors_type);
    Py_XDECREF(errors_type);
    Py_DECREF(module);
    return p->file_wrapper && p->connection_type && p->errors ? 0 : -1;
}

void lc_py_worker_face(struct lc_py_worker *p)
{
    p->calls =
        (struct lc_app){.ctx = p, .call = p->hooks.is_on ? lc_wsgi_call_hooked : lc_wsgi_call};
    p->release = (struct lc_host){.ctx = p, .release = release};
}

int lc_py_worker_init(struct lc_py_worker *p)
{
    const char *mount = getenv("SCRIPT_NAME");

    if ((p->script_name = PyUnicode_DecodeFSDefault(mount ? mount : "")) == NULL)
        return -1;
    return import_helpers(p) < 0 ? -1 : lc_wsgi_hooks_init(p);
}

void lc_py_worker_fini(struct lc_py_worker *p)
{
    while (p->ndead > 0)
        Py_DECREF(p->dead[--p->ndead]);
    free(p->dead);
    lc_wsgi_hooks_fini(p);
    Py_CLEAR(p->connection_type);
    Py_CLEAR(p->file_wrapper);
    Py_CLEAR(p->errors);
    Py_CLEAR(p->script_name);
    Py_CLEAR(p->app);
    Py_CLEAR(p->callbacks);
}

static int make_kit(struct lc_wsgi *w)
{
    if ((w->input = lc_wsgi_input_new(w)) == NULL)
        return -1;
    for (int role = 0; role < LC_ROLES; role++) {
        if ((w->callables[role] = lc_wsgi_callable_new(w, (enum lc_wsgi_role)role)) == NULL)
            return -1;
    }
    w->connection = PyObject_CallFunctionObjArgs(w->p->connection_type, w->callables[LC_ROLE_LEND],
                                                 w->callables[LC_ROLE_EARLY], NULL);
    return w->connection ? 0 : -1;
}

struct lc_wsgi *lc_wsgi_new(struct lc_py_worker *p)
{
    struct lc_wsgi *w = PyMem_Calloc(1, sizeof *w);

    if (w == NULL || (w->keys = PyMem_Calloc(LC_KEY_CACHE, sizeof *w->keys)) == NULL) {
        PyMem_Free(w);
        PyErr_NoMemory();
        return NULL;
    }
    w->p = p;
    w->st = p->st;
    w->is_entered = true;
    w->thread = PyThread_get_thread_ident();
    w->server.ctx = w;
    w->server.guest = (struct lc_host){
        .ctx = w, .leave = guest_leave, .enter = guest_enter, .wakeup = guest_wakeup};
    if (make_kit(w) < 0 || lc_wsgi_templates(w, p->config) < 0) {
        lc_wsgi_free(w);
        return NULL;
    }
    return w;
}

void lc_wsgi_free(struct lc_wsgi *w)
{
    for (uint32_t i = 0; i < LC_LISTENERS_MAX; i++) {
        Py_CLEAR(w->templates[i]);
        Py_CLEAR(w->roomy[i]);
    }
    for (int role = 0; role < LC_ROLES; role++) {
        if (w->callables[role])
            lc_wsgi_callable_detach(w->callables[role]);
        Py_CLEAR(w->callables[role]);
    }
    if (w->input)
        lc_wsgi_input_detach(w->input);
    Py_CLEAR(w->input);
    lc_wsgi_hooks_done(w);
    Py_CLEAR(w->req);
    Py_CLEAR(w->res);
    Py_CLEAR(w->connection);
    Py_CLEAR(w->last_ip);
    for (int i = 0; w->keys && i < LC_KEY_CACHE; i++)
        Py_CLEAR(w->keys[i].key);
    PyMem_Free(w->keys);
    PyMem_Free(w);
}
