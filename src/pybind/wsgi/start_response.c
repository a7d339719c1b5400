/* pybind/wsgi/start_response.c - a status and fields from the application; early hints. */
#include "pybind/wsgi/wsgi.h"

#include "pybind/compat.h"

/* Borrowed latin-1 bytes of a str; false with an exception. */
static bool latin1(PyObject *s, const char *what, struct lc_str *out)
{
    if (LC_UNLIKELY(!PyUnicode_Check(s))) {
        PyErr_Format(PyExc_TypeError, "%s must be a str, not %.100s", what, Py_TYPE(s)->tp_name);
        return false;
    }
    if (PyUnicode_READY(s) < 0)
        return false;
    if (LC_UNLIKELY(PyUnicode_KIND(s) != PyUnicode_1BYTE_KIND)) {
        PyErr_Format(PyExc_ValueError, "Invalid response header: %s %R cannot be latin-1", what, s);
        return false;
    }
    *out = lc_str_of((const char *)PyUnicode_1BYTE_DATA(s), (size_t)PyUnicode_GET_LENGTH(s));
    return true;
}

/* A (name, value) pair, borrowed. */
static bool split_pair(PyObject *pair, PyObject **name, PyObject **value)
{
    if (PyTuple_Check(pair) && PyTuple_GET_SIZE(pair) == 2) {
        *name = PyTuple_GET_ITEM(pair, 0);
        *value = PyTuple_GET_ITEM(pair, 1);
        return true;
    }
    if (PyList_Check(pair) && PyList_GET_SIZE(pair) == 2) {
        *name = PyList_GET_ITEM(pair, 0);
        *value = PyList_GET_ITEM(pair, 1);
        return true;
    }
    PyErr_Format(PyExc_ValueError, "Invalid response header: %R is no (name, value) pair", pair);
    return false;
}

static int add_field(struct lc_response *r, PyObject *pair)
{
    PyObject *name, *value;
    struct lc_str n, v;

    if (!split_pair(pair, &name, &value) || !latin1(name, "header name", &n) ||
        !latin1(value, "header value", &v))
        return -1;
    switch (lc_response_field(r, n, v)) {
    case LC_OK:
        return 0;
    case LC_EINVAL:
        if (!lc_is_token(n.p, n.n))
            PyErr_Format(PyExc_ValueError, "Invalid response header name: %R", name);
        else
            PyErr_Format(PyExc_ValueError, "Invalid response header value for %R: %R", name, value);
        return -1;
    case LC_ELIMIT:
        PyErr_SetString(PyExc_ValueError, "Invalid response header: the head is larger than 1 MiB");
        return -1;
    default:
        PyErr_NoMemory();
        return -1;
    }
}

static int begin(struct lc_exchange *x, PyObject *status)
{
    struct lc_str line;

    if (!latin1(status, "status", &line))
        return -1;
    switch (lc_response_begin(&x->res, line, x->is_head)) {
    case LC_OK:
        return 0;
    case LC_EINVAL:
        PyErr_Format(PyExc_ValueError, "Invalid response status: %R is not like '200 OK'", status);
        return -1;
    default:
        PyErr_NoMemory();
        return -1;
    }
}

static int add_fields(struct lc_exchange *x, PyObject *headers)
{
    PyObject *seq = PySequence_Fast(headers, "headers must be a list of (name, value) pairs");
    int rc = 0;

    if (seq == NULL)
        return -1;
    for (Py_ssize_t i = 0; i < PySequence_Fast_GET_SIZE(seq) && rc == 0; i++)
        rc = add_field(&x->res, PySequence_Fast_GET_ITEM(seq, i));
    Py_DECREF(seq);
    if (rc < 0)
        x->res.is_started = false; /* half an answer is none */
    return rc;
}

static void raise_exc_info(PyObject *exc_info)
{
    PyObject *type, *value, *trace;

    if (!PyArg_ParseTuple(exc_info, "OOO", &type, &value, &trace))
        return;
    if (!PyExceptionInstance_Check(value)) {
        PyErr_SetObject(type, value);
        return;
    }
    if (trace != Py_None && PyException_SetTraceback(value, trace) < 0)
        return;
    lc_py_give_exception(Py_NewRef(value));
}

/* exc_info in the only place PEP 3333 gives it; NULL: none.  -1 with an exception. */
static int find_exc_info(PyObject *const *args, Py_ssize_t n, PyObject *kwnames, PyObject **out)
{
    Py_ssize_t nkw = kwnames ? PyTuple_GET_SIZE(kwnames) : 0;

    *out = n == 3 ? args[2] : NULL;
    if (n < 2 || n > 3 || nkw > (n == 2 ? 1 : 0)) {
        PyErr_SetString(
            PyExc_TypeError,
            "start_response(status, headers, exc_info=None) takes two or three arguments");
        return -1;
    }
    if (nkw == 1) {
        if (PyUnicode_CompareWithASCIIString(PyTuple_GET_ITEM(kwnames, 0), "exc_info") != 0) {
            PyErr_SetString(PyExc_TypeError, "start_response() knows no keyword but exc_info");
            return -1;
        }
        *out = args[2];
    }
    if (*out == Py_None)
        *out = NULL;
    return 0;
}

PyObject *lc_wsgi_start_response(struct lc_wsgi *w, PyObject *const *args, Py_ssize_t n,
                                 PyObject *kwnames)
{
    struct lc_exchange *x = w->x;
    PyObject *exc_info;
    int rc;

    if (find_exc_info(args, n, kwnames, &exc_info) < 0 || lc_wsgi_enter(w, x) < 0)
        return NULL;
    if (LC_UNLIKELY(x->res.is_started)) {
        if (exc_info == NULL) {
            PyErr_SetString(PyExc_AssertionError, "Response headers already set!");
            goto fail;
        }
        if (x->res.is_head_sent) {
            raise_exc_info(exc_info);
            goto fail;
        }
    }
    rc = begin(x, args[0]);
    if (rc == 0)
        rc = add_fields(x, args[1]);
    if (rc < 0)
        goto fail;
    lc_wsgi_leave(w);
    return Py_NewRef((PyObject *)w->callables[LC_ROLE_WRITE]);
fail:
    lc_wsgi_leave(w);
    return NULL;
}

/* A response of its own, for its judging and serialising; the head that is being prepared stays as it is. */
PyObject *lc_wsgi_early_hints(struct lc_wsgi *w, PyObject *const *args, Py_ssize_t n LC_UNUSED)
{
    static const char line[] = "HTTP/1.1 103 Early Hints\r\n";
    struct lc_exchange *x = w->x;
    struct lc_exchange scratch = {.is_head = false};
    struct lc_response *r = &scratch.res;
    enum lc_rc rc = LC_OK;

    if (lc_wsgi_enter(w, x) < 0)
        return NULL;
    lc_response_init(r, x->res.pool);
    rc = lc_response_begin(r, LC_STR("103 Early Hints"), false);
    if (rc == LC_OK && add_fields(&scratch, args[0]) < 0) {
        lc_response_fini(r);
        lc_wsgi_leave(w);
        return NULL;
    }
    if (rc == LC_OK)
        rc = lc_buf_append(&r->block, r->pool, "\r\n", 2, LC_HEAD_MAX + 2);
    if (rc == LC_OK) {
        char *start = r->block.p + LC_HEAD_ROOM - (sizeof line - 1);

        memcpy(start, line, sizeof line - 1);
        rc = lc_exchange_informational(x, start, (size_t)(r->block.p + r->block.len - start));
    }
    lc_response_fini(r);
    lc_wsgi_leave(w);
    if (rc == LC_ENOMEM)
        return PyErr_NoMemory();
    Py_RETURN_NONE; /* too late for a hint: Gunicorn says nothing either */
}
