/* pybind/super_py.c - the C master's face to Python: fork as CPython wants it, and the callbacks.
 * Runs in: master; run_worker and what follows in the forked child. */
#include "pybind/compat.h"
#include "pybind/state.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define LEAVE_S 30 /* for atexit functions and threads that are not daemons */

struct master_py {
    struct lc_py_state *st;
    PyObject *config, *callbacks; /* borrowed from run_master's arguments */
    PyThreadState *left;
};

static void guest_leave(void *ctx)
{
    struct master_py *m = ctx;

    m->left = PyEval_SaveThread();
}

static void guest_enter(void *ctx)
{
    struct master_py *m = ctx;

    PyEval_RestoreThread(m->left);
}

static void call(struct master_py *m, PyObject *name)
{
    PyObject *done = PyObject_CallMethodNoArgs(m->callbacks, name);

    if (done == NULL)
        PyErr_WriteUnraisable(m->callbacks);
    Py_XDECREF(done);
}

static pid_t fork_guest(void *ctx LC_UNUSED)
{
    pid_t pid;

    PyOS_BeforeFork();
    pid = fork();
    if (pid == 0)
        PyOS_AfterFork_Child();
    else
        PyOS_AfterFork_Parent();
    return pid;
}

static int run_worker(void *ctx, int slot)
{
    struct master_py *m = ctx;

    return lc_py_run_worker(m->st, m->config, m->callbacks, slot);
}

/* A worker leaves by threading's and atexit's shutdown, a flush and _exit; it never finalises the interpreter. */
void lc_py_leave(int status)
{
    static const char last_words[] = "import sys, atexit, threading\n"
                                     "try: threading._shutdown()\n"
                                     "except BaseException: pass\n"
                                     "atexit._run_exitfuncs()\n"
                                     "for stream in (sys.stdout, sys.stderr):\n"
                                     "    try: stream.flush()\n"
                                     "    except Exception: pass\n";

    /* Threads that never end, and exit functions that hang, must not keep a worker alive. */
    if (signal(SIGALRM, SIG_DFL) != SIG_ERR)
        alarm(LEAVE_S);
    if (PyRun_SimpleString(last_words) < 0)
        PyErr_Clear();
    fflush(NULL);
    _exit(status);
}

static void leave_process(void *ctx LC_UNUSED, int status)
{
    lc_py_leave(status);
}

static void started(void *ctx)
{
    struct master_py *m = ctx;

    call(m, m->st->n.master_started);
}

static void reopen(void *ctx)
{
    struct master_py *m = ctx;

    call(m, m->st->n.reopen_logs);
}

static void say(void *ctx, int level, const char *line)
{
    struct master_py *m = ctx;
    PyObject *done = PyObject_CallMethod(m->callbacks, "log", "is", level, line);

    if (done == NULL)
        PyErr_WriteUnraisable(m->callbacks);
    Py_XDECREF(done);
}

PyObject *lc_py_run_master(PyObject *module, PyObject *args)
{
    struct master_py py = {.st = PyModule_GetState(module)};
    struct lc_super_host host = {
        .guest = {.ctx = &py, .leave = guest_leave, .enter = guest_enter},
        .ctx = &py,
        .fork = fork_guest,
        .run_worker = run_worker,
        .leave_process = leave_process,
        .started = started,
        .reopen = reopen,
        .say = say,
    };
    struct lc_master_conf conf;
    int64_t workers, threads, graceful_s;
    int status;

    if (!PyArg_ParseTuple(args, "O!O", &PyDict_Type, &py.config, &py.callbacks))
        return NULL;
    if (lc_py_config_number(py.config, "workers", &workers) < 0 ||
        lc_py_config_number(py.config, "threads", &threads) < 0 ||
        lc_py_config_number(py.config, "graceful_timeout", &graceful_s) < 0)
        return NULL;
    conf = (struct lc_master_conf){.workers = (int)workers,
                                   .threads = (uint32_t)threads,
                                   .graceful_ms = (uint32_t)graceful_s * 1000};
    if ((py.st->master = PyMem_Malloc(sizeof *py.st->master)) == NULL)
        return PyErr_NoMemory();
    status = lc_master_run(py.st->master, &conf, &host);
    PyMem_Free(py.st->master);
    py.st->master = NULL;
    return PyLong_FromLong(status);
}
