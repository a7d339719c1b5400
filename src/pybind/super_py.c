/* pybind/super_py.c - the C master's face to Python: fork as CPython wants it, and the callbacks.
 * Runs in: master; run_worker and what follows in the forked child. */
#include "pybind/compat.h"
#include "pybind/state.h"

#include "os/clock.h"
#include "os/thread.h"

#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define LEAVE_MS_MIN 1000 /* for atexit functions, however short graceful_timeout is */

struct master_py {
    struct lc_py_state *st;
    PyObject *config, *callbacks; /* borrowed from run_master's arguments */
    PyThreadState *left;
    uint32_t graceful_ms;
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

struct last_call {
    struct lc_thread thread;
    int status;
    uint32_t ms;
};

static void leave_anyway(void *arg)
{
    struct last_call *last = arg;
    uint64_t due = lc_clock_mono_ms() + last->ms, now;

    while ((now = lc_clock_mono_ms()) < due)
        poll(NULL, 0, (int)(due - now));
    dprintf(STDERR_FILENO,
            "licorne: process %ld ends although its threads or exit functions still run, after "
            "graceful_timeout (%.0f s)\n",
            (long)getpid(), last->ms / 1000.0);
    _exit(last->status);
}

/* A worker leaves by threading's and atexit's shutdown, a flush and _exit; it never finalises the interpreter.  Threads
 * that never end, and exit functions that hang, must not keep it alive: a thread of ours sees to it, which needs no GIL
 * and no signal of the application's. */
void lc_py_leave(int status, uint32_t patience_ms)
{
    struct last_call last = {.status = status, .ms = LC_MAX(patience_ms, LEAVE_MS_MIN)};
    static const char last_words[] = "import sys, atexit, threading\n"
                                     "try: threading._shutdown()\n"
                                     "except BaseException: pass\n"
                                     "atexit._run_exitfuncs()\n"
                                     "for stream in (sys.stdout, sys.stderr):\n"
                                     "    try: stream.flush()\n"
                                     "    except Exception: pass\n";

    if (lc_thread_start(&last.thread, leave_anyway, &last) != LC_OK)
        leave_anyway(&(struct last_call){.status = status});
    if (PyRun_SimpleString(last_words) < 0)
        PyErr_Clear();
    fflush(NULL);
    _exit(status);
}

static void leave_process(void *ctx, int status)
{
    struct master_py *m = ctx;

    lc_py_leave(status, m->graceful_ms);
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
    /* What a worker wrote is in it, whole or cut. */
    PyObject *text = PyUnicode_DecodeUTF8(line, (Py_ssize_t)strlen(line), "replace"), *done = NULL;

    if (text)
        done = PyObject_CallMethod(m->callbacks, "log", "iO", level, text);
    Py_XDECREF(text);

    if (done == NULL)
        PyErr_WriteUnraisable(m->callbacks);
    Py_XDECREF(done);
}

/* The callback's str, as bytes of the answer. */
static bool show(void *ctx, const char *what, struct lc_json *out)
{
    struct master_py *m = ctx;
    PyObject *done = PyObject_CallMethod(m->callbacks, "control_show", "s", what);
    Py_ssize_t n;
    const char *text = done ? PyUnicode_AsUTF8AndSize(done, &n) : NULL;

    if (text)
        lc_json_raw(out, lc_str_of(text, (size_t)n));
    else
        PyErr_WriteUnraisable(m->callbacks);
    Py_XDECREF(done);
    return text != NULL;
}

static bool inherit_control(void *ctx)
{
    struct master_py *m = ctx;
    PyObject *done = PyObject_CallMethod(m->callbacks, "control_inherit", NULL);
    int is_done = done ? PyObject_IsTrue(done) : -1;

    if (is_done < 0)
        PyErr_WriteUnraisable(m->callbacks);
    Py_XDECREF(done);
    return is_done != 0; /* one that fails is not asked again */
}

/* ("control": None or (descriptor, whether others than its owner may connect, pid of the master before or 0)) */
static int get_control(PyObject *config, struct lc_master_conf *conf)
{
    PyObject *v = PyDict_GetItemString(config, "control"); /* borrowed */
    int fd, is_shared, heir_of;

    if (v == NULL || v == Py_None)
        return 0;
    if (!PyArg_ParseTuple(v, "ipi", &fd, &is_shared, &heir_of))
        return -1;
    conf->has_control = true;
    conf->control_fd = fd;
    conf->is_control_shared = is_shared != 0;
    conf->control_heir_of = heir_of;
    return 0;
}

static int get_conf(PyObject *config, struct lc_master_conf *conf)
{
    int64_t workers, threads, graceful_s, timeout_s, is_main_called;

    if (lc_py_config_number(config, "workers", &workers) < 0 ||
        lc_py_config_number(config, "threads", &threads) < 0 ||
        lc_py_config_number(config, "graceful_timeout", &graceful_s) < 0 ||
        lc_py_config_number(config, "timeout", &timeout_s) < 0 ||
        lc_py_config_number(config, "main_called", &is_main_called) < 0)
        return -1;
    *conf = (struct lc_master_conf){
        .workers = (int)workers,
        .threads = (uint32_t)threads,
        .graceful_ms = (uint32_t)graceful_s * 1000,
        .timeout_ms = (uint32_t)timeout_s * 1000,
        .is_call_bounded = is_main_called != 0,
        .dump_signal = lc_sig_spare(),
    };
    return get_control(config, conf);
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
        .show = show,
        .inherit_control = inherit_control,
    };
    struct lc_master_conf conf;
    int status;

    if (!PyArg_ParseTuple(args, "O!O", &PyDict_Type, &py.config, &py.callbacks))
        return NULL;
    if (get_conf(py.config, &conf) < 0)
        return NULL;
    py.graceful_ms = conf.graceful_ms;
    if ((py.st->master = PyMem_Malloc(sizeof *py.st->master)) == NULL)
        return PyErr_NoMemory();
    status = lc_master_run(py.st->master, &conf, &host);
    PyMem_Free(py.st->master);
    py.st->master = NULL;
    return PyLong_FromLong(status);
}
