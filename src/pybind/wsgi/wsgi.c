/* pybind/wsgi/wsgi.c - the worker's WSGI state, its host face, and waiting inside a call.
 * Runs in: worker; host_leave, host_enter and the calls in the main thread, host_release also in the keeper. */
#include "pybind/wsgi/wsgi.h"

#include <stdlib.h>

/* --- the engine's host ---------------------------------------------------------------------------------------- */

static void host_leave(void *ctx)
{
    struct lc_wsgi *w = ctx;

    w->is_entered = false;
    w->left = PyEval_SaveThread();
}

static void drop_dead(struct lc_wsgi *w)
{
    while (w->ndead > 0) {
        PyObject *obj = w->dead[--w->ndead];

        Py_DECREF(obj);
    }
}

static void host_enter(void *ctx)
{
    struct lc_wsgi *w = ctx;

    PyEval_RestoreThread(w->left);
    w->is_entered = true;
    if (LC_UNLIKELY(w->ndead > 0))
        drop_dead(w);
}

/* Without the GIL nothing may be freed: it waits for the next enter.  Hand-overs of the engine order the accesses. */
static void host_release(void *ctx, void *obj)
{
    struct lc_wsgi *w = ctx;

    if (LC_LIKELY(w->is_entered)) {
        Py_DECREF((PyObject *)obj);
        return;
    }
    if (w->ndead == w->dead_cap) {
        size_t cap = w->dead_cap ? w->dead_cap * 2 : 64;
        PyObject **more = realloc(w->dead, cap * sizeof *more);

        if (more == NULL)
            return; /* leaked: the only thing that can be done without memory and without the GIL */
        w->dead = more;
        w->dead_cap = cap;
    }
    w->dead[w->ndead++] = obj;
}

static void host_wakeup(void *ctx)
{
    struct lc_wsgi *w = ctx;

    if (LC_LIKELY(!atomic_load_explicit(&w->worker.has_signal, memory_order_acquire)))
        return;
    atomic_store(&w->worker.has_signal, false);
    if (PyErr_CheckSignals() == 0)
        return;
    if (PyErr_ExceptionMatches(PyExc_SystemExit) || PyErr_ExceptionMatches(PyExc_KeyboardInterrupt))
        lc_worker_stop(&w->worker, false);
    else
        PyErr_WriteUnraisable(NULL);
    PyErr_Clear();
}

/* --- touches from inside a call ------------------------------------------------------------------------------- */

int lc_wsgi_enter(struct lc_wsgi *w, const struct lc_exchange *x)
{
    enum lc_rc rc;

    if (LC_UNLIKELY(x == NULL || x != w->x)) {
        PyErr_SetString(PyExc_RuntimeError, "the request that this object belonged to is over");
        return -1;
    }
    while (LC_UNLIKELY((rc = lc_owner_enter(&w->worker.owner)) != LC_OK)) {
        if (rc == LC_CLOSED) {
            PyErr_SetString(PyExc_RuntimeError,
                            "a forked child cannot use its parent's connection");
            return -1;
        }
        Py_BEGIN_ALLOW_THREADS lc_owner_await(&w->worker.owner);
        Py_END_ALLOW_THREADS if (x != w->x)
        {
            PyErr_SetString(PyExc_RuntimeError, "the request that this object belonged to is over");
            return -1;
        }
    }
    return 0;
}

void lc_wsgi_leave(struct lc_wsgi *w)
{
    lc_owner_leave(&w->worker.owner);
}

static bool is_readable(void *arg)
{
    struct lc_wsgi *w = arg;

    return w->x->ops->is_readable(w->x) ||
           atomic_load_explicit(&w->worker.has_signal, memory_order_acquire);
}

static bool is_writable(void *arg)
{
    struct lc_wsgi *w = arg;

    return w->x->ops->is_writable(w->x) ||
           atomic_load_explicit(&w->worker.has_signal, memory_order_acquire);
}

int lc_wsgi_wait(struct lc_wsgi *w, bool for_write)
{
    enum lc_rc rc;

    if (PyThread_get_thread_ident() != w->thread) {
        PyErr_SetString(
            PyExc_RuntimeError,
            "only the thread that the application was called in may wait for its client");
        return -1;
    }
    host_leave(w);
    rc = lc_worker_wait(&w->worker, for_write ? is_writable : is_readable, w);
    host_enter(w);
    if (rc != LC_OK) {
        PyErr_NoMemory();
        return -1;
    }
    if (atomic_exchange(&w->worker.has_signal, false))
        return PyErr_CheckSignals();
    return 0;
}

int lc_wsgi_after_write(struct lc_wsgi *w, enum lc_rc rc)
{
    while (rc == LC_AGAIN) {
        if (lc_wsgi_wait(w, true) < 0)
            return -1;
        rc = w->x->ops->is_writable(w->x) ? LC_OK : LC_AGAIN;
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

static int import_helpers(struct lc_wsgi *w)
{
    PyObject *module = PyImport_ImportModule("licorne.wsgi");
    PyObject *errors_type = NULL;

    if (module == NULL)
        return -1;
    w->file_wrapper = PyObject_GetAttrString(module, "FileWrapper");
    w->connection_type = PyObject_GetAttrString(module, "Connection");
    errors_type = PyObject_GetAttrString(module, "Errors");
    if (errors_type)
        w->errors = PyObject_CallNoArgs(errors_type);
    Py_XDECREF(errors_type);
    Py_DECREF(module);
    return w->file_wrapper && w->connection_type && w->errors ? 0 : -1;
}

static int make_kit(struct lc_wsgi *w)
{
    if ((w->input = lc_wsgi_input_new(w)) == NULL)
        return -1;
    for (int role = 0; role < LC_ROLES; role++) {
        if ((w->callables[role] = lc_wsgi_callable_new(w, (enum lc_wsgi_role)role)) == NULL)
            return -1;
    }
    w->connection = PyObject_CallFunctionObjArgs(w->connection_type, w->callables[LC_ROLE_LEND],
                                                 w->callables[LC_ROLE_EARLY], NULL);
    return w->connection ? 0 : -1;
}

int lc_wsgi_init(struct lc_wsgi *w)
{
    w->handler = (struct lc_handler){.ctx = w, .on_request = lc_wsgi_on_request};
    w->host = (struct lc_host){.ctx = w,
                               .leave = host_leave,
                               .enter = host_enter,
                               .release = host_release,
                               .wakeup = host_wakeup};
    w->is_entered = true;
    w->thread = PyThread_get_thread_ident();
    if ((w->keys = PyMem_Calloc(LC_KEY_CACHE, sizeof *w->keys)) == NULL) {
        PyErr_NoMemory();
        return -1;
    }
    if (import_helpers(w) < 0 || make_kit(w) < 0)
        return -1;
    return 0;
}

void lc_wsgi_fini(struct lc_wsgi *w)
{
    drop_dead(w);
    free(w->dead);
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
    Py_CLEAR(w->connection);
    Py_CLEAR(w->connection_type);
    Py_CLEAR(w->file_wrapper);
    Py_CLEAR(w->errors);
    Py_CLEAR(w->script_name);
    Py_CLEAR(w->last_ip);
    Py_CLEAR(w->app);
    Py_CLEAR(w->callbacks);
    for (int i = 0; w->keys && i < LC_KEY_CACHE; i++)
        Py_CLEAR(w->keys[i].key);
    PyMem_Free(w->keys);
}
