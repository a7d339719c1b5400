/* pybind/compat.h - every difference between the Python versions we build for (3.10 and later). */
#ifndef LC_PYBIND_COMPAT_H
#define LC_PYBIND_COMPAT_H

#include <Python.h>

/* The exception being raised, as one object with its traceback; NULL when there is none.  New reference. */
static inline PyObject *lc_py_take_exception(void)
{
#if PY_VERSION_HEX >= 0x030C0000
    return PyErr_GetRaisedException();
#else
    PyObject *type, *value, *trace;

    PyErr_Fetch(&type, &value, &trace);
    if (type == NULL)
        return NULL;
    PyErr_NormalizeException(&type, &value, &trace);
    if (trace)
        PyException_SetTraceback(value, trace);
    Py_XDECREF(trace);
    Py_DECREF(type);
    return value;
#endif
}

/* Steals exc. */
static inline void lc_py_give_exception(PyObject *exc)
{
#if PY_VERSION_HEX >= 0x030C0000
    PyErr_SetRaisedException(exc);
#else
    PyErr_Restore(Py_NewRef((PyObject *)Py_TYPE(exc)), exc, PyException_GetTraceback(exc));
#endif
}

/* Documented and stable in spite of its underscore: the way to shorten bytes that nobody else has seen.  0, or -1 with
 * an exception and *b gone. */
static inline int lc_py_bytes_resize(PyObject **b, Py_ssize_t n)
{
    return _PyBytes_Resize(b, n);
}

#endif
