/* pybind/wsgi/callable.c - the small callables of an environ: start_response, its write, early_hints, disconnected, and
 * what opens the socket's facade.  One type; the role picks the vectorcall. */
#include "pybind/compat.h"
#include "pybind/wsgi/wsgi.h"

#include <fcntl.h>
#include <structmember.h>

struct lc_wsgi_callable {
    PyObject_HEAD vectorcallfunc call;
    struct lc_wsgi *w; /* NULL: its worker is gone, or the request it was kept from is over */
};

static struct lc_wsgi *alive(PyObject *self)
{
    struct lc_wsgi *w = ((struct lc_wsgi_callable *)self)->w;

    if (w == NULL || w->x == NULL) {
        PyErr_SetString(PyExc_RuntimeError, "the request that this object belonged to is over");
        return NULL;
    }
    return w;
}

static PyObject *call_start(PyObject *self, PyObject *const *args, size_t nargsf, PyObject *kwnames)
{
    struct lc_wsgi *w = alive(self);

    return w ? lc_wsgi_start_response(w, args, PyVectorcall_NARGS(nargsf), kwnames) : NULL;
}

static bool has_one(const char *name, Py_ssize_t n, PyObject *kwnames)
{
    if (n == 1 && (kwnames == NULL || PyTuple_GET_SIZE(kwnames) == 0))
        return true;
    PyErr_Format(PyExc_TypeError, "%s() takes exactly one argument", name);
    return false;
}

static PyObject *call_write(PyObject *self, PyObject *const *args, size_t nargsf, PyObject *kwnames)
{
    struct lc_wsgi *w = alive(self);
    struct lc_piece piece;
    enum lc_rc rc;

    if (w == NULL || !has_one("write", PyVectorcall_NARGS(nargsf), kwnames))
        return NULL;
    if (!PyBytes_Check(args[0])) {
        PyErr_Format(PyExc_TypeError, "write() takes bytes, not %.100s", Py_TYPE(args[0])->tp_name);
        return NULL;
    }
    if (lc_wsgi_enter(w, w->x) < 0)
        return NULL;
    piece = (struct lc_piece){.p = PyBytes_AS_STRING(args[0]),
                              .n = (size_t)PyBytes_GET_SIZE(args[0]),
                              .obj = Py_NewRef(args[0])};
    rc = lc_exchange_write(w->x, &piece, 1, false);
    lc_wsgi_leave(w);
    if (lc_wsgi_after_write(w, rc) < 0)
        return NULL;
    Py_RETURN_NONE;
}

static PyObject *call_hints(PyObject *self, PyObject *const *args, size_t nargsf, PyObject *kwnames)
{
    struct lc_wsgi *w = alive(self);

    if (w == NULL || !has_one("early_hints", PyVectorcall_NARGS(nargsf), kwnames))
        return NULL;
    return lc_wsgi_early_hints(w, args, 1);
}

static PyObject *call_gone(PyObject *self, PyObject *const *args LC_UNUSED, size_t nargsf,
                           PyObject *kwnames LC_UNUSED)
{
    struct lc_wsgi *w = ((struct lc_wsgi_callable *)self)->w;
    bool is_gone;

    if (PyVectorcall_NARGS(nargsf) != 0) {
        PyErr_SetString(PyExc_TypeError, "disconnected() takes no arguments");
        return NULL;
    }
    if (w == NULL || w->x == NULL)
        Py_RETURN_TRUE;
    if (lc_wsgi_enter(w, w->x) < 0)
        return NULL;
    is_gone = w->x->ops->is_gone(w->x);
    lc_wsgi_leave(w);
    return PyBool_FromLong(is_gone);
}

/* A duplicate of the connection's descriptor, for the facade of gunicorn.socket. */
static PyObject *call_lend(PyObject *self, PyObject *const *args LC_UNUSED, size_t nargsf LC_UNUSED,
                           PyObject *kwnames LC_UNUSED)
{
    struct lc_wsgi *w = alive(self);
    int fd;

    if (w == NULL || lc_wsgi_enter(w, w->x) < 0)
        return NULL;
    fd = w->x->ops->lend_fd(w->x);
    lc_wsgi_leave(w);
    if (fd < 0)
        return PyErr_Format(PyExc_OSError, "the client is gone");
    if ((fd = fcntl(fd, F_DUPFD_CLOEXEC, 0)) < 0)
        return PyErr_SetFromErrno(PyExc_OSError);
    w->is_lent = true;
    return PyLong_FromLong(fd);
}

/* What the engine had read beyond the request, for the facade's first recv. */
static PyObject *call_early(PyObject *self, PyObject *const *args LC_UNUSED,
                            size_t nargsf LC_UNUSED, PyObject *kwnames LC_UNUSED)
{
    struct lc_wsgi *w = ((struct lc_wsgi_callable *)self)->w;
    PyObject *early = PyBytes_FromStringAndSize(NULL, LC_BLOCK_SIZE);
    size_t n = 0;

    if (early && w && w->x) {
        if (lc_wsgi_enter(w, w->x) < 0) {
            Py_DECREF(early);
            return NULL;
        }
        n = w->x->ops->take_early(w->x, PyBytes_AS_STRING(early), LC_BLOCK_SIZE);
        lc_wsgi_leave(w);
    }
    if (early)
        lc_py_bytes_resize(&early, (Py_ssize_t)n);
    return early;
}

struct lc_wsgi_callable *lc_wsgi_callable_new(struct lc_wsgi *w, enum lc_wsgi_role role)
{
    static const vectorcallfunc calls[LC_ROLES] = {
        [LC_ROLE_START] = call_start, [LC_ROLE_WRITE] = call_write, [LC_ROLE_HINTS] = call_hints,
        [LC_ROLE_GONE] = call_gone,   [LC_ROLE_LEND] = call_lend,   [LC_ROLE_EARLY] = call_early,
    };
    struct lc_wsgi_callable *c = PyObject_New(struct lc_wsgi_callable, w->st->callable_type);

    if (c) {
        c->call = calls[role];
        c->w = w;
    }
    return c;
}

void lc_wsgi_callable_detach(struct lc_wsgi_callable *c)
{
    c->w = NULL;
}

static void callable_dealloc(PyObject *self)
{
    PyTypeObject *type = Py_TYPE(self);

    PyObject_Free(self);
    Py_DECREF(type);
}

static PyMemberDef members[] = {
    {"__vectorcalloffset__", T_PYSSIZET, offsetof(struct lc_wsgi_callable, call), READONLY, NULL},
    {NULL},
};

static PyType_Slot slots[] = {
    {Py_tp_dealloc, (void *)(uintptr_t)callable_dealloc},
    {Py_tp_call, (void *)(uintptr_t)PyVectorcall_Call},
    {Py_tp_members, members},
    {0, NULL},
};

PyType_Spec lc_py_callable_spec = {
    .name = "licorne._engine.Callable",
    .basicsize = sizeof(struct lc_wsgi_callable),
    .flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_VECTORCALL | Py_TPFLAGS_DISALLOW_INSTANTIATION |
             Py_TPFLAGS_IMMUTABLETYPE,
    .slots = slots,
};
