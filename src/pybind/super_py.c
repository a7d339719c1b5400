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
    PyObject *callbacks; /* borrowed from run_master's arguments */
    PyObject *arbiter;   /* owned: what calls people's hooks */
    PyObject *config;    /* owned: what workers are forked with */
    PyObject *good;      /* owned: what was before, while that is on trial; NULL: it is not */
    PyThreadState *left;
    uint32_t graceful_ms;
    int nworkers; /* as the callbacks know it */
    struct lc_timer backlog_timer;
};

#define BACKLOG_MS 1000 /* how often it is looked at, with enable_backlog_metric */

static void call(struct master_py *m, PyObject *name);

/* Before every wait: how many workers there are is told when it has changed. */
static void count_workers(struct master_py *m)
{
    const struct lc_master *master = m->st->master;
    PyObject *done;
    int n = 0;

    for (int i = 0; i < master->nslots; i++)
        n += master->slots[i].pid > 0;
    if (n == m->nworkers || master->state != LC_MASTER_RUNNING)
        return;
    m->nworkers = n;
    if ((done = PyObject_CallMethod(m->callbacks, "workers_counted", "i", n)) == NULL)
        PyErr_WriteUnraisable(m->callbacks);
    Py_XDECREF(done);
}

static void on_backlog(struct lc_timer *t, uint64_t now_ms)
{
    struct master_py *m = LC_CONTAINER_OF(t, struct master_py, backlog_timer);

    call(m, m->st->n.look_at_backlog);
    lc_timer_set(&m->st->master->loop.timers, t, now_ms + BACKLOG_MS);
}

static void guest_leave(void *ctx)
{
    struct master_py *m = ctx;

    count_workers(m);
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

    PyObject *wants = PyDict_GetItemString(m->config, "enable_backlog_metric"); /* borrowed */

    call(m, m->st->n.master_started);
    lc_timer_init(&m->backlog_timer, on_backlog);
    if (wants == Py_True)
        lc_timer_set(&m->st->master->loop.timers, &m->backlog_timer, m->st->master->loop.now_ms);
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

/* --- hooks ---------------------------------------------------------------------------------------------------- */

/* Takes what the arbiter answered; NULL is an exception of its own, which no hook of the user's can be. */
static int heard(struct master_py *m, PyObject *answer)
{
    long status = answer ? PyLong_AsLong(answer) : 1;

    Py_XDECREF(answer);
    if (PyErr_Occurred()) {
        PyErr_WriteUnraisable(m->arbiter);
        status = 1;
    }
    return (int)status;
}

static int on_ready(void *ctx)
{
    struct master_py *m = ctx;

    return heard(m, PyObject_CallMethod(m->arbiter, "_ready", NULL));
}

static int on_fork(void *ctx, int slot, uint32_t age)
{
    struct master_py *m = ctx;

    return heard(m, PyObject_CallMethod(m->arbiter, "_about_to_fork", "iI", slot, age));
}

static int on_forked(void *ctx, pid_t pid)
{
    struct master_py *m = ctx;

    return heard(m, PyObject_CallMethod(m->arbiter, "_forked", "l", (long)pid));
}

static int on_reaped(void *ctx, const struct lc_reaped *r)
{
    struct master_py *m = ctx;

    return heard(m, PyObject_CallMethod(m->arbiter, "_reaped", "lOO", (long)r->pid,
                                        r->was_stuck ? Py_True : Py_False,
                                        r->halts ? Py_True : Py_False));
}

static int on_resized(void *ctx, int want, int was)
{
    struct master_py *m = ctx;

    return heard(m, PyObject_CallMethod(m->arbiter, "_resized", "ii", want, was));
}

/* "notify": (path, milliseconds between signs of life), or not there.  The path is the
 * config's. */
static int get_notify(PyObject *config, struct lc_master_conf *conf)
{
    PyObject *pair = PyDict_GetItemString(config, "notify");

    return pair == NULL || PyArg_ParseTuple(pair, "sI", &conf->notify_path, &conf->watchdog_ms)
               ? 0
               : -1;
}

/* What not every version of the settings has. */
static long optional_number(PyObject *config, const char *name)
{
    PyObject *v = PyDict_GetItemString(config, name); /* borrowed */
    long n = v && v != Py_None ? PyLong_AsLong(v) : 0;

    PyErr_Clear();
    return n;
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
    int64_t workers, threads, graceful_s, timeout_s, boot_s, is_main_called;

    if (lc_py_config_number(config, "workers", &workers) < 0 ||
        lc_py_config_number(config, "threads", &threads) < 0 ||
        lc_py_config_number(config, "graceful_timeout", &graceful_s) < 0 ||
        lc_py_config_number(config, "timeout", &timeout_s) < 0 ||
        lc_py_config_number(config, "boot_timeout", &boot_s) < 0 ||
        lc_py_config_number(config, "main_called", &is_main_called) < 0)
        return -1;
    *conf = (struct lc_master_conf){
        .workers = (int)workers,
        .threads = (uint32_t)threads,
        .graceful_ms = (uint32_t)graceful_s * 1000,
        .timeout_ms = (uint32_t)timeout_s * 1000,
        .boot_ms = (uint32_t)boot_s * 1000,
        .is_call_bounded = is_main_called != 0,
        .is_daemon = optional_number(config, "daemon") > 0,
        .dump_signal = lc_sig_spare(),
        .parent = (pid_t)optional_number(config, "parent_pid"),
    };
    return get_notify(config, conf) < 0 ? -1 : get_control(config, conf);
}

/* --- HUP, USR2 ------------------------------------------------------------------------------------------------ */

/* Takes result; what was raised is told. */
static void finish(struct master_py *m, PyObject *result)
{
    if (result == NULL)
        PyErr_WriteUnraisable(m->callbacks);
    Py_XDECREF(result);
}

static void call_reload_ended(struct master_py *m, const char *how)
{
    finish(m, PyObject_CallMethod(m->callbacks, "reload_ended", "s", how));
}

static bool reload(void *ctx, struct lc_master_conf *conf)
{
    struct master_py *m = ctx;
    PyObject *config = PyObject_CallMethod(m->callbacks, "reload", NULL);

    if (config == NULL || config == Py_None) {
        finish(m, config);
        return false;
    }
    if (!PyDict_Check(config) || get_conf(config, conf) < 0) {
        PyErr_WriteUnraisable(config);
        Py_DECREF(config);
        call_reload_ended(m, "failed");
        return false;
    }
    if (m->good)
        Py_DECREF(m->config);
    else
        m->good = m->config;
    m->config = config;
    m->graceful_ms = conf->graceful_ms;
    return true;
}

static void go_back(struct master_py *m)
{
    struct lc_master_conf conf;

    Py_DECREF(m->config);
    m->config = m->good;
    m->good = NULL;
    if (get_conf(m->config, &conf) == 0)
        m->graceful_ms = conf.graceful_ms;
}

static void reload_ended(void *ctx, enum lc_reload_end end)
{
    static const char *const names[] = {[LC_RELOAD_PROVEN] = "proven",
                                        [LC_RELOAD_FAILED] = "failed",
                                        [LC_RELOAD_SETTLED] = "settled"};
    struct master_py *m = ctx;

    if (end == LC_RELOAD_PROVEN)
        Py_CLEAR(m->good);
    else if (end == LC_RELOAD_FAILED)
        go_back(m);
    call_reload_ended(m, names[end]);
}

static pid_t upgrade(void *ctx)
{
    struct master_py *m = ctx;
    PyObject *pid = PyObject_CallMethod(m->callbacks, "upgrade", NULL);
    long n = pid ? PyLong_AsLong(pid) : -1;

    if (PyErr_Occurred())
        PyErr_WriteUnraisable(m->callbacks);
    Py_XDECREF(pid);
    return (pid_t)n;
}

static void upgrade_ended(void *ctx)
{
    struct master_py *m = ctx;

    finish(m, PyObject_CallMethod(m->callbacks, "upgrade_ended", NULL));
}

static void promoted(void *ctx)
{
    struct master_py *m = ctx;

    finish(m, PyObject_CallMethod(m->callbacks, "promoted", NULL));
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
        .reload = reload,
        .reload_ended = reload_ended,
        .upgrade = upgrade,
        .upgrade_ended = upgrade_ended,
        .promoted = promoted,
        .say = say,
        .hooks = {.ready = on_ready,
                  .about_to_fork = on_fork,
                  .forked = on_forked,
                  .reaped = on_reaped,
                  .resized = on_resized},
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
    if ((py.arbiter = PyObject_GetAttrString(py.callbacks, "arbiter")) == NULL)
        return NULL;
    if ((py.st->master = PyMem_Malloc(sizeof *py.st->master)) == NULL) {
        Py_DECREF(py.arbiter);
        return PyErr_NoMemory();
    }
    Py_INCREF(py.config);
    status = lc_master_run(py.st->master, &conf, &host);
    Py_DECREF(py.config);
    Py_XDECREF(py.good);
    PyMem_Free(py.st->master);
    Py_DECREF(py.arbiter);
    py.st->master = NULL;
    return PyLong_FromLong(status);
}
