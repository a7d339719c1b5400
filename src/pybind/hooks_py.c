/* pybind/hooks_py.c - what the objects of hooks ask of the engine: worker.nr, worker.tmp.
 * Runs in: master and workers. */
#include "pybind/compat.h"
#include "pybind/wsgi/wsgi.h"

PyObject *lc_py_requests(PyObject *module, PyObject *none LC_UNUSED)
{
    const struct lc_py_state *st = PyModule_GetState(module);
    const struct lc_py_worker *p = st->worker;

    if (p == NULL)
        return PyLong_FromLong(0);
    /* With hooks Gunicorn's moment can be seen: between pre_request and the application. */
    return PyLong_FromUnsignedLongLong(p->hooks.is_on ? p->hooks.nr : p->worker.ncalls);
}

PyObject *lc_py_last_beat(PyObject *module, PyObject *index)
{
    const struct lc_py_state *st = PyModule_GetState(module);
    long slot = PyLong_AsLong(index);
    const struct lc_board_slot *b;

    if (slot == -1 && PyErr_Occurred())
        return NULL;
    if (st->master == NULL || slot < 0 || (uint32_t)slot >= lc_board_used(&st->master->board))
        return PyFloat_FromDouble(0);
    b = lc_board_slot(&st->master->board, (uint32_t)slot);
    return PyFloat_FromDouble((double)lc_count_get(&b->beat_ms) / 1000);
}

PyObject *lc_py_beat(PyObject *module, PyObject *none LC_UNUSED)
{
    const struct lc_py_state *st = PyModule_GetState(module);
    struct lc_py_worker *p = st->worker;

    if (p && p->is_booted && lc_owner_enter(&p->worker.owner) == LC_OK) {
        lc_account_beat(&p->worker);
        lc_owner_leave(&p->worker.owner);
    }
    Py_RETURN_NONE;
}
