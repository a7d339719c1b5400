/* pybind/wsgi/view.c - what Python sees of the running exchange when it looks: the base of licorne.reqres's types.
 *
 * A view holds nothing but where to look; what was found, or stored by a hook, lies in its __dict__, which there is from
 * the first such moment on.  The names are Found objects in the class of the view: found once, then found in __dict__.
 * Everything is read under the engine's lock as plain bytes and text: of those no allocation starts a collection, and
 * with it code of Python. */
#include "pybind/compat.h"
#include "pybind/wsgi/wsgi.h"

#include <structmember.h>

/* What the environ is made from, too, and cannot be changed in place. */
enum plain { METHOD, URI, PATH, QUERY, SCHEME, PLAINS, OTHER };

struct lc_wsgi_view {
    PyObject_HEAD struct lc_wsgi *w; /* NULL: the request is over */
    PyObject *dict, *weaks;
    PyObject *plain[PLAINS]; /* owned: as they were found */
};

struct found {
    PyObject_HEAD unsigned look; /* index of looks */
    PyObject *name; /* owned, interned: of the attribute; NULL until the class is there */
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
    size_t end;

    if (res->is_head_sent && res->block.p == NULL)
        lc_worker_uncork(&w->p->worker);
    end = res->is_head_sent ? res->fields_end : res->block.len;
    if (!res->is_started || res->block.p == NULL || end < LC_HEAD_ROOM)
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
    enum plain plain;
} looks[] = {
    {"method", look_method, METHOD},
    {"uri", look_uri, URI},
    {"path", look_path, PATH},
    {"query", look_query, QUERY},
    {"scheme", look_scheme, SCHEME},
    {"major", look_major, OTHER},
    {"minor", look_minor, OTHER},
    {"must_close", look_must_close, OTHER},
    {"keep_alive", look_keep_alive, OTHER},
    {"ip", look_ip, OTHER},
    {"port", look_port, OTHER},
    {"body", look_body, OTHER},
    {"fields", look_fields, OTHER},
    {"line", look_line, OTHER},
    {"code", look_code, OTHER},
    {"res_fields", look_res_fields, OTHER},
    {"length", look_length, OTHER},
    {"sent", look_sent, OTHER},
    {"head_sent", look_head_sent, OTHER},
    {"chunked", look_chunked, OTHER},
    {"upgrade", look_upgrade, OTHER},
};

/* -1 with an exception. */
static int look_number(PyObject *name)
{
    const char *text = PyUnicode_AsUTF8(name);

    for (size_t i = 0; text && i < LC_ARRAY_LEN(looks); i++) {
        if (strcmp(looks[i].name, text) == 0)
            return (int)i;
    }
    if (text)
        PyErr_Format(PyExc_AttributeError, "nothing is called %R here", name);
    return -1;
}

static PyObject *look(struct lc_wsgi_view *v, unsigned i)
{
    struct lc_wsgi *w = v->w;
    PyObject *found;

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

static PyObject *view_look(PyObject *self, PyObject *name)
{
    int i = look_number(name);

    return i < 0 ? NULL : look((struct lc_wsgi_view *)self, (unsigned)i);
}

/* --- names ---------------------------------------------------------------------------------------------------- */

static PyObject *found_new(PyTypeObject *type, PyObject *args, PyObject *kwds LC_UNUSED)
{
    PyObject *name;
    struct found *f;
    int i;

    if (!PyArg_ParseTuple(args, "U", &name) || (i = look_number(name)) < 0)
        return NULL;
    if ((f = (struct found *)type->tp_alloc(type, 0)) != NULL)
        f->look = (unsigned)i;
    return (PyObject *)f;
}

static PyObject *found_set_name(PyObject *self, PyObject *args)
{
    struct found *f = (struct found *)self;
    PyObject *owner, *name;

    if (!PyArg_ParseTuple(args, "OU", &owner, &name))
        return NULL;
    Py_INCREF(name);
    PyUnicode_InternInPlace(&name);
    Py_XSETREF(f->name, name);
    Py_RETURN_NONE;
}

/* Called when the instance's __dict__ has no such name (yet). */
static PyObject *found_get(PyObject *self, PyObject *obj, PyObject *type LC_UNUSED)
{
    struct found *f = (struct found *)self;
    struct lc_wsgi_view *v = (struct lc_wsgi_view *)obj;
    const struct lc_py_state *st = PyType_GetModuleState(Py_TYPE(self));
    enum plain plain = looks[f->look].plain;
    PyObject *value;

    if (obj == NULL || f->name == NULL)
        return Py_NewRef(self);
    if (!PyObject_TypeCheck(obj, st->view_type))
        return PyErr_Format(PyExc_TypeError, "%R is no View", obj);
    if ((v->dict == NULL && (v->dict = PyDict_New()) == NULL) || (value = look(v, f->look)) == NULL)
        return NULL;
    if (PyDict_SetItem(v->dict, f->name, value) < 0)
        Py_CLEAR(value);
    else if (plain < PLAINS)
        Py_XSETREF(v->plain[plain], Py_NewRef(value));
    return value;
}

static void found_dealloc(PyObject *self)
{
    PyTypeObject *type = Py_TYPE(self);

    Py_CLEAR(((struct found *)self)->name);
    type->tp_free(self);
    Py_DECREF(type);
}

static PyMethodDef found_methods[] = {
    {"__set_name__", found_set_name, METH_VARARGS, NULL},
    {NULL},
};

static PyType_Slot found_slots[] = {
    {Py_tp_new, (void *)(uintptr_t)found_new},
    {Py_tp_dealloc, (void *)(uintptr_t)found_dealloc},
    {Py_tp_descr_get, (void *)(uintptr_t)found_get},
    {Py_tp_methods, found_methods},
    {Py_tp_doc, (void *)(uintptr_t) "Found(name)\n\nAn attribute of a View: found in the exchange "
                                    "when it is looked at."},
    {0, NULL},
};

PyType_Spec lc_py_found_spec = {
    .name = "licorne._engine.Found",
    .basicsize = sizeof(struct found),
    .flags = Py_TPFLAGS_DEFAULT,
    .slots = found_slots,
};

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

/* Lists and what was set anew: Python looks closer. */
static bool may_differ(const struct lc_wsgi_view *v, PyObject *key, PyObject *value)
{
    const struct lc_py_names *n = &v->w->st->n;
    PyObject *const plain[PLAINS] = {[METHOD] = n->method,
                                     [URI] = n->uri,
                                     [PATH] = n->path,
                                     [QUERY] = n->query,
                                     [SCHEME] = n->scheme};

    for (int i = 0; i < PLAINS; i++) {
        if (key == plain[i])
            return value != v->plain[i];
    }
    return key == n->headers || key == n->version || key == n->must_close;
}

bool lc_wsgi_view_may_differ(const struct lc_wsgi_view *v)
{
    PyObject *key, *value; /* borrowed */
    Py_ssize_t at = 0;

    while (v->dict && PyDict_Next(v->dict, &at, &key, &value)) {
        if (may_differ(v, key, value))
            return true;
    }
    return false;
}

static void forget(struct lc_wsgi_view *v)
{
    Py_CLEAR(v->dict);
    for (int i = 0; i < PLAINS; i++)
        Py_CLEAR(v->plain[i]);
}

void lc_wsgi_view_reset(struct lc_wsgi_view *v)
{
    if (v->dict)
        forget(v);
}

static int view_traverse(PyObject *self, visitproc visit, void *arg)
{
    Py_VISIT(Py_TYPE(self));
    Py_VISIT(((struct lc_wsgi_view *)self)->dict);
    return 0;
}

static int view_clear(PyObject *self)
{
    forget((struct lc_wsgi_view *)self);
    return 0;
}

static void view_dealloc(PyObject *self)
{
    struct lc_wsgi_view *v = (struct lc_wsgi_view *)self;
    PyTypeObject *type = Py_TYPE(self);

    PyObject_GC_UnTrack(self);
    if (v->weaks)
        PyObject_ClearWeakRefs(self);
    forget(v);
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
    {Py_tp_doc, (void *)(uintptr_t) "What hooks see of an exchange. Made by the engine; one made "
                                    "otherwise sees nothing."},
    {0, NULL},
};

PyType_Spec lc_py_view_spec = {
    .name = "licorne._engine.View",
    .basicsize = sizeof(struct lc_wsgi_view),
    .flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_BASETYPE | Py_TPFLAGS_HAVE_GC,
    .slots = slots,
};
