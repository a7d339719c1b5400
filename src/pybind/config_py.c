/* pybind/config_py.c - from the settings' dict to the engine's struct, by engine/config.def. */
#include "pybind/state.h"

#include <limits.h>
#include <stdlib.h>
#include <string.h>

#define X(kind, name, member, least, most)  {name, least, most},
#define NUMBER(name, least, most, constant) {name, least, most},
static const struct {
    const char *name;
    int64_t least, most;
} bounds[] = {
#include "engine/config.def"
};

/* What is written out in numbers, for the script, is what the code can hold. */
#define MOST_U32                            UINT32_MAX
#define MOST_I64                            INT64_MAX
#define MOST_MS                             (UINT32_MAX / 1000)
#define MOST_BOOL                           1
#define X(kind, name, member, least, most)  _Static_assert((most) <= MOST_##kind, name);
#define NUMBER(name, least, most, constant) _Static_assert((most) == (constant), name);
#define LIST(name, most, constant)          _Static_assert((most) == (constant), name);
#include "engine/config.def"

static int get_i64(PyObject *config, const char *name, int64_t *out)
{
    PyObject *v = PyDict_GetItemString(config, name); /* borrowed */

    if (v == NULL) {
        PyErr_Format(PyExc_KeyError, "setting %s is missing", name);
        return -1;
    }
    if (v == Py_None) {
        *out = 0;
        return 0;
    }
    *out = PyLong_AsLongLong(v);
    return *out == -1 && PyErr_Occurred() ? -1 : 0;
}

int lc_py_config_number(PyObject *config, const char *name, int64_t *out)
{
    size_t i = 0;

    if (get_i64(config, name, out) < 0)
        return -1;
    while (i < LC_ARRAY_LEN(bounds) && strcmp(bounds[i].name, name) != 0)
        i++;
    LC_CHECK(i < LC_ARRAY_LEN(bounds));
    if (*out >= bounds[i].least && *out <= bounds[i].most)
        return 0;
    PyErr_Format(PyExc_ValueError, "%s: %lld is not within %lld and %lld", name, (long long)*out,
                 (long long)bounds[i].least, (long long)bounds[i].most);
    return -1;
}

static int get_u32(PyObject *config, const char *name, uint32_t *out)
{
    int64_t v;

    if (lc_py_config_number(config, name, &v) < 0)
        return -1;
    *out = (uint32_t)v;
    return 0;
}

static int get_ms(PyObject *config, const char *name, uint32_t *out)
{
    int64_t v;

    if (lc_py_config_number(config, name, &v) < 0)
        return -1;
    *out = (uint32_t)v * 1000;
    return 0;
}

static int get_bool(PyObject *config, const char *name, bool *out)
{
    int64_t v;

    if (lc_py_config_number(config, name, &v) < 0)
        return -1;
    *out = v != 0;
    return 0;
}

static int get_scalars(PyObject *config, struct lc_engine_conf *conf)
{
#define GET_U32(name, member)  get_u32(config, name, &conf->member)
#define GET_I64(name, member)  lc_py_config_number(config, name, &conf->member)
#define GET_MS(name, member)   get_ms(config, name, &conf->member)
#define GET_BOOL(name, member) get_bool(config, name, &conf->member)
#define X(kind, name, member, least, most) \
    if (GET_##kind(name, member) < 0)      \
        return -1;
#include "engine/config.def"
    return 0;
}

const char *lc_py_config_text(PyObject *config, const char *name, bool *failed)
{
    PyObject *v = PyDict_GetItemString(config, name); /* borrowed */
    const char *text;

    if (v == NULL || v == Py_None)
        return NULL;
    if ((text = PyUnicode_AsUTF8(v)) == NULL)
        *failed = true;
    return text;
}

static int text_of(PyObject *item, struct lc_str *out)
{
    Py_ssize_t n;
    const char *p = PyUnicode_AsUTF8AndSize(item, &n);

    if (p == NULL)
        return -1;
    *out = lc_str_of(p, (size_t)n);
    return 0;
}

typedef int (*item_fn)(struct lc_policy *p, PyObject *item);

static int add_trusted(struct lc_policy *p, PyObject *item)
{
    struct lc_str net;

    if (text_of(item, &net) < 0)
        return -1;
    switch (lc_policy_trust(p, net)) {
    case LC_OK:
        return 0;
    case LC_ELIMIT:
        PyErr_Format(PyExc_ValueError, "forwarded_allow_ips: more than %d networks",
                     LC_POLICY_NETS_MAX);
        return -1;
    default:
        PyErr_Format(PyExc_ValueError, "forwarded_allow_ips: %R is no network", item);
        return -1;
    }
}

static int add_forwarder(struct lc_policy *p, PyObject *item)
{
    struct lc_str name;

    if (text_of(item, &name) < 0)
        return -1;
    if (lc_str_eq(name, LC_STR("*"))) {
        p->forward_all = true;
        return 0;
    }
    if (p->nforwarder == LC_POLICY_NAMES_MAX) {
        PyErr_Format(PyExc_ValueError, "forwarder_headers: more than %d names",
                     LC_POLICY_NAMES_MAX);
        return -1;
    }
    p->forwarder[p->nforwarder++] = name;
    return 0;
}

static int add_secure(struct lc_policy *p, PyObject *item)
{
    PyObject *name, *value;

    if (!PyArg_ParseTuple(item, "UU", &name, &value))
        return -1;
    if (p->nsecure == LC_POLICY_NAMES_MAX) {
        PyErr_Format(PyExc_ValueError, "secure_scheme_headers: more than %d names",
                     LC_POLICY_NAMES_MAX);
        return -1;
    }
    if (text_of(name, &p->secure_name[p->nsecure]) < 0 ||
        text_of(value, &p->secure_value[p->nsecure]) < 0)
        return -1;
    p->nsecure++;
    return 0;
}

static int each(PyObject *config, const char *name, struct lc_policy *p, item_fn fn)
{
    PyObject *list = PyDict_GetItemString(config, name); /* borrowed */

    if (list == NULL || !PyList_Check(list)) {
        PyErr_Format(PyExc_TypeError, "setting %s must be a list", name);
        return -1;
    }
    for (Py_ssize_t i = 0; i < PyList_GET_SIZE(list); i++) {
        if (fn(p, PyList_GET_ITEM(list, i)) < 0)
            return -1;
    }
    return 0;
}

static int get_policy(PyObject *config, struct lc_policy *p)
{
    bool failed = false;
    const char *map = lc_py_config_text(config, "header_map", &failed);

    if (failed || map == NULL)
        return failed ? -1 : 0;
    p->header_map = strcmp(map, "refuse") == 0      ? LC_MAP_REFUSE
                    : strcmp(map, "dangerous") == 0 ? LC_MAP_DANGEROUS
                                                    : LC_MAP_DROP;
    if (each(config, "forwarded_allow_ips", p, add_trusted) < 0)
        return -1;
    if (each(config, "forwarder_headers", p, add_forwarder) < 0)
        return -1;
    return each(config, "secure_scheme_headers", p, add_secure);
}

/* A descriptor for each worker's place; none: all workers share one.  They live as long as the process. */
static int get_slot_fds(PyObject *list, struct lc_engine_conf *conf, struct lc_engine_listener *l)
{
    Py_ssize_t n = PyList_GET_SIZE(list);

    if (n == 0)
        return 0;
    if (conf->nslot_fds != 0 && conf->nslot_fds != (uint32_t)n) {
        PyErr_SetString(PyExc_ValueError, "reuse_port: as many sockets for each address");
        return -1;
    }
    conf->nslot_fds = (uint32_t)n;
    if ((l->slot_fds = malloc((size_t)n * sizeof *l->slot_fds)) == NULL) {
        PyErr_NoMemory();
        return -1;
    }
    for (Py_ssize_t i = 0; i < n; i++)
        l->slot_fds[i] = (int)PyLong_AsLong(PyList_GET_ITEM(list, i));
    return PyErr_Occurred() ? -1 : 0;
}

static int get_listeners(PyObject *config, struct lc_engine_conf *conf)
{
    PyObject *list = PyDict_GetItemString(config, "listeners"); /* borrowed */

    if (list == NULL || !PyList_Check(list) || PyList_GET_SIZE(list) > LC_LISTENERS_MAX) {
        PyErr_Format(PyExc_ValueError, "bind: at most %d addresses", LC_LISTENERS_MAX);
        return -1;
    }
    for (Py_ssize_t i = 0; i < PyList_GET_SIZE(list); i++) {
        int fd;
        const char *kind;
        PyObject *display, *name, *port; /* texts; a name may hold a NUL (abstract unix sockets) */
        PyObject *slots;

        if (!PyArg_ParseTuple(PyList_GET_ITEM(list, i), "isUUUO!", &fd, &kind, &display, &name,
                              &port, &PyList_Type, &slots))
            return -1;
        conf->listeners[conf->nlisteners++] = (struct lc_engine_listener){
            .fd = fd,
            .kind = strcmp(kind, "unix") == 0 ? LC_LISTEN_UNIX : LC_LISTEN_TCP,
            .name = PyUnicode_AsUTF8(name),
            .port = PyUnicode_AsUTF8(port)};
        PyErr_Clear(); /* a name that is no text is not logged */
        if (get_slot_fds(slots, conf, &conf->listeners[conf->nlisteners - 1]) < 0)
            return -1;
    }
    return 0;
}

static int get_access_log(PyObject *config, struct lc_engine_conf *conf)
{
    bool failed = false;
    int64_t fd;

    conf->access_format = lc_py_config_text(config, "access_log_format", &failed);
    if (failed || get_i64(config, "access_fd", &fd) < 0)
        return -1;
    conf->has_access_log = fd >= 0;
    conf->access_fd = (int)fd;
    return 0;
}

int lc_py_config(PyObject *config, struct lc_engine_conf *conf)
{
    bool failed = false;
    int64_t v;

    memset(conf, 0, sizeof *conf);
    if (get_scalars(config, conf) < 0 || get_policy(config, &conf->policy) < 0 ||
        get_listeners(config, conf) < 0)
        return -1;
    conf->limits.header_map = conf->policy.header_map;
    conf->limits.linger_ms = 5000;
    conf->tmp_dir = lc_py_config_text(config, "tmp_upload_dir", &failed);
    if (conf->tmp_dir == NULL)
        conf->tmp_dir = getenv("TMPDIR"); /* NULL: the system's */
    conf->health_path = lc_py_config_text(config, "health_path", &failed);
    conf->server = lc_py_config_text(config, "server_header", &failed);
    if (failed || get_access_log(config, conf) < 0 || get_i64(config, "log_fd", &v) < 0)
        return -1;
    conf->log.fd = (int)v;
    if (get_i64(config, "log_level", &v) < 0)
        return -1;
    conf->log.level = (int)v;
    return 0;
}
