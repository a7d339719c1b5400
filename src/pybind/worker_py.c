/* pybind/worker_py.c - a worker's life in Python: boot, serve, exit status; what its signal handlers may ask for.
 * Runs in: worker, main thread. */
#include "pybind/compat.h"
#include "pybind/wsgi/wsgi.h"

#include "os/fd.h"

#include <stdlib.h>
#include <unistd.h>

#define CLOSE_MS 200 /* for threads that are on their way out */

int lc_py_exit_status(PyObject *exc)
{
    PyObject *code;
    int status = 1;

    if (!PyErr_GivenExceptionMatches(exc, PyExc_SystemExit)) {
        lc_py_give_exception(Py_NewRef(exc));
        PyErr_Print();
        return 1;
    }
    code = PyObject_GetAttrString(exc, "code");
    if (code && PyLong_Check(code))
        status = (int)PyLong_AsLong(code) & 0xff;
    else if (code == Py_None)
        status = 0;
    Py_XDECREF(code);
    PyErr_Clear();
    return status;
}

/* Everything but SystemExit was logged where it was raised. */
static int boot_failure(struct lc_py_state *st)
{
    PyObject *exc = lc_py_take_exception();
    int status = LC_EXIT_BOOT;

    if (exc && PyErr_GivenExceptionMatches(exc, st->app_import_error))
        status = LC_EXIT_APP;
    else if (exc && PyErr_GivenExceptionMatches(exc, PyExc_SystemExit))
        status = lc_py_exit_status(exc);
    Py_XDECREF(exc);
    return status;
}

/* Python writes a byte here for each signal it catches; the engine polls the other end. */
static int open_signal_pipe(int fds[2])
{
    PyObject *signal, *old;

    if (lc_fd_pipe(fds) != LC_OK) {
        PyErr_SetString(PyExc_OSError, "no descriptors left for the signal pipe");
        return -1;
    }
    if ((signal = PyImport_ImportModule("signal")) == NULL)
        return -1;
    old = PyObject_CallMethod(signal, "set_wakeup_fd", "i", fds[1]);
    Py_DECREF(signal);
    Py_XDECREF(old);
    return old ? 0 : -1;
}

static void call_exit(PyObject *callbacks, PyObject *name, int slot)
{
    PyObject *done = PyObject_CallMethod(callbacks, PyUnicode_AsUTF8(name), "i", slot);

    if (done == NULL)
        PyErr_WriteUnraisable(callbacks);
    Py_XDECREF(done);
}

/* The application's threads are Python's own, so that thread-locals and what watches threads find them. */
static void start_threads(struct lc_py_worker *p, struct lc_server *attendant)
{
    while (lc_worker_attend(&p->worker, attendant)) {
        PyObject *done;

        attendant->guest.enter(attendant->ctx);
        done = PyObject_CallMethodNoArgs(p->callbacks, p->st->n.start_thread);
        if (done == NULL) {
            PyErr_WriteUnraisable(p->callbacks);
            lc_worker_no_thread(&p->worker);
        }
        Py_XDECREF(done);
    }
}

/* False: the engine could not be set up. */
static bool open_worker(struct lc_py_worker *p, int signal_fd)
{
    enum lc_rc rc = lc_worker_open(&p->worker, &p->conf, &p->release, &p->calls, signal_fd);

    if (rc == LC_OK)
        return true;
    PyErr_Format(PyExc_OSError, "the worker could not set up its engine: %s", lc_rc_name(rc));
    PyErr_Print();
    return false;
}

/* Returns true when nothing of the worker is in use any more. */
static bool serve(struct lc_py_worker *p)
{
    struct lc_server *s = &p->main->server;
    bool is_closed;

    s->is_main = s->is_first = true;
    atomic_store(&p->worker.has_signal, true); /* one may have come before anybody looked */
    if (p->conf.is_main_called)
        lc_worker_serve(&p->worker, s);
    else
        start_threads(p, s);
    p->is_leaving = true;
    s->guest.leave(s->ctx);
    is_closed = lc_worker_close(&p->worker, CLOSE_MS);
    s->guest.enter(s->ctx);
    return is_closed;
}

PyObject *lc_py_serve_thread(PyObject *module, PyObject *none LC_UNUSED)
{
    struct lc_py_state *st = PyModule_GetState(module);
    struct lc_py_worker *p = st->worker;
    struct lc_wsgi *w;

    if (p == NULL)
        Py_RETURN_NONE;
    if ((w = lc_wsgi_new(p)) == NULL) {
        lc_worker_no_thread(&p->worker);
        return NULL;
    }
    w->server.is_first = p->nstarted++ == 0;
    lc_worker_serve(&p->worker, &w->server);
    w->server.guest.enter(w);
    lc_wsgi_free(w);
    Py_RETURN_NONE;
}

static bool boot(struct lc_py_worker *p, int fds[2])
{
    if (lc_py_config(p->config, &p->conf) < 0 || lc_py_worker_init(p) < 0)
        return false;
    if (p->st->master) {
        p->conf.master = p->st->master->pid;
        p->conf.board = &p->st->master->board;
        p->conf.slot = (uint32_t)p->slot;
    }
    return (p->main = lc_wsgi_new(p)) != NULL && open_signal_pipe(fds) == 0;
}

int lc_py_run_worker(struct lc_py_state *st, PyObject *config, PyObject *callbacks, int slot)
{
    struct lc_py_worker *p = calloc(1, sizeof *p);
    int fds[2] = {-1, -1}, status = LC_EXIT_BOOT;
    bool is_closed = true;

    if (p == NULL)
        return LC_EXIT_BOOT;
    p->st = st;
    p->config = config;
    st->worker = p;
    p->callbacks = Py_NewRef(callbacks);
    p->slot = slot;
    p->app = PyObject_CallMethod(callbacks, "worker_boot", "i", slot);
    if (p->app == NULL) {
        status = boot_failure(st);
    } else if (!boot(p, fds)) {
        PyErr_Print();
    } else if (open_worker(p, fds[0])) {
        is_closed = serve(p);
        status = p->exit_status;
    }
    p->is_leaving = true;
    call_exit(callbacks, st->n.worker_exit, slot);
    if (!is_closed) /* threads are still inside calls; the process is about to end under them */
        return status;
    st->worker = NULL;
    if (p->main)
        lc_wsgi_free(p->main);
    lc_py_worker_fini(p);
    free(p);
    return status;
}

PyObject *lc_py_worker_stop(PyObject *module, PyObject *args)
{
    struct lc_py_state *st = PyModule_GetState(module);
    struct lc_py_worker *p = st->worker;
    int is_graceful, status;

    if (!PyArg_ParseTuple(args, "pi", &is_graceful, &status))
        return NULL;
    if (p == NULL || p->is_leaving)
        Py_RETURN_FALSE;
    /* While it boots there is nothing to finish, and an exception could be swallowed by what is being imported. */
    if (p->worker.magic != LC_MAGIC_WORKER)
        _exit(status);
    lc_worker_stop(&p->worker, is_graceful);
    return PyBool_FromLong(p->main->in_call);
}

PyObject *lc_py_forked(PyObject *module, PyObject *in_child)
{
    struct lc_py_state *st = PyModule_GetState(module);
    int is_child = PyObject_IsTrue(in_child);

    if (is_child < 0)
        return NULL;
    if (st->worker && is_child)
        st->worker->worker.owner.is_forked = true;
    else if (st->worker)
        st->worker->worker.h1.must_shut =
            true; /* one way only: read under the lock at its next close */
    Py_RETURN_NONE;
}
