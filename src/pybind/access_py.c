/* pybind/access_py.c - a note becomes what a logger is called with.   Runs in: worker, with the GIL, without the lock. */
#include "pybind/notes.h"
#include "pybind/wsgi/wsgi.h"

#include "pybind/compat.h"

#include <stdlib.h>

static PyObject *latin1(struct lc_str s)
{
    return PyUnicode_DecodeLatin1(s.n > 0 ? s.p : "", (Py_ssize_t)s.n, NULL);
}

static PyObject *upper(struct lc_str s)
{
    PyObject *text = latin1(s), *shown = text ? PyObject_CallMethod(text, "upper", NULL) : NULL;

    Py_XDECREF(text);
    return shown;
}

/* Steals both; either may be NULL, with an exception. */
static int add_pair(PyObject *list, PyObject *name, PyObject *value)
{
    PyObject *pair = name && value ? PyTuple_Pack(2, name, value) : NULL;
    int rc = pair ? PyList_Append(list, pair) : -1;

    Py_XDECREF(pair);
    Py_XDECREF(name);
    Py_XDECREF(value);
    return rc;
}

static PyObject *value_of(const struct lc_request *req, const struct lc_field *f)
{
    struct lc_str raw = lc_req_text(req, f->value);
    PyObject *text;
    char *flat;

    if (!(f->flags & LC_FIELD_FOLDED) || raw.n == 0)
        return latin1(raw);
    if ((flat = PyMem_Malloc(raw.n)) == NULL)
        return PyErr_NoMemory();
    text = latin1(lc_str_of(flat, lc_field_unfold(raw, flat)));
    PyMem_Free(flat);
    return text;
}

/* [(NAME, value)...], as the application may see them */
static PyObject *request_fields(const struct lc_request *req)
{
    PyObject *list = PyList_New(0);

    for (uint32_t i = 0; list && i < req->nfields; i++) {
        const struct lc_field *f = &req->fields[i];

        if (f->flags & LC_FIELD_DROPPED)
            continue;
        if (add_pair(list, upper(lc_req_text(req, f->name)), value_of(req, f)) < 0)
            Py_CLEAR(list);
    }
    return list;
}

/* [(Name, value)...] of "Name: value\r\n" lines */
static PyObject *response_fields(struct lc_str rest)
{
    PyObject *list = PyList_New(0);

    while (list && rest.n > 0) {
        const char *end = memchr(rest.p, '\r', rest.n);
        struct lc_str line = lc_str_of(rest.p, end ? (size_t)(end - rest.p) : rest.n);
        const char *colon = memchr(line.p, ':', line.n);
        size_t used = LC_MIN(line.n + 2, rest.n);

        if (colon) {
            struct lc_str name = lc_str_of(line.p, (size_t)(colon - line.p));
            struct lc_str value = lc_str_of(colon + 1, line.n - name.n - 1);

            if (add_pair(list, latin1(name), latin1(lc_str_trim(value))) < 0)
                Py_CLEAR(list);
        }
        rest = lc_str_of(rest.p + used, rest.n - used);
    }
    return list;
}

static PyObject *method_of(const struct lc_py_worker *p, const struct lc_request *req)
{
    struct lc_str sent = lc_req_text(req, req->method);

    if (req->method_id != LC_METHOD_OTHER)
        return Py_NewRef(p->st->methods[req->method_id]);
    return p->conf.limits.casefold_http_method ? upper(sent) : latin1(sent);
}

static PyObject *peer_of(const struct lc_addr *peer)
{
    char ip[LC_ADDR_TEXT_MAX];

    if (peer->family == LC_ADDR_UNIX)
        return PyUnicode_FromString("");
    lc_addr_ip(peer, ip);
    return Py_BuildValue("(si)", ip, (int)lc_addr_port(peer));
}

static PyObject *status_line_of(const struct lc_py_note *note)
{
    const char *line;

    if (note->status_line.p)
        return latin1(note->status_line);
    if (note->status == 0 || (line = lc_status_line(note->status)) == NULL)
        return Py_NewRef(Py_None);
    return PyUnicode_FromString(line);
}

/* As python/licorne/log/noted.py has it. */
static PyObject *tuple_of(const struct lc_py_worker *p, const struct lc_py_note *note)
{
    const struct lc_request *req = &note->req;

    return Py_BuildValue("(NNNN(ii)NNsIiNLNK)", method_of(p, req),
                         latin1(lc_req_text(req, req->target)), latin1(lc_req_text(req, req->path)),
                         latin1(lc_req_text(req, req->query)), (int)req->version_major,
                         (int)req->version_minor, request_fields(req), peer_of(&note->peer),
                         note->is_https ? "https" : "http", (unsigned)note->listener, note->status,
                         status_line_of(note), (long long)note->sent, response_fields(note->out),
                         (unsigned long long)(note->took_ns / 1000));
}

static PyObject *call_logger(struct lc_py_worker *p, const struct lc_py_note *note, PyObject *env)
{
    PyObject *args, *text, *done;

    if (note->level >= 0) {
        text = PyUnicode_DecodeUTF8(note->text.p, (Py_ssize_t)note->text.n, "backslashreplace");
        done = text ? PyObject_CallMethod(p->callbacks, "log", "iO", note->level, text) : NULL;
        Py_XDECREF(text);
        return done;
    }
    if ((args = tuple_of(p, note)) == NULL)
        return NULL;
    done = PyObject_CallMethod(p->callbacks, "log_access", "OO", env ? env : Py_None, args);
    Py_DECREF(args);
    return done;
}

void lc_py_note_tell(struct lc_py_worker *p, struct lc_py_note *note, PyObject *env)
{
    PyObject *done = call_logger(p, note, env);

    if (done == NULL)
        PyErr_WriteUnraisable(p->callbacks);
    Py_XDECREF(done);
    free(note);
}
