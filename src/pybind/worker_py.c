/* pybind/worker_py.c - a worker's life in Python: boot, serve, exit status; what its signal handlers may ask for.
 * Runs in: worker, main thread. */
#include "pybind/compat.h"
#include "pybind/wsgi/wsgi.h"

#include "os/fd.h"

#include <stdlib.h>
#include <unistd.h>

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

static int serve(struct lc_wsgi *w, int signal_fd)
{
    enum lc_rc rc = lc_worker_open(&w->worker, &w->conf, &w->host, &w->calls, signal_fd);

    if (rc != LC_OK) {
        PyErr_Format(PyExc_OSError, "the worker could not set up its engine: %s", lc_rc_name(rc));
        PyErr_Print();
        return LC_EXIT_BOOT;
    }
    atomic_store(&w->worker.has_signal, true); /* one may have come before anybody looked */
    lc_worker_run(&w->worker);
    w->is_leaving = true;
    lc_worker_close(&w->worker);
    return w->exit_status;
}

int lc_py_run_worker(struct lc_py_state *st, PyObject *config, PyObject *callbacks, int slot)
{
    struct lc_wsgi *w = calloc(1, sizeof *w);
    int fds[2] = {-1, -1}, status;

    if (w == NULL)
        return LC_EXIT_BOOT;
    w->st = st;
    st->wsgi = w;
    w->callbacks = Py_NewRef(callbacks);
    w->app = PyObject_CallMethod(callbacks, "worker_boot", "i", slot);
    if (w->app == NULL) {
        status = boot_failure(st);
    } else if (lc_py_config(config, &w->conf) < 0 || lc_wsgi_init(w) < 0 ||
               lc_wsgi_templates(w, config) < 0 || open_signal_pipe(fds) < 0) {
        PyErr_Print();
        status = LC_EXIT_BOOT;
    } else {
        w->conf.master = st->master ? st->master->pid : 0;
        status = serve(w, fds[0]);
    }
    w->is_leaving = true;
    call_exit(callbacks, st->n.worker_exit, slot);
    st->wsgi = NULL;
    lc_wsgi_fini(w);
    free(w);
    return status;
}

PyObject *lc_py_worker_stop(PyObject *module, PyObject *args)
{
    struct lc_py_state *st = PyModule_GetState(module);
    int is_graceful, status;

    if (!PyArg_ParseTuple(args, "pi", &is_graceful, &status))
        return NULL;
    if (st->wsgi == NULL || st->wsgi->is_leaving)
        Py_RETURN_FALSE;
    /* While it boots there is nothing to finish, and an exception could be swallowed by what is being imported. */
    if (st->wsgi->worker.magic != LC_MAGIC_WORKER)
        _exit(status);
    lc_worker_stop(&st->wsgi->worker, is_graceful);
    return PyBool_FromLong(st->wsgi->in_call);
}

PyObject *lc_py_forked(PyObject *module, PyObject *in_child)
{
    struct lc_py_state *st = PyModule_GetState(module);
    int is_child = PyObject_IsTrue(in_child);

    if (is_child < 0)
        return NULL;
    if (st->wsgi && is_child)
        st->wsgi->worker.owner.is_forked = true;
    else if (st->wsgi)
        st->wsgi->worker.h1.must_shut = true;
    Py_RETURN_NONE;
}
