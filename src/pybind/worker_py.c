/* pybind/worker_py.c - a worker's life in Python: boot, serve, exit status; what its signal handlers may ask for.
 * Runs in: worker, main thread. */
#include "pybind/compat.h"
#include "pybind/notes.h"
#include "pybind/wsgi/wsgi.h"

#include "os/fd.h"
#include "os/fork.h"

#include <fcntl.h>
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

int lc_py_plain_status(PyObject *exc)
{
    int status = lc_py_exit_status(exc);

    return status == LC_EXIT_BOOT || status == LC_EXIT_APP ? 1 : status;
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

/* The application may have set a descriptor of its own: it goes on getting what it asked for, by a copy that stays right
 * when it closes its own and the number is used again. */
int lc_py_keep_wakeups(struct lc_py_worker *p)
{
    PyObject *signal = PyImport_ImportModule("signal"), *old;
    int fd;

    if (signal == NULL)
        return -1;
    old = PyObject_CallMethod(signal, "set_wakeup_fd", "i", p->wakeup_fds[1]);
    Py_DECREF(signal);
    if (old == NULL)
        return -1;
    fd = (int)PyLong_AsLong(old);
    Py_DECREF(old);
    if (fd != p->wakeup_fds[1])
        lc_worker_chain_signals(&p->worker, fd >= 0 ? fcntl(fd, F_DUPFD_CLOEXEC, 0) : -1);
    return 0;
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
static bool open_worker(struct lc_py_worker *p)
{
    enum lc_rc rc = lc_worker_open(&p->worker, &p->conf, &p->release, &p->calls, p->wakeup_fds[0]);

    if (rc == LC_OK)
        return true;
    PyErr_Format(PyExc_OSError, "the worker could not set up its engine: %s", lc_rc_name(rc));
    PyErr_Print();
    return false;
}

static bool open_logs(struct lc_py_worker *p)
{
    if (lc_py_notes_open(p) == 0)
        return true;
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

/* What the engine needs, without the application. */
static bool prepare(struct lc_py_worker *p)
{
    if (lc_py_config(p->config, &p->conf) < 0 || lc_wsgi_hooks_read(p) < 0)
        return false;
    lc_py_worker_face(p);
    if (p->st->master) {
        p->conf.master = p->st->master->pid;
        p->conf.board = &p->st->master->board;
        p->conf.slot = (uint32_t)p->slot;
        p->conf.place = p->st->master->slots[p->slot].place;
        p->conf.parcels = p->st->master->parcels;
        p->conf.bell = &p->st->master->bell[1];
    }
    p->conf.is_early = p->conf.health_path != NULL;
    if (p->conf.is_early && lc_py_notes_choose(p) < 0)
        return false;
    if (lc_fork_watch(&p->worker.owner.is_forked, &p->worker.h1.must_shut) != LC_OK) {
        PyErr_NoMemory();
        return false;
    }
    if (lc_fd_pipe(p->wakeup_fds) == LC_OK)
        return true;
    PyErr_SetString(PyExc_OSError, "no descriptors left for the signal pipe");
    return false;
}

/* What calls need, now that the application is there. */
static bool set_up_calls(struct lc_py_worker *p)
{
    return lc_py_worker_init(p) == 0 && (p->main = lc_wsgi_new(p)) != NULL;
}

/* The clients that came while it booted learn at once that it did not. */
static void give_up(struct lc_py_worker *p)
{
    lc_worker_stop(&p->worker, false);
    if (!lc_worker_close(&p->worker, 0)) {
        /* cannot be: no thread serves yet */
    }
}

/* What this process says of itself in the board; NULL: there is no master, and no board. */
static struct lc_board_slot *board_slot(const struct lc_py_state *st)
{
    return st->master ? lc_board_slot(&st->master->board, (uint32_t)st->worker->slot) : NULL;
}

static void set_step(const struct lc_py_state *st, unsigned step)
{
    struct lc_board_slot *b = board_slot(st);

    if (b)
        atomic_store(&b->step, step);
}

PyObject *lc_py_boot_step(PyObject *module, PyObject *number)
{
    struct lc_py_state *st = PyModule_GetState(module);
    long step = PyLong_AsLong(number);

    if (step == -1 && PyErr_Occurred())
        return NULL;
    if (st->worker && step >= 0 && step < LC_BOOT_STEPS)
        set_step(st, (unsigned)step);
    Py_RETURN_NONE;
}

/* Returns the application, or NULL with an exception. */
static PyObject *boot_guest(struct lc_py_worker *p)
{
    struct lc_master *m = p->st->master;
    int report_fd = m ? m->slots[p->slot].report_fd : -1;

    return PyObject_CallMethod(p->callbacks, "worker_boot", "iii", p->slot, report_fd,
                               m ? m->conf.dump_signal : 0);
}

/* From here on the master takes its end for something else than a failed boot. */
static void tell_ready(struct lc_py_worker *p)
{
    struct lc_board_slot *b = board_slot(p->st);
    PyObject *done = PyObject_CallMethod(p->callbacks, "worker_ready", NULL);

    if (done == NULL)
        PyErr_WriteUnraisable(p->callbacks);
    Py_XDECREF(done);
    if (b)
        atomic_store(&b->life, LC_LIFE_SERVING);
    lc_account_ring(&p->worker);
}

/* What is left (exit functions, threads) has a limit of its own, in lc_py_leave: the master need not watch it. */
static void tell_leaving(struct lc_py_worker *p)
{
    struct lc_board_slot *b = board_slot(p->st);

    if (b == NULL)
        return;
    lc_count_set(&b->call_since_ms, 0);
    lc_count_set(&b->beat_ms, 0);
}

/* False: *status is what the process ends with. */
static bool boot(struct lc_py_worker *p, int *status)
{
    p->app = boot_guest(p);
    if (p->app == NULL)
        *status = boot_failure(p->st);
    if (p->worker.owner.is_forked) /* by the import, whose child came back here */
        lc_py_leave(p->app ? 0 : *status, p->conf.graceful_ms);
    if (p->app == NULL)
        return false;
    set_step(p->st, LC_BOOT_ENGINE);
    if (lc_py_notes_choose(p) == 0 && set_up_calls(p) && (p->conf.is_early || open_worker(p)) &&
        open_logs(p) && lc_py_keep_wakeups(p) == 0)
        return true;
    if (PyErr_Occurred())
        PyErr_Print();
    return false;
}

/* Boots and serves; *is_closed as serve() has it.  -> the exit status */
static int live(struct lc_py_worker *p, bool *is_closed)
{
    int status = LC_EXIT_BOOT;

    if (!prepare(p)) {
        PyErr_Print();
        return status;
    }
    if (p->conf.is_early && (!open_worker(p) || !open_logs(p)))
        return status;
    if (boot(p, &status)) {
        p->is_booted = true;
        lc_worker_ready(&p->worker);
        tell_ready(p);
        *is_closed = serve(p);
        tell_leaving(p);
        return p->exit_status;
    }
    if (p->worker.has_watcher)
        give_up(p);
    return status;
}

int lc_py_run_worker(struct lc_py_state *st, PyObject *config, PyObject *callbacks, int slot)
{
    struct lc_py_worker *p = calloc(1, sizeof *p);
    int status;
    bool is_closed = true;

    if (p == NULL)
        return LC_EXIT_BOOT;
    p->st = st;
    p->config = config;
    st->worker = p;
    p->callbacks = Py_NewRef(callbacks);
    p->slot = slot;
    status = live(p, &is_closed);
    p->is_leaving = true;
    if (is_closed)
        lc_py_notes_tell_last(p);
    else
        lc_py_notes_tell(p);
    call_exit(callbacks, st->n.worker_exit, slot);
    if (!is_closed) /* threads are still inside calls; the process is about to end under them */
        return status;
    st->worker = NULL;
    if (p->main)
        lc_wsgi_free(p->main);
    lc_py_notes_free(p);
    lc_py_worker_fini(p);
    lc_fork_unwatch();
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
    if (!p->is_booted)
        _exit(status);
    if (!is_graceful && p->main->in_call)
        p->exit_status = status;
    lc_worker_stop(&p->worker, is_graceful);
    return PyBool_FromLong(p->main->in_call);
}
