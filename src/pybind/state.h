/* pybind/state.h - what the extension module keeps: types, interned names, and the process's one master and worker.
 *
 * One per module object (PEP 489); nothing of it is a C global. */
#ifndef LC_PYBIND_STATE_H
#define LC_PYBIND_STATE_H

#include <Python.h>

#include "engine/worker.h"
#include "http/token.h"
#include "super/master.h"

struct lc_py_worker;

struct lc_py_names {
#define X(id, text) PyObject *id;
#include "pybind/names.def"
#undef X
};

struct lc_py_state {
    PyTypeObject *input_type, *callable_type, *view_type, *found_type;
    PyObject *app_import_error; /* licorne.errors.AppImportError */
    struct lc_py_names n;
    PyObject *header_keys[LC_TOKEN_COUNT]; /* "HTTP_ACCEPT" ... */
    PyObject *methods[LC_METHOD_COUNT];    /* "GET" ... */
    struct lc_master *master;              /* while run_master runs in the master */
    struct lc_py_worker *worker;           /* in a worker */
};

int lc_py_state_init(struct lc_py_state *st, PyObject *module);
int lc_py_state_traverse(struct lc_py_state *st, visitproc visit, void *arg);
void lc_py_state_clear(struct lc_py_state *st);

/* super_py.c: _engine.run_master */
PyObject *lc_py_run_master(PyObject *module, PyObject *args);
/* Leaves the process by threading's and atexit's shutdown, a flush and _exit; by _exit alone when that takes too long. */
LC_NORETURN void lc_py_leave(int status, uint32_t patience_ms);
/* What a process that ends with this exception says; tells it unless it is SystemExit. */
int lc_py_exit_status(PyObject *exc);
/* The same for a worker that had booted: never one of those that tell the master of a failed boot. */
int lc_py_plain_status(PyObject *exc);
/* worker_py.c: a worker from fork to exit status; _engine.worker_stop; what a fork inside the application means */
int lc_py_run_worker(struct lc_py_state *st, PyObject *config, PyObject *callbacks, int slot);
PyObject *lc_py_worker_stop(PyObject *module, PyObject *args);
/* A thread of the application, until the worker ends or it retires. */
PyObject *lc_py_serve_thread(PyObject *module, PyObject *none);
PyObject *lc_py_boot_step(PyObject *module, PyObject *number);
/* hooks_py.c: what the objects of hooks are asked */
PyObject *lc_py_requests(PyObject *module, PyObject *none);
PyObject *lc_py_last_beat(PyObject *module, PyObject *index);
PyObject *lc_py_beat(PyObject *module, PyObject *none);
/* process_py.c: _engine._set_title, _watch_open, _watch_add, _watch_wait */
PyObject *lc_py_set_title(PyObject *module, PyObject *text);
PyObject *lc_py_watch_open(PyObject *module, PyObject *none);
PyObject *lc_py_watch_add(PyObject *module, PyObject *args);
PyObject *lc_py_watch_wait(PyObject *module, PyObject *args);
/* board_py.c: _engine.scoreboard */
PyObject *lc_py_scoreboard(PyObject *module, PyObject *none);
/* config_py.c: fills conf; texts are borrowed from config, which must outlive it. -1 with an exception set. */
int lc_py_config(PyObject *config, struct lc_engine_conf *conf);
/* A setting that is a number, by the bounds of engine/config.def; None is 0.  -1 with an exception that names it. */
int lc_py_config_number(PyObject *config, const char *name, int64_t *out);
/* A str attribute of config as UTF-8, NULL for None; *failed on error. */
const char *lc_py_config_text(PyObject *config, const char *name, bool *failed);

extern PyType_Spec lc_py_input_spec, lc_py_callable_spec, lc_py_view_spec, lc_py_found_spec;

#endif
