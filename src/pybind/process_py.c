/* pybind/process_py.c - what Python asks of the system by way of C: the process's title, and changes of files.
 * Runs in: master and workers. */
#include "pybind/compat.h"
#include "pybind/state.h"

#include "os/fswatch.h"
#include "os/title.h"

PyObject *lc_py_set_title(PyObject *module LC_UNUSED, PyObject *text)
{
    Py_ssize_t n;
    const char *title = PyUnicode_AsUTF8AndSize(text, &n);

    if (title == NULL)
        return NULL;
    return PyBool_FromLong(lc_title_set(title) == LC_OK);
}

static PyObject *refuse(enum lc_rc rc, const char *what)
{
    return PyErr_Format(PyExc_OSError, "%s: %s", what, lc_rc_name(rc));
}

PyObject *lc_py_watch_open(PyObject *module LC_UNUSED, PyObject *none LC_UNUSED)
{
    enum lc_rc rc;
    int fd;

    if ((rc = lc_fswatch_open(&fd)) != LC_OK)
        return refuse(rc, "changes of files cannot be watched");
    return PyLong_FromLong(fd);
}

PyObject *lc_py_watch_add(PyObject *module LC_UNUSED, PyObject *args)
{
    PyObject *path;
    enum lc_rc rc;
    int fd, id;

    if (!PyArg_ParseTuple(args, "iO&", &fd, PyUnicode_FSConverter, &path))
        return NULL;
    rc = lc_fswatch_add(fd, PyBytes_AS_STRING(path), &id);
    Py_DECREF(path);
    return rc == LC_OK ? PyLong_FromLong(id) : refuse(rc, "a directory cannot be watched");
}

struct found {
    PyObject *list;
    PyThreadState *left;
};

static void on_change(void *ctx, int id, const char *name)
{
    struct found *f = ctx;
    PyObject *item;

    PyEval_RestoreThread(f->left);
    item = Py_BuildValue("(iN)", id, PyUnicode_DecodeFSDefault(name));
    if (item == NULL || PyList_Append(f->list, item) < 0)
        PyErr_Clear(); /* no memory for one change: there will be others */
    Py_XDECREF(item);
    f->left = PyEval_SaveThread();
}

PyObject *lc_py_watch_wait(PyObject *module LC_UNUSED, PyObject *args)
{
    struct found f;
    enum lc_rc rc;
    int fd, timeout_ms;

    if (!PyArg_ParseTuple(args, "ii", &fd, &timeout_ms))
        return NULL;
    if ((f.list = PyList_New(0)) == NULL)
        return NULL;
    f.left = PyEval_SaveThread();
    rc = lc_fswatch_wait(fd, timeout_ms, on_change, &f);
    PyEval_RestoreThread(f.left);
    if (rc == LC_OK || rc == LC_AGAIN)
        return f.list;
    Py_DECREF(f.list);
    return refuse(rc, "changes of files cannot be read");
}
