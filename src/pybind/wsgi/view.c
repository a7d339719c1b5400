/* pybind/wsgi/view.c - what Python sees of the running exchange when it looks: the base of licorne.reqres's types.
 *
 * A view holds nothing but where to look; what was found, or stored by a hook, lies in its __dict__, which there is from
 * the first such moment on.  Everything is read under the engine's lock as plain bytes and text: of those no allocation
 * starts a collection, and with it code of Python. */
#include "pybind/compat.h"
#include "pybind/wsgi/wsgi.h"

#include <structmember.h>

struct lc_wsgi_view {
    PyObject_HEAD struct lc_wsgi *w; /* NULL: the request is over */
    PyObject *dict, *weaks;
};

/* --- the request ---------------------------------------------------------------------------------------------- */

static PyObject *text_of(struct lc_wsgi *w, struct lc_span span)
{
    struct lc_str s = lc_req_text(&w->x->req, span);

    return lc_wsgi_text(w, s.p, s.n);
}

static PyObject *look_method(struct lc_wsgi *w)
{
    const struct lc_request *req = &w->x->req;

    return req->method_id == LC_METHOD_OTHER ? text_of(w, req->method)
                                             : Py_NewRef(w->st->methods[req->method_id]);
}

static PyObject *look_uri(struct lc_wsgi *w)
{
    return text_of(w, w->x->req.target);
}

static PyObject *look_path(struct lc_wsgi *w)
{
    return text_of(w, w->x->req.path);
}

static PyObject *look_query(struct lc_wsgi *w)
{
    return text_of(w, w->x->req.query);
}

static PyObject *look_major(struct lc_wsgi *w)
{
    return PyLong_FromLong(w->x->req.version_major);
}

static PyObject *look_minor(struct lc_wsgi *w)
{
    return PyLong_FromLong(w->x->req.version_minor);
}

static PyObject *look_scheme(struct lc_wsgi *w)
{
    return Py_NewRef(w->x->is_https ? w->st->n.https : w->st->n.http);
}

static PyObject *look_must_close(struct lc_wsgi *w)
{
    return PyBool_FromLong(w->x->req.must_close);
}

static PyObject *look_keep_alive(struct lc_wsgi *w)
{
    return PyBool_FromLong(w->x->req.is_keep_alive && !w->x->req.must_close);
}

static PyObject *look_ip(struct lc_wsgi *w)
{
    char ip[LC_ADDR_TEXT_MAX];

    if (w->x->peer->family == LC_ADDR_UNIX)
        return Py_NewRef(w->st->n.empty);
    lc_addr_ip(w->x->peer, ip);
    return PyUnicode_FromString(ip);
}

static PyObject *look_port(struct lc_wsgi *w)
{
    return PyLong_FromLong(w->x->peer->family == LC_ADDR_UNIX ? 0 : lc_addr_port(w->x->peer));
}

static PyObject *look_body(struct lc_wsgi *w)
{
    return Py_NewRef((PyObject *)w->input);
}

static size_t put(char *at, struct lc_str s)
{
    memcpy(at, s.p, s.n);
    return s.n;
}

/* "Name: value\r\n" ... of what the application may see. */
static PyObject *look_fields(struct lc_wsgi *w)
{
    const struct lc_request *req = &w->x->req;
    PyObject *text;
    size_t n = 0;
    char *at;

    for (uint32_t i = 0; i < req->nfields; i++)
        n += req->fields[i].name.len + req->fields[i].value.len + 4;
    if ((text = PyBytes_FromStringAndSize(NULL, (Py_ssize_t)n)) == NULL)
        return NULL;
    at = PyBytes_AS_STRING(text);
    for (uint32_t i = 0; i < req->nfields; i++) {
        const struct lc_field *f = &req->fields[i];
        struct lc_str value = lc_req_text(req, f->value);

        if (f->flags & LC_FIELD_DROPPED)
            continue;
        at += put(at, lc_req_text(req, f->name));
        at += put(at, LC_STR(": "));
        at += f->flags & LC_FIELD_FOLDED ? lc_field_unfold(value, at) : put(at, value);
        at += put(at, LC_STR("\r\n"));
    }
    lc_py_bytes_resize(&text, at - PyBytes_AS_STRING(text));
    return text;
}

/* --- the response --------------------------------------------------------------------------------------------- */

static PyObject *look_line(struct lc_wsgi *w)
{
    const struct lc_response *res = &w->x->res;

    if (!res->is_started)
        Py_RETURN_NONE;
    return PyUnicode_DecodeLatin1(res->line, res->line_len, NULL);
}

static PyObject *look_code(struct lc_wsgi *w)
{
    if (!w->x->res.is_started)
        Py_RETURN_NONE;
    return PyLong_FromLong(w->x->res.status);
}

static PyObject *look_res_fields(struct lc_wsgi *w)
{
    const struct lc_response *res = &w->x->res;
    size_t end = res->is_head_sent ? res->fields_end : res->block.len;

    if (!res->is_started || end < LC_HEAD_ROOM)
        return PyBytes_FromStringAndSize(NULL, 0);
    return PyBytes_FromStringAndSize(res->block.p + LC_HEAD_ROOM, (Py_ssize_t)(end - LC_HEAD_ROOM));
}

static PyObject *look_length(struct lc_wsgi *w)
{
    if (w->x->res.content_length < 0)
        Py_RETURN_NONE;
    return PyLong_FromLongLong(w->x->res.content_length);
}

static PyObject *look_sent(struct lc_wsgi *w)
{
    return PyLong_FromLongLong(w->x->res.sent);
}

static PyObject *look_head_sent(struct lc_wsgi *w)
{
    return PyBool_FromLong(w->x->res.is_head_sent);
}

static PyObject *look_chunked(struct lc_wsgi *w)
{
    return PyBool_FromLong(w->x->res.is_chunked);
}

static PyObject *look_upgrade(struct lc_wsgi *w)
{
    return PyBool_FromLong(w->x->res.is_upgrade);
}

/* --- looking -------------------------------------------------------------------------------------------------- */

static const struct {
    const char *name;
    PyObject *(*fn)(struct lc_wsgi *w); /* under the lock */
} looks[] = {
    {"method", look_method},
    {"uri", look_uri},
    {"path", look_path},
    {"query", look_query},
    {"major", look_major},
    {"minor", look_minor},
    {"scheme", look_scheme},
    {"must_close", look_must_close},
    {"keep_alive", look_keep_alive},
    {"ip", look_ip},
    {"port", look_port},
    {"body", look_body},
    {"fields", look_fields},
    {"line", look_line},
    {"code", look_code},
    {"res_fields", look_res_fields},
    {"length", look_length},
    {"sent", look_sent},
    {"head_sent", look_head_sent},
    {"chunked", look_chunked},
    {"upgrade", look_upgrade},
};

static PyObject *view_look(PyObject *self, PyObject *name)
{
    struct lc_wsgi *w = ((struct lc_wsgi_view *)self)->w;
    const char *text = PyUnicode_AsUTF8(name);
    PyObject *found;
    size_t i = 0;

    if (text == NULL)
        return NULL;
    while (i < LC_ARRAY_LEN(looks) && strcmp(looks[i].name, text) != 0)
        i++;
    if (i == LC_ARRAY_LEN(looks))
        return PyErr_Format(PyExc_AttributeError, "nothing is called %R here", name);
    if (w == NULL || w->x == NULL) {
        PyErr_SetString(PyExc_RuntimeError, "the request that this object belonged to is over");
        return NULL;
    }
    if (lc_wsgi_enter(w, w->x) < 0)
        return NULL;
    found = looks[i].fn(w);
    lc_wsgi_leave(w);
    return found;
}

/* --- life ----------------------------------------------------------------------------------------------------- */

struct lc_wsgi_view *lc_wsgi_view_new(struct lc_wsgi *w, PyObject *type)
{
    struct lc_wsgi_view *v = (struct lc_wsgi_view *)PyObject_CallNoArgs(type);

    if (v)
        v->w = w;
    return v;
}

void lc_wsgi_view_detach(struct lc_wsgi_view *v)
{
    v->w = NULL;
}

bool lc_wsgi_view_is_free(const struct lc_wsgi_view *v)
{
    return Py_REFCNT(v) == 1 && v->weaks == NULL;
}

bool lc_wsgi_view_is_touched(const struct lc_wsgi_view *v)
{
    return v->dict && PyDict_GET_SIZE(v->dict) > 0;
}

void lc_wsgi_view_reset(struct lc_wsgi_view *v)
{
    if (LC_UNLIKELY(v->dict != NULL))
        Py_CLEAR(v->dict);
}

static int view_traverse(PyObject *self, visitproc visit, void *arg)
{
    Py_VISIT(Py_TYPE(self));
    Py_VISIT(((struct lc_wsgi_view *)self)->dict);
    return 0;
}

static int view_clear(PyObject *self)
{
    Py_CLEAR(((struct lc_wsgi_view *)self)->dict);
    return 0;
}

static void view_dealloc(PyObject *self)
{
    struct lc_wsgi_view *v = (struct lc_wsgi_view *)self;
    PyTypeObject *type = Py_TYPE(self);

    PyObject_GC_UnTrack(self);
    if (v->weaks)
        PyObject_ClearWeakRefs(self);
    Py_CLEAR(v->dict);
    type->tp_free(self);
    Py_DECREF(type);
}

static PyMethodDef methods[] = {
    {"_look", view_look, METH_O, "_look(name)\n\nA part of the running exchange, as it is now."},
    {NULL},
};

static PyGetSetDef getset[] = {
    {"__dict__", PyObject_GenericGetDict, PyObject_GenericSetDict, NULL, NULL},
    {NULL},
};

static PyMemberDef members[] = {
    {"__dictoffset__", T_PYSSIZET, offsetof(struct lc_wsgi_view, dict), READONLY, NULL},
    {"__weaklistoffset__", T_PYSSIZET, offsetof(struct lc_wsgi_view, weaks), READONLY, NULL},
    {NULL},
};

static PyType_Slot slots[] = {
    {Py_tp_dealloc, (void *)(uintptr_t)view_dealloc},
    {Py_tp_traverse, (void *)(uintptr_t)view_traverse},
    {Py_tp_clear, (void *)(uintptr_t)view_clear},
    {Py_tp_methods, methods},
    {Py_tp_getset, getset},
    {Py_tp_members, members},
    {Py_tp_doc,
     "What hooks see of an exchange. Made by the engine; one made otherwise sees nothing."},
    {0, NULL},
};

PyType_Spec lc_py_view_spec = {
    .name = "licorne._engine.View",
    .basicsize = sizeof(struct lc_wsgi_view),
    .flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_BASETYPE | Py_TPFLAGS_HAVE_GC,
    .slots = slots,
};
