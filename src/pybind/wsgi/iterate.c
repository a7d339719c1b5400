/* pybind/wsgi/iterate.c - what the application returned, handed to the exchange.
 *
 * A list or tuple is a whole body: its bytes objects are kept by reference and leave in gathered sends.  A file_wrapper
 * over a real file is sent by sendfile.  Anything else is iterated, and each item sent before the next is asked for. */
#include "pybind/wsgi/wsgi.h"

#include "os/fd.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#define BATCH 16

static int need_start(struct lc_exchange *x)
{
    if (LC_LIKELY(x->res.is_started))
        return 0;
    PyErr_SetString(PyExc_AssertionError,
                    "the application returned a body without calling start_response");
    return -1;
}

static int need_bytes(PyObject *item)
{
    if (LC_LIKELY(PyBytes_Check(item)))
        return 0;
    PyErr_Format(PyExc_TypeError, "an application's body is made of bytes, not of %.100s: %.200R",
                 Py_TYPE(item)->tp_name, item);
    return -1;
}

static struct lc_piece piece_of(PyObject *item, bool is_whole)
{
    return (struct lc_piece){.p = PyBytes_AS_STRING(item),
                             .n = (size_t)PyBytes_GET_SIZE(item),
                             .obj = Py_NewRef(item),
                             .is_whole = is_whole};
}

static int send_pieces(struct lc_wsgi *w, const struct lc_piece *v, int n, bool is_last)
{
    enum lc_rc rc;

    if (lc_wsgi_enter(w, w->x) < 0)
        return -1;
    rc = lc_exchange_write(w->x, v, n, is_last);
    lc_wsgi_leave(w);
    return rc == LC_OK ? 0 : lc_wsgi_after_write(w, rc);
}

static int deliver_sequence(struct lc_wsgi *w, PyObject *seq)
{
    struct lc_piece batch[BATCH];
    Py_ssize_t n = PySequence_Fast_GET_SIZE(seq), i = 0;
    int rc = 0;

    if (need_start(w->x) < 0)
        return -1;
    for (Py_ssize_t j = 0; j < n; j++) {
        if (need_bytes(PySequence_Fast_GET_ITEM(seq, j)) < 0)
            return -1;
    }
    do { /* once for an empty one too: its head is owed */
        int m = 0;

        while (i < n && m < BATCH)
            batch[m++] = piece_of(PySequence_Fast_GET_ITEM(seq, i++), true);
        rc = send_pieces(w, batch, m, i == n);
    } while (i < n && rc == 0);
    return rc;
}

/* One item of an iterable.  The first that fills Content-Length alone is a whole body, however it was wrapped. */
static int deliver_item(struct lc_wsgi *w, PyObject *item)
{
    struct lc_exchange *x = w->x;
    struct lc_piece piece;

    if (need_bytes(item) < 0)
        return -1;
    if (PyBytes_GET_SIZE(item) == 0)
        return 0;
    if (need_start(x) < 0)
        return -1;
    piece = piece_of(item, !x->res.is_head_sent &&
                               x->res.content_length == (int64_t)PyBytes_GET_SIZE(item));
    return send_pieces(w, &piece, 1, false);
}

static int deliver_iterable(struct lc_wsgi *w, PyObject *iterable)
{
    PyObject *it = PyObject_GetIter(iterable), *item;
    int rc = 0;

    if (it == NULL)
        return -1;
    while (rc == 0 && (item = PyIter_Next(it)) != NULL) {
        rc = deliver_item(w, item);
        Py_DECREF(item);
    }
    Py_DECREF(it);
    if (PyErr_Occurred())
        return -1;
    return rc == 0 ? need_start(w->x) : rc;
}

/* --- files ---------------------------------------------------------------------------------------------------- */

/* A descriptor from filelike.fileno(), or -1 without an exception. */
static int descriptor_of(struct lc_wsgi *w, PyObject *filelike)
{
    PyObject *number = PyObject_CallMethodNoArgs(filelike, w->st->n.fileno);
    long fd = number ? PyLong_AsLong(number) : -1;

    Py_XDECREF(number);
    PyErr_Clear(); /* no fileno, or io.UnsupportedOperation: it is iterated */
    return fd >= 0 && fd <= INT32_MAX ? (int)fd : -1;
}

/* Where the file's reader stands: tell() knows of its buffer, the descriptor does not. */
static int64_t position_of(struct lc_wsgi *w, PyObject *filelike, int fd)
{
    PyObject *at = PyObject_CallMethodNoArgs(filelike, w->st->n.tell);
    long long pos = at ? PyLong_AsLongLong(at) : -1;

    Py_XDECREF(at);
    PyErr_Clear();
    return pos >= 0 ? pos : (int64_t)lseek(fd, 0, SEEK_CUR);
}

/* Whether st_size can be believed.  What the kernel makes up while it is read (/proc: size 0; sysfs: a page) occupies no
 * blocks; the few real files that do not either are as well iterated. */
static bool is_sized(const struct stat *st)
{
    return S_ISREG(st->st_mode) && st->st_size > 0 && st->st_blocks > 0;
}

/* 2: not a file that sendfile can send. */
static int deliver_file(struct lc_wsgi *w, PyObject *filelike)
{
    struct lc_exchange *x = w->x;
    int fd = descriptor_of(w, filelike), own;
    struct stat st;
    int64_t at, n;
    enum lc_rc rc;

    if (fd < 0 || fstat(fd, &st) != 0 || !is_sized(&st) || (at = position_of(w, filelike, fd)) < 0)
        return 2;
    if (need_start(x) < 0)
        return -1;
    n = x->res.content_length >= 0 ? x->res.content_length : (int64_t)st.st_size - at;
    if (n <= 0 || x->res.is_bodiless)
        return 0;
    if ((own = fcntl(fd, F_DUPFD_CLOEXEC, 0)) < 0) {
        PyErr_SetFromErrno(PyExc_OSError);
        return -1;
    }
    if (lc_wsgi_enter(w, x) < 0) {
        lc_fd_close(&own);
        return -1;
    }
    rc = lc_exchange_write_file(x, own, at, n);
    lc_wsgi_leave(w);
    return lc_wsgi_after_write(w, rc);
}

static int deliver_wrapper(struct lc_wsgi *w, PyObject *wrapper)
{
    PyObject *filelike;
    int rc = 2;

    if (w->p->conf.use_sendfile &&
        (filelike = PyObject_GetAttr(wrapper, w->st->n.filelike)) != NULL) {
        rc = deliver_file(w, filelike);
        Py_DECREF(filelike);
    } else {
        PyErr_Clear();
    }
    return rc == 2 ? deliver_iterable(w, wrapper) : rc;
}

/* The body is complete for the client before the application's close() runs, however long that takes. */
int lc_wsgi_deliver(struct lc_wsgi *w, PyObject *result)
{
    int rc;

    if (PyList_CheckExact(result) || PyTuple_CheckExact(result))
        return deliver_sequence(w, result);
    if ((rc = PyObject_IsInstance(result, w->p->file_wrapper)) < 0)
        return -1;
    rc = rc ? deliver_wrapper(w, result) : deliver_iterable(w, result);
    return rc == 0 ? send_pieces(w, NULL, 0, true) : rc;
}
