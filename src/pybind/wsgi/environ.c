/* pybind/wsgi/environ.c - the environ: a copy of the listener's template, then what differs in this request.
 *
 * A template holds every key that Gunicorn's environ always has, with the values of the plainest request, so a plain
 * request sets few of them.  Keys are interned; a header's name finds its key by the parser's token, an unknown name in
 * a small cache of names (never of values). */
#include "pybind/wsgi/wsgi.h"

#include "http/uri.h"

#include <stdlib.h>

#define ROOMY_TURNS 256
#define FEW_FIELDS  14 /* up to so many, the plain template's table has room for them all */

PyObject *lc_wsgi_text(struct lc_wsgi *w, const char *p, size_t n)
{
    PyObject *s;
    size_t i = 0;
    uint64_t word, high = 0;

    if (n == 0)
        return Py_NewRef(w->st->n.empty);
    for (; i + 8 <= n; i += 8) {
        memcpy(&word, p + i, 8);
        high |= word;
    }
    high &= 0x8080808080808080u;
    for (; i < n; i++)
        high |= (uint8_t)p[i] & 0x80u;
    if (LC_UNLIKELY(n == 1 || high))
        return PyUnicode_DecodeLatin1(p, (Py_ssize_t)n, NULL);
    if ((s = PyUnicode_New((Py_ssize_t)n, 127)) != NULL)
        memcpy(PyUnicode_1BYTE_DATA(s), p, n);
    return s;
}

/* --- templates ------------------------------------------------------------------------------------------------ */

static int set_steal(PyObject *d, PyObject *key, PyObject *value)
{
    int rc;

    if (value == NULL)
        return -1;
    rc = PyDict_SetItem(d, key, value);
    Py_DECREF(value);
    return rc;
}

static int set_kit(struct lc_wsgi *w, PyObject *d)
{
    struct lc_py_names *k = &w->st->n;

    if (PyDict_SetItem(d, k->wsgi_input, (PyObject *)w->input) < 0 ||
        PyDict_SetItem(d, k->socket, w->connection) < 0 ||
        PyDict_SetItem(d, k->early_hints, (PyObject *)w->callables[LC_ROLE_HINTS]) < 0)
        return -1;
    return PyDict_SetItem(d, k->disconnected, (PyObject *)w->callables[LC_ROLE_GONE]);
}

int lc_wsgi_kit_install(struct lc_wsgi *w)
{
    for (uint32_t i = 0; i < w->p->conf.nlisteners; i++) {
        if (set_kit(w, w->templates[i]) < 0 || set_kit(w, w->roomy[i]) < 0)
            return -1;
    }
    return 0;
}

static Py_ssize_t size_of(PyObject *d)
{
    PyObject *size = PyObject_CallMethod(d, "__sizeof__", NULL);
    Py_ssize_t n = size ? PyLong_AsSsize_t(size) : -1;

    Py_XDECREF(size);
    return n;
}

/* A copy whose table has room for a browser's headers, so that filling it moves nothing.  Entries that are deleted use
 * up a table until it is made anew, for three times what lives in it; where a Python works otherwise, only time is lost. */
static PyObject *make_roomy(PyObject *template)
{
    PyObject *d = PyDict_Copy(template), *filler = PyUnicode_FromString("");
    Py_ssize_t size = d ? size_of(d) : -1;
    int rc = size < 0 || filler == NULL ? -1 : 0;

    for (int i = 0; i < ROOMY_TURNS && rc == 0 && size_of(d) == size; i++) {
        rc = PyDict_SetItem(d, filler, Py_None);
        if (rc == 0)
            rc = PyDict_DelItem(d, filler);
    }
    Py_XDECREF(filler);
    if (rc < 0)
        Py_CLEAR(d);
    return d;
}

static int set_fixed(struct lc_wsgi *w, PyObject *d, const char *software)
{
    struct lc_py_names *k = &w->st->n;

    if (PyDict_SetItem(d, k->wsgi_errors, w->p->errors) < 0 ||
        set_steal(d, k->wsgi_version, Py_BuildValue("(ii)", 1, 0)) < 0 ||
        PyDict_SetItem(d, k->multithread, w->p->conf.is_multithread ? Py_True : Py_False) < 0 ||
        PyDict_SetItem(d, k->multiprocess, w->p->conf.is_multiprocess ? Py_True : Py_False) < 0 ||
        PyDict_SetItem(d, k->run_once, Py_False) < 0 ||
        PyDict_SetItem(d, k->file_wrapper, w->p->file_wrapper) < 0 ||
        PyDict_SetItem(d, k->input_terminated, Py_True) < 0)
        return -1;
    return set_steal(d, k->SERVER_SOFTWARE, PyUnicode_FromString(software));
}

static int set_plain_request(struct lc_wsgi *w, PyObject *d)
{
    struct lc_py_names *k = &w->st->n;

    if (PyDict_SetItem(d, k->REQUEST_METHOD, w->st->methods[LC_METHOD_GET]) < 0 ||
        PyDict_SetItem(d, k->QUERY_STRING, k->empty) < 0 ||
        PyDict_SetItem(d, k->RAW_URI, k->slash) < 0 ||
        PyDict_SetItem(d, k->SERVER_PROTOCOL, k->http11) < 0 ||
        PyDict_SetItem(d, k->url_scheme, k->http) < 0 ||
        PyDict_SetItem(d, k->PATH_INFO, k->slash) < 0)
        return -1;
    return PyDict_SetItem(d, k->SCRIPT_NAME, k->empty);
}

static PyObject *make_template(struct lc_wsgi *w, PyObject *listener, const char *software,
                               bool *is_unix)
{
    struct lc_py_names *k = &w->st->n;
    PyObject *d = PyDict_New(), *display, *name, *port, *slots;
    const char *kind;
    int fd;

    if (d == NULL)
        return NULL;
    if (!PyArg_ParseTuple(listener, "isUUUO", &fd, &kind, &display, &name, &port, &slots))
        goto fail;
    *is_unix = kind[0] == 'u';
    if (set_fixed(w, d, software) < 0 || set_plain_request(w, d) < 0 || set_kit(w, d) < 0)
        goto fail;
    if (PyDict_SetItem(d, k->SERVER_NAME, name) < 0 ||
        PyDict_SetItem(d, k->SERVER_PORT, port) < 0 ||
        PyDict_SetItem(d, k->REMOTE_ADDR, *is_unix ? k->empty : k->localhost) < 0)
        goto fail;
    return d;
fail:
    Py_DECREF(d);
    return NULL;
}

int lc_wsgi_templates(struct lc_wsgi *w, PyObject *config)
{
    PyObject *list =
        PyDict_GetItemString(config, "listeners"); /* borrowed; checked by lc_py_config */
    bool failed = false;
    const char *software = lc_py_config_text(config, "server_software", &failed);

    if (failed)
        return -1;
    for (uint32_t i = 0; i < w->p->conf.nlisteners; i++) {
        w->templates[i] =
            make_template(w, PyList_GET_ITEM(list, i), software ? software : "", &w->p->is_unix[i]);
        if (w->templates[i] == NULL || (w->roomy[i] = make_roomy(w->templates[i])) == NULL)
            return -1;
    }
    return 0;
}

/* --- headers -------------------------------------------------------------------------------------------------- */

static char key_char(char c)
{
    return c == '-' ? '_' : c >= 'a' && c <= 'z' ? (char)(c - 32) : c;
}

static PyObject *make_key(struct lc_str name)
{
    char small[256], *key = name.n + 5 <= sizeof small ? small : PyMem_Malloc(name.n + 5);
    PyObject *s;

    if (key == NULL)
        return PyErr_NoMemory();
    memcpy(key, "HTTP_", 5);
    for (size_t i = 0; i < name.n; i++)
        key[5 + i] = key_char(name.p[i]);
    s = PyUnicode_DecodeLatin1(key, (Py_ssize_t)name.n + 5, NULL);
    if (key != small)
        PyMem_Free(key);
    return s;
}

/* New reference. */
static PyObject *unknown_key(struct lc_wsgi *w, struct lc_str name)
{
    uint32_t hash = 2166136261u;
    struct lc_key *slot;
    PyObject *key;

    for (size_t i = 0; i < name.n; i++)
        hash = (hash ^ (uint8_t)name.p[i]) * 16777619u;
    slot = &w->keys[hash % LC_KEY_CACHE];
    if (slot->key && slot->hash == hash && slot->len == name.n &&
        memcmp(slot->name, name.p, name.n) == 0)
        return Py_NewRef(slot->key);
    if ((key = make_key(name)) == NULL || name.n > sizeof slot->name)
        return key;
    PyUnicode_InternInPlace(&key);
    Py_XSETREF(slot->key, Py_NewRef(key));
    slot->hash = hash;
    slot->len = (uint8_t)name.n;
    memcpy(slot->name, name.p, name.n);
    return key;
}

/* A repeated field: values joined with a comma.  Steals value. */
static int join(PyObject *env, PyObject *key, PyObject *first, PyObject *value)
{
    PyObject *both = PyUnicode_FromFormat("%U,%U", first, value);

    Py_DECREF(value);
    return set_steal(env, key, both);
}

/* Steals value. */
static int add(PyObject *env, PyObject *key, PyObject *value)
{
    PyObject *there; /* borrowed */

    if (value == NULL)
        return -1;
    there = PyDict_SetDefault(env, key, value);
    if (LC_UNLIKELY(there != value))
        return there ? join(env, key, there, value) : (Py_DECREF(value), -1);
    Py_DECREF(value);
    return 0;
}

static PyObject *folded_text(struct lc_wsgi *w, struct lc_str raw)
{
    char *copy = PyMem_Malloc(raw.n + 1);
    PyObject *s;

    if (copy == NULL)
        return PyErr_NoMemory();
    s = lc_wsgi_text(w, copy, lc_field_unfold(raw, copy));
    PyMem_Free(copy);
    return s;
}

static int add_header(struct lc_wsgi *w, PyObject *env, const struct lc_request *req,
                      const struct lc_field *f)
{
    struct lc_py_names *k = &w->st->n;
    struct lc_str raw = lc_req_text(req, f->value);
    PyObject *value, *key;
    int rc;

    if (LC_UNLIKELY(f->flags & LC_FIELD_DROPPED))
        return 0;
    value = LC_UNLIKELY(f->flags & LC_FIELD_FOLDED) ? folded_text(w, raw)
                                                    : lc_wsgi_text(w, raw.p, raw.n);
    if (f->token == LC_TOKEN_CONTENT_TYPE)
        return add(env, k->CONTENT_TYPE, value);
    if (f->token == LC_TOKEN_CONTENT_LENGTH)
        return add(env, k->CONTENT_LENGTH, value);
    if (f->token != LC_TOKEN_NONE)
        return add(env, w->st->header_keys[f->token], value);
    if ((key = unknown_key(w, lc_req_text(req, f->name))) == NULL) {
        Py_XDECREF(value);
        return -1;
    }
    rc = add(env, key, value);
    Py_DECREF(key);
    return rc;
}

/* --- who and where -------------------------------------------------------------------------------------------- */

/* The text of the peer's address; the last one is kept, for clients come again and proxies come always. */
static PyObject *peer_ip(struct lc_wsgi *w, const struct lc_addr *peer)
{
    char ip[LC_ADDR_TEXT_MAX];
    bool same = w->last_ip && w->last_peer.family == peer->family &&
                (peer->family == LC_ADDR_IP4
                     ? w->last_peer.u.ip4.sin_addr.s_addr == peer->u.ip4.sin_addr.s_addr
                     : memcmp(&w->last_peer.u.ip6.sin6_addr, &peer->u.ip6.sin6_addr, 16) == 0);

    if (!same) {
        lc_addr_ip(peer, ip);
        Py_XSETREF(w->last_ip, lc_wsgi_text(w, ip, strlen(ip)));
        w->last_peer = *peer;
    }
    return w->last_ip; /* borrowed */
}

static int set_peer(struct lc_wsgi *w, PyObject *env, struct lc_exchange *x)
{
    struct lc_py_names *k = &w->st->n;
    char port[20];
    PyObject *ip;

    if (x->peer->family == LC_ADDR_UNIX)
        return 0; /* the template says "" and has no port */
    if ((ip = peer_ip(w, x->peer)) == NULL)
        return -1;
    if (ip != k->localhost && PyDict_SetItem(env, k->REMOTE_ADDR, ip) < 0)
        return -1;
    return set_steal(env, k->REMOTE_PORT,
                     lc_wsgi_text(w, port, lc_u64_to_dec(lc_addr_port(x->peer), port)));
}

/* A unix listener has no name of its own: Host tells it, and the scheme tells the port that Host leaves out. */
static int set_server_from_host(struct lc_wsgi *w, PyObject *env, struct lc_exchange *x)
{
    struct lc_py_names *k = &w->st->n;
    const struct lc_request *req = &x->req;
    struct lc_str host = LC_STR_NULL, port = x->is_https ? LC_STR("443") : LC_STR("80");
    size_t i;

    for (uint32_t f = 0; f < req->nfields; f++) {
        if (req->fields[f].token == LC_TOKEN_HOST)
            host = lc_req_text(req, req->fields[f].value);
    }
    if (host.n == 0)
        return 0;
    for (i = host.n; i > 0 && host.p[i - 1] >= '0' && host.p[i - 1] <= '9'; i--) {
    }
    if (i > 0 && host.p[i - 1] == ':') {
        if (i < host.n)
            port = lc_str_of(host.p + i, host.n - i);
        host.n = i - 1;
    }
    if (set_steal(env, k->SERVER_NAME, lc_wsgi_text(w, host.p, host.n)) < 0)
        return -1;
    return set_steal(env, k->SERVER_PORT, lc_wsgi_text(w, port.p, port.n));
}

/* --- the path ------------------------------------------------------------------------------------------------- */

/* SCRIPT_NAME: a trusted peer's header before the environment's.  New reference. */
static PyObject *mount_of(struct lc_wsgi *w, struct lc_exchange *x)
{
    const struct lc_request *req = &x->req;

    for (uint32_t i = 0; i < req->nfields; i++) {
        const struct lc_field *f = &req->fields[i];

        if (LC_UNLIKELY((f->flags & (LC_FIELD_UNDERSCORE | LC_FIELD_DROPPED)) ==
                        LC_FIELD_UNDERSCORE) &&
            lc_str_ieq(lc_req_text(req, f->name), LC_STR("SCRIPT_NAME"))) {
            struct lc_str v = lc_req_text(req, f->value);

            return lc_wsgi_text(w, v.p, v.n);
        }
    }
    return Py_NewRef(w->p->script_name);
}

static PyObject *decode_path(struct lc_wsgi *w, struct lc_str path)
{
    char small[1024], *buf = small;
    PyObject *s;

    if (memchr(path.p, '%', path.n) == NULL)
        return lc_wsgi_text(w, path.p, path.n);
    if (path.n > sizeof small && (buf = PyMem_Malloc(path.n)) == NULL)
        return PyErr_NoMemory();
    s = lc_wsgi_text(w, buf, lc_uri_decode(path, buf));
    if (buf != small)
        PyMem_Free(buf);
    return s;
}

/* 1: the path does not lie under the mount. */
static int set_mounted(struct lc_wsgi *w, PyObject *env, PyObject *path, PyObject *mount)
{
    struct lc_py_names *k = &w->st->n;
    Py_ssize_t n = PyUnicode_GET_LENGTH(mount);
    PyObject *rest;
    Py_ssize_t fits;
    int rc;

    if ((fits = PyUnicode_Tailmatch(path, mount, 0, PY_SSIZE_T_MAX, -1)) <= 0)
        return fits < 0 ? -1 : 1;
    if ((rest = PyUnicode_Substring(path, n, PyUnicode_GET_LENGTH(path))) == NULL)
        return -1;
    rc = PyDict_SetItem(env, k->PATH_INFO, rest);
    if (rc == 0)
        rc = PyDict_SetItem(env, k->SCRIPT_NAME, mount);
    Py_DECREF(rest);
    return rc;
}

static int set_path(struct lc_wsgi *w, PyObject *env, struct lc_exchange *x)
{
    struct lc_py_names *k = &w->st->n;
    struct lc_str path = lc_req_text(&x->req, x->req.path);
    PyObject *text = NULL, *mount;
    int rc = -1;

    if ((mount = mount_of(w, x)) == NULL)
        return -1;
    if (path.n == 1 && path.p[0] == '/' && PyUnicode_GET_LENGTH(mount) == 0) {
        Py_DECREF(mount);
        return 0; /* as the template has it */
    }
    if ((text = decode_path(w, path)) != NULL) {
        rc = PyUnicode_GET_LENGTH(mount) > 0 ? set_mounted(w, env, text, mount)
                                             : PyDict_SetItem(env, k->PATH_INFO, text);
        Py_DECREF(text);
    }
    Py_DECREF(mount);
    return rc;
}

static PyObject *other_method(struct lc_wsgi *w, struct lc_str method)
{
    PyObject *text = lc_wsgi_text(w, method.p, method.n), *upper;

    if (text == NULL || !w->p->conf.limits.casefold_http_method)
        return text;
    upper = PyObject_CallMethod(text, "upper", NULL);
    Py_DECREF(text);
    return upper;
}

static int set_line(struct lc_wsgi *w, PyObject *env, struct lc_exchange *x)
{
    struct lc_py_names *k = &w->st->n;
    const struct lc_request *req = &x->req;
    struct lc_str method = lc_req_text(req, req->method), target = lc_req_text(req, req->target);
    struct lc_str query = lc_req_text(req, req->query);
    char version[9] = "HTTP/1.1";

    if (req->method_id == LC_METHOD_OTHER) {
        if (set_steal(env, k->REQUEST_METHOD, other_method(w, method)) < 0)
            return -1;
    } else if (req->method_id != LC_METHOD_GET &&
               PyDict_SetItem(env, k->REQUEST_METHOD, w->st->methods[req->method_id]) < 0) {
        return -1;
    }
    if (query.n > 0 && set_steal(env, k->QUERY_STRING, lc_wsgi_text(w, query.p, query.n)) < 0)
        return -1;
    if ((target.n != 1 || target.p[0] != '/') &&
        set_steal(env, k->RAW_URI, lc_wsgi_text(w, target.p, target.n)) < 0)
        return -1;
    if (req->version_major == 1 && req->version_minor == 1)
        return 0;
    version[5] = (char)('0' + req->version_major % 10);
    version[7] = (char)('0' + req->version_minor % 10);
    return set_steal(env, k->SERVER_PROTOCOL, lc_wsgi_text(w, version, 8));
}

static void refuse_mount(struct lc_wsgi *w, struct lc_exchange *x)
{
    struct lc_str path = lc_req_text(&x->req, x->req.path);
    PyObject *mount = mount_of(w, x);
    const char *text = mount ? PyUnicode_AsUTF8(mount) : NULL;
    char mesg[512];

    PyOS_snprintf(
        mesg, sizeof mesg,
        "Configuration problem: Request path '%.*s' does not start with SCRIPT_NAME '%.200s'",
        (int)LC_MIN(path.n, 200), path.p, text ? text : "");
    PyErr_Clear();
    Py_XDECREF(mount);
    lc_log_write(&w->p->conf.log, LC_WARNING, "%s", mesg);
    if (w->p->hooks.is_on)
        lc_wsgi_hooks_after(w, NULL);
    lc_wsgi_refuse(w, 500, mesg);
}

PyObject *lc_wsgi_environ(struct lc_wsgi *w, struct lc_exchange *x)
{
    struct lc_py_names *k = &w->st->n;
    bool want_room = x->req.nfields > FEW_FIELDS;
    PyObject *env = PyDict_Copy((want_room ? w->roomy : w->templates)[x->listener]);
    int rc;

    if (env == NULL)
        return NULL;
    if (set_line(w, env, x) < 0)
        goto fail;
    for (uint32_t i = 0; i < x->req.nfields; i++) {
        if (add_header(w, env, &x->req, &x->req.fields[i]) < 0)
            goto fail;
    }
    if (x->is_https && PyDict_SetItem(env, k->url_scheme, k->https) < 0)
        goto fail;
    if (set_peer(w, env, x) < 0)
        goto fail;
    if (w->p->is_unix[x->listener] && set_server_from_host(w, env, x) < 0)
        goto fail;
    if ((rc = set_path(w, env, x)) == 0)
        return env;
    if (rc > 0)
        refuse_mount(w, x);
fail:
    Py_DECREF(env);
    return NULL;
}
