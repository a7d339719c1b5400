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

/* What start_response was given.  From gather() to the end of add_fields() the GIL is not let go, so nobody changes it. */
struct head {
    struct lc_str line;
    PyObject *pairs; /* owned: a list or tuple */
    Py_ssize_t n;
};

static int gather(struct head *h, PyObject *status, PyObject *headers)
{
    PyObject *name, *value;
    struct lc_str text;

    if (status && !latin1(status, "status", &h->line))
        return -1;
    h->pairs = PySequence_Fast(headers, "headers must be a list of (name, value) pairs");
    if (h->pairs == NULL)
        return -1;
    h->n = PySequence_Fast_GET_SIZE(h->pairs);
    for (Py_ssize_t i = 0; i < h->n; i++) {
        if (!split_pair(PySequence_Fast_GET_ITEM(h->pairs, i), &name, &value) ||
            !latin1(name, "header name", &text) || !latin1(value, "header value", &text)) {
            Py_CLEAR(h->pairs);
            return -1;
        }
    }
    return 0;
}

static struct lc_str text_of(PyObject *s)
{
    return lc_str_of((const char *)PyUnicode_1BYTE_DATA(s), (size_t)PyUnicode_GET_LENGTH(s));
}

/* Under the lock: no Python but reads of what was gathered.  *at is the field that was refused. */
static enum lc_rc add_fields(struct lc_response *r, const struct head *h, Py_ssize_t *at)
{
    enum lc_rc rc = LC_OK;

    for (*at = 0; *at < h->n && rc == LC_OK; ++*at) {
        PyObject *pair = PySequence_Fast_GET_ITEM(h->pairs, *at);
        bool is_tuple = PyTuple_Check(pair);

        rc = lc_response_field(
            r, text_of(is_tuple ? PyTuple_GET_ITEM(pair, 0) : PyList_GET_ITEM(pair, 0)),
            text_of(is_tuple ? PyTuple_GET_ITEM(pair, 1) : PyList_GET_ITEM(pair, 1)));
    }
    if (rc != LC_OK)
        --*at;
    return rc;
}

static void raise_refused_field(enum lc_rc rc, const struct head *h, Py_ssize_t at)
{
    PyObject *name, *value;
    struct lc_str n;

    if (rc == LC_ELIMIT) {
        PyErr_SetString(PyExc_ValueError, "Invalid response header: the head is larger than 1 MiB");
    } else if (rc != LC_EINVAL) {
        PyErr_NoMemory();
    } else if (split_pair(PySequence_Fast_GET_ITEM(h->pairs, at), &name, &value)) {
        n = text_of(name);
        if (!lc_is_token(n.p, n.n))
            PyErr_Format(PyExc_ValueError, "Invalid response header name: %R", name);
        else
            PyErr_Format(PyExc_ValueError, "Invalid response header value for %R: %R", name, value);
    }
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

/* The gathered head becomes the response's.  -1 with an exception. */
static int commit(struct lc_wsgi *w, const struct head *h, PyObject *status)
{
    struct lc_exchange *x = w->x;
    Py_ssize_t at = -1;
    enum lc_rc rc;

    if (lc_wsgi_enter(w, x) < 0)
        return -1;
    rc = lc_response_begin(&x->res, h->line, x->is_head);
    if (rc == LC_OK)
        rc = add_fields(&x->res, h, &at);
    if (rc != LC_OK)
        x->res.is_started = false; /* half an answer is none */
    lc_wsgi_leave(w);
    if (LC_LIKELY(rc == LC_OK))
        return 0;
    if (at >= 0 || rc != LC_EINVAL)
        raise_refused_field(rc, h, at);
    else
        PyErr_Format(PyExc_ValueError, "Invalid response status: %R is not like '200 OK'", status);
    return -1;
}

PyObject *lc_wsgi_start_response(struct lc_wsgi *w, PyObject *const *args, Py_ssize_t n,
                                 PyObject *kwnames)
{
    struct head h = {.pairs = NULL};
    PyObject *exc_info;
    int rc;

    if (find_exc_info(args, n, kwnames, &exc_info) < 0)
        return NULL;
    if (LC_UNLIKELY(w->x->res.is_started)) {
        if (exc_info == NULL) {
            PyErr_SetString(PyExc_AssertionError, "Response headers already set!");
            return NULL;
        }
        if (w->x->res.is_head_sent) {
            raise_exc_info(exc_info);
            return NULL;
        }
    }
    if (gather(&h, args[0], args[1]) < 0)
        return NULL;
    rc = commit(w, &h, args[0]);
    Py_DECREF(h.pairs);
    return rc < 0 ? NULL : Py_NewRef((PyObject *)w->callables[LC_ROLE_WRITE]);
}

/* A response of its own, for its judging and serialising; the head that is being prepared stays as it is. */
static enum lc_rc send_hints(struct lc_exchange *x, const struct head *h, Py_ssize_t *at)
{
    static const char line[] = "HTTP/1.1 103 Early Hints\r\n";
    struct lc_response scratch, *r = &scratch;
    enum lc_rc rc;

    lc_response_init(r, x->res.pool);
    rc = lc_response_begin(r, LC_STR("103 Early Hints"), false);
    if (rc == LC_OK)
        rc = add_fields(r, h, at);
    if (rc == LC_OK)
        rc = lc_buf_append(&r->block, r->pool, "\r\n", 2, LC_HEAD_MAX + 2);
    if (rc == LC_OK) {
        char *start = r->block.p + LC_HEAD_ROOM - (sizeof line - 1);

        memcpy(start, line, sizeof line - 1);
        rc = lc_exchange_informational(x, start, (size_t)(r->block.p + r->block.len - start));
        *at = h->n;
    }
    lc_response_fini(r);
    return rc;
}

PyObject *lc_wsgi_early_hints(struct lc_wsgi *w, PyObject *const *args, Py_ssize_t n LC_UNUSED)
{
    struct head h = {.pairs = NULL};
    Py_ssize_t at = -1;
    enum lc_rc rc;

    if (gather(&h, NULL, args[0]) < 0)
        return NULL;
    if (lc_wsgi_enter(w, w->x) < 0) {
        Py_DECREF(h.pairs);
        return NULL;
    }
    rc = send_hints(w->x, &h, &at);
    lc_wsgi_leave(w);
    if (rc != LC_OK && at < h.n)
        raise_refused_field(rc, &h,
                            at); /* otherwise too late for a hint: Gunicorn says nothing either */
    else if (rc == LC_ENOMEM)
        PyErr_NoMemory();
    Py_DECREF(h.pairs);
    if (PyErr_Occurred())
        return NULL;
    Py_RETURN_NONE;
}
