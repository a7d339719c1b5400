/* pybind/module.c - the extension module licorne._engine (multi-phase initialisation, PEP 489). */
#include "pybind/state.h"

static int module_exec(PyObject *module)
{
    return lc_py_state_init(PyModule_GetState(module), module);
}

static int module_traverse(PyObject *module, visitproc visit, void *arg)
{
    return lc_py_state_traverse(PyModule_GetState(module), visit, arg);
}

static int module_clear(PyObject *module)
{
    lc_py_state_clear(PyModule_GetState(module));
    return 0;
}

static void module_free(void *module)
{
    module_clear(module);
}

PyDoc_STRVAR(run_master_doc,
             "run_master(config, callbacks) -> int\n\n"
             "Fork workers and supervise them until told to stop; returns the exit status.");
PyDoc_STRVAR(worker_stop_doc,
             "worker_stop(graceful, status) -> bool\n\n"
             "Ask this worker to leave; one that still boots ends here, with this status. "
             "True if an application call runs on this thread.");
PyDoc_STRVAR(
    serve_thread_doc,
    "serve_thread()\n\nRun requests in this thread until the worker ends or needs it no more.");
PyDoc_STRVAR(boot_step_doc,
             "_boot_step(step)\n\nHow far this worker's boot has come; enum lc_boot_step.");

PyDoc_STRVAR(scoreboard_doc,
             "scoreboard() -> list[dict]\n\n"
             "What every process of this server does: one dict for each slot that was ever used.");

PyDoc_STRVAR(requests_doc, "_requests() -> int\n\nHow many requests this worker was given so far.");
PyDoc_STRVAR(last_beat_doc, "_last_beat(index) -> float\n\n"
                            "When a worker was last seen at work, by the monotonic clock; 0: not.");
PyDoc_STRVAR(beat_doc,
             "_beat()\n\nThis worker is at work: the call that runs is given its time again.");
PyDoc_STRVAR(set_title_doc,
             "_set_title(text) -> bool\n\nWhat ps shows of this process; cut if need "
             "be. False: not on this system.");
PyDoc_STRVAR(watch_open_doc,
             "_watch_open() -> int\n\nA descriptor that hears of changes in directories; OSError "
             "where the system has none.");
PyDoc_STRVAR(watch_add_doc, "_watch_add(fd, directory) -> int\n\nThe directory's number.");
PyDoc_STRVAR(watch_wait_doc,
             "_watch_wait(fd, milliseconds) -> list[tuple[int, str]]\n\n"
             "Directory and name of what changed; -1 and '' when something was lost.");

static PyMethodDef methods[] = {
    {"run_master", lc_py_run_master, METH_VARARGS, run_master_doc},
    {"worker_stop", lc_py_worker_stop, METH_VARARGS, worker_stop_doc},
    {"serve_thread", lc_py_serve_thread, METH_NOARGS, serve_thread_doc},
    {"_boot_step", lc_py_boot_step, METH_O, boot_step_doc},
    {"scoreboard", lc_py_scoreboard, METH_NOARGS, scoreboard_doc},
    {"_requests", lc_py_requests, METH_NOARGS, requests_doc},
    {"_last_beat", lc_py_last_beat, METH_O, last_beat_doc},
    {"_beat", lc_py_beat, METH_NOARGS, beat_doc},
    {"_set_title", lc_py_set_title, METH_O, set_title_doc},
    {"_watch_open", lc_py_watch_open, METH_NOARGS, watch_open_doc},
    {"_watch_add", lc_py_watch_add, METH_VARARGS, watch_add_doc},
    {"_watch_wait", lc_py_watch_wait, METH_VARARGS, watch_wait_doc},
    {NULL},
};

static PyModuleDef_Slot slots[] = {
    {Py_mod_exec, (void *)(uintptr_t)module_exec},
    {0, NULL},
};

static struct PyModuleDef def = {
    PyModuleDef_HEAD_INIT,
    .m_name = "licorne._engine",
    .m_doc = "The C engine. Applications never see it.",
    .m_size = sizeof(struct lc_py_state),
    .m_methods = methods,
    .m_slots = slots,
    .m_traverse = module_traverse,
    .m_clear = module_clear,
    .m_free = module_free,
};

PyMODINIT_FUNC PyInit__engine(void);

PyMODINIT_FUNC PyInit__engine(void)
{
    return PyModuleDef_Init(&def);
}
