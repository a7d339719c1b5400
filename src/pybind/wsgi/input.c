/* pybind/wsgi/input.c - wsgi.input.
 *
 * A small body lies in the connection's input and is copied once, into the bytes that read() returns.  Lines of a body
 * that is still arriving, or lies in a file, are looked for in a buffer of our own (`ahead`), which every read drains first. */
#include "pybind/compat.h"
#include "pybind/wsgi/wsgi.h"

#include <stdlib.h>
#include <string.h>

#define STEP 65536 /* bytes taken at a time when the end is not known */

struct lc_wsgi_input {
    PyObject_HEAD struct lc_wsgi *w; /* NULL: the request is over */
    char *ahead; /* [ahead_at, ahead_len) was taken from the engine and not read yet */
    size_t ahead_at, ahead_len, ahead_cap;
};

struct lc_wsgi_input *lc_wsgi_input_new(struct lc_wsgi *w)
{
    struct lc_wsgi_input *in = PyObject_New(struct lc_wsgi_input, w->st->input_type);

    if (in) {
        in->w = w;
        in->ahead = NULL;
        in->ahead_at = in->ahead_len = in->ahead_cap = 0;
    }
    return in;
}

void lc_wsgi_input_reset(struct lc_wsgi_input *in)
{
    if (LC_LIKELY(in->ahead == NULL))
        return;
    free(in->ahead);
    in->ahead = NULL;
    in->ahead_at = in->ahead_len = in->ahead_cap = 0;
}

void lc_wsgi_input_detach(struct lc_wsgi_input *in)
{
    lc_wsgi_input_reset(in);
    in->w = NULL;
}

static void input_dealloc(PyObject *self)
{
    PyTypeObject *type = Py_TYPE(self);

    free(((struct lc_wsgi_input *)self)->ahead);
    PyObject_Free(self);
    Py_DECREF(type);
}

/* One take from the engine, waiting until something is here.  *got == 0: the end.  -1 with an exception. */
static int take(struct lc_wsgi_input *in, char *dst, size_t cap, size_t *got)
{
    struct lc_wsgi *w = in->w;
    bool is_short;
    enum lc_rc rc;

    for (;;) {
        if (lc_wsgi_enter(w, w ? w->x : NULL) < 0)
            return -1;
        rc = lc_exchange_read(w->x, dst, cap, got);
        is_short = w->x->body.length >= 0 && w->x->body.fail_status == 0;
        lc_wsgi_leave(w);
        if (rc != LC_AGAIN)
            break;
        if (lc_wsgi_wait(w, false) < 0)
            return -1;
    }
    if (rc == LC_OK)
        return 0;
    *got = 0;
    if (rc == LC_CLOSED && is_short)
        return 0; /* as Gunicorn has it: short of its Content-Length, a body just ends */
    PyErr_SetString(
        PyExc_OSError,
        "the request's body broke off: the client left, was too slow, or sent broken chunks");
    return -1;
}

static bool is_over(struct lc_wsgi_input *in)
{
    if (in->w && in->w->x)
        return false;
    PyErr_SetString(PyExc_RuntimeError, "the request that this wsgi.input belonged to is over");
    return true;
}

/* Up to n bytes into dst: what was looked ahead first, then the engine, until n or the end. */
static int read_into(struct lc_wsgi_input *in, char *dst, size_t n, size_t *got)
{
    size_t now = LC_MIN(n, in->ahead_len - in->ahead_at);

    memcpy(dst, in->ahead ? in->ahead + in->ahead_at : dst, now);
    in->ahead_at += now;
    *got = now;
    while (*got < n) {
        if (take(in, dst + *got, n - *got, &now) < 0)
            return -1;
        if (now == 0)
            break;
        *got += now;
    }
    return 0;
}

/* What can be had at least: known for a body with a length, else what is here.  -1 with an exception. */
static int expected(struct lc_wsgi_input *in, size_t *n, bool *is_known)
{
    struct lc_wsgi *w = in->w;
    const struct lc_body *b;
    int64_t here;

    if (lc_wsgi_enter(w, w->x) < 0)
        return -1;
    b = &w->x->body;
    here = lc_body_here(b) + (int64_t)(in->ahead_len - in->ahead_at);
    *n = (size_t)(b->length >= 0 ? here + (b->length - b->received) : here);
    *is_known = b->length >= 0 || b->is_done;
    lc_wsgi_leave(w);
    return 0;
}

static PyObject *read_all(struct lc_wsgi_input *in)
{
    size_t len = 0, got, cap;
    bool is_known;
    PyObject *out;

    if (expected(in, &cap, &is_known) < 0)
        return NULL;
    out = PyBytes_FromStringAndSize(NULL, (Py_ssize_t)cap);
    while (out) {
        if (read_into(in, PyBytes_AS_STRING(out) + len, cap - len, &got) < 0) {
            Py_DECREF(out);
            return NULL;
        }
        len += got;
        if (len < cap || is_known)
            break;
        cap += LC_MAX(cap, (size_t)STEP);
        if (lc_py_bytes_resize(&out, (Py_ssize_t)cap) < 0)
            return NULL;
    }
    if (out && len < cap)
        lc_py_bytes_resize(&out, (Py_ssize_t)len);
    return out;
}

static PyObject *read_some(struct lc_wsgi_input *in, size_t n)
{
    size_t got, most;
    bool is_known;
    PyObject *out;

    if (expected(in, &most, &is_known) < 0)
        return NULL;
    if (is_known)
        n = LC_MIN(n, most); /* never room for more than there can be */
    if ((out = PyBytes_FromStringAndSize(NULL, (Py_ssize_t)n)) == NULL)
        return NULL;
    if (read_into(in, PyBytes_AS_STRING(out), n, &got) < 0) {
        Py_DECREF(out);
        return NULL;
    }
    if (got < n)
        lc_py_bytes_resize(&out, (Py_ssize_t)got);
    return out;
}

/* The one optional size argument: -1 for None, negative or absent.  -2 with an exception. */
static Py_ssize_t size_arg(const char *name, PyObject *const *args, Py_ssize_t n)
{
    Py_ssize_t size;

    if (n > 1) {
        PyErr_Format(PyExc_TypeError, "%s() takes at most one argument", name);
        return -2;
    }
    if (n == 0 || args[0] == Py_None)
        return -1;
    size = PyNumber_AsSsize_t(args[0], PyExc_OverflowError);
    if (size == -1 && PyErr_Occurred())
        return -2;
    return size < 0 ? -1 : size;
}

static PyObject *input_read(PyObject *self, PyObject *const *args, Py_ssize_t n)
{
    struct lc_wsgi_input *in = (struct lc_wsgi_input *)self;
    Py_ssize_t size = size_arg("read", args, n);

    if (size == -2 || is_over(in))
        return NULL;
    if (size == 0)
        return PyBytes_FromStringAndSize(NULL, 0);
    return size < 0 ? read_all(in) : read_some(in, (size_t)size);
}

/* --- lines ---------------------------------------------------------------------------------------------------- */

/* Takes more into `ahead`.  *is_end when there is no more. */
static int look_further(struct lc_wsgi_input *in, bool *is_end)
{
    size_t got, want;

    if (in->ahead_at > 0) { /* what was read gives its room back */
        memmove(in->ahead, in->ahead + in->ahead_at, in->ahead_len - in->ahead_at);
        in->ahead_len -= in->ahead_at;
        in->ahead_at = 0;
    }
    if (in->ahead_len == in->ahead_cap) {
        char *more;

        want = LC_MAX(in->ahead_cap * 2, (size_t)8192);
        if ((more = realloc(in->ahead, want)) == NULL) {
            PyErr_NoMemory();
            return -1;
        }
        in->ahead = more;
        in->ahead_cap = want;
    }
    if (take(in, in->ahead + in->ahead_len, in->ahead_cap - in->ahead_len, &got) < 0)
        return -1;
    in->ahead_len += got;
    *is_end = got == 0;
    return 0;
}

static PyObject *next_line(struct lc_wsgi_input *in, size_t most)
{
    size_t looked = 0, n;
    bool is_end = false;
    PyObject *line;

    for (;;) {
        size_t here = LC_MIN(in->ahead_len - in->ahead_at, most);
        char *from = in->ahead + in->ahead_at;
        char *lf = here > looked ? memchr(from + looked, '\n', here - looked) : NULL;

        n = lf ? (size_t)(lf - from) + 1 : here;
        if (lf || here == most || is_end)
            break;
        looked = here;
        if (look_further(in, &is_end) < 0)
            return NULL;
    }
    line = PyBytes_FromStringAndSize(in->ahead ? in->ahead + in->ahead_at : NULL, (Py_ssize_t)n);
    if (line)
        in->ahead_at += n;
    return line;
}

static PyObject *input_readline(PyObject *self, PyObject *const *args, Py_ssize_t n)
{
    struct lc_wsgi_input *in = (struct lc_wsgi_input *)self;
    Py_ssize_t size = size_arg("readline", args, n);

    if (size == -2 || is_over(in))
        return NULL;
    if (size == 0)
        return PyBytes_FromStringAndSize(NULL, 0);
    return next_line(in, size < 0 ? SIZE_MAX : (size_t)size);
}

static PyObject *input_next(PyObject *self)
{
    struct lc_wsgi_input *in = (struct lc_wsgi_input *)self;
    PyObject *line = is_over(in) ? NULL : next_line(in, SIZE_MAX);

    if (line && PyBytes_GET_SIZE(line) == 0)
        Py_CLEAR(line);
    return line;
}

static PyObject *input_readlines(PyObject *self, PyObject *const *args, Py_ssize_t n)
{
    PyObject *lines, *line;

    if (size_arg("readlines", args, n) == -2 || (lines = PyList_New(0)) == NULL)
        return NULL;
    while ((line = input_next(self)) != NULL) {
        int rc = PyList_Append(lines, line);

        Py_DECREF(line);
        if (rc < 0)
            break;
    }
    if (PyErr_Occurred())
        Py_CLEAR(lines);
    return lines;
}

static PyObject *input_close(PyObject *self LC_UNUSED, PyObject *none LC_UNUSED)
{
    Py_RETURN_NONE; /* the server ends the request, not its reader */
}

static PyMethodDef methods[] = {
    {"read", (PyCFunction)(void (*)(void))input_read, METH_FASTCALL, "read(size=-1) -> bytes"},
    {"readline", (PyCFunction)(void (*)(void))input_readline, METH_FASTCALL,
     "readline(size=-1) -> bytes"},
    {"readlines", (PyCFunction)(void (*)(void))input_readlines, METH_FASTCALL,
     "readlines(hint=-1) -> list of bytes"},
    {"close", input_close, METH_NOARGS, "Nothing: the server ends the request."},
    {NULL},
};

static PyType_Slot slots[] = {
    {Py_tp_dealloc, (void *)(uintptr_t)input_dealloc},
    {Py_tp_methods, methods},
    {Py_tp_iter, (void *)(uintptr_t)PyObject_SelfIter},
    {Py_tp_iternext, (void *)(uintptr_t)input_next},
    {Py_tp_doc, (void *)(uintptr_t) "The request's body, as PEP 3333 wants it."},
    {0, NULL},
};

PyType_Spec lc_py_input_spec = {
    .name = "licorne._engine.Input",
    .basicsize = sizeof(struct lc_wsgi_input),
    .flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_DISALLOW_INSTANTIATION | Py_TPFLAGS_IMMUTABLETYPE,
    .slots = slots,
};
