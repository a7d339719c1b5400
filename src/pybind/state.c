/* pybind/state.c - making and clearing the module's state. */
#include "pybind/state.h"

#include <string.h>

static int init_names(struct lc_py_state *st)
{
#define X(id, text)                                            \
    if ((st->n.id = PyUnicode_InternFromString(text)) == NULL) \
        return -1;
#include "pybind/names.def"
#undef X
    return 0;
}

/* "content-encoding" -> "HTTP_CONTENT_ENCODING" */
static PyObject *header_key(const char *name)
{
    char key[80] = "HTTP_";
    size_t at = 5;

    for (; *name && at < sizeof key - 1; name++)
        key[at++] = *name == '-' ? '_' : *name >= 'a' && *name <= 'z' ? (char)(*name - 32) : *name;
    key[at] = '\0';
    return PyUnicode_InternFromString(key);
}

static int init_tables(struct lc_py_state *st)
{
    for (int t = LC_TOKEN_NONE + 1; t < LC_TOKEN_COUNT; t++) {
        if ((st->header_keys[t] = header_key(lc_token_name((enum lc_token)t))) == NULL)
            return -1;
    }
    for (int m = LC_METHOD_OTHER + 1; m < LC_METHOD_COUNT; m++) {
        if ((st->methods[m] = PyUnicode_InternFromString(lc_method_name((enum lc_method)m))) ==
            NULL)
            return -1;
    }
    return 0;
}

static int init_types(struct lc_py_state *st, PyObject *module)
{
    st->input_type = (PyTypeObject *)PyType_FromModuleAndSpec(module, &lc_py_input_spec, NULL);
    st->callable_type =
        (PyTypeObject *)PyType_FromModuleAndSpec(module, &lc_py_callable_spec, NULL);
    st->view_type = (PyTypeObject *)PyType_FromModuleAndSpec(module, &lc_py_view_spec, NULL);
    st->found_type = (PyTypeObject *)PyType_FromModuleAndSpec(module, &lc_py_found_spec, NULL);
    if (st->view_type == NULL || PyModule_AddType(module, st->view_type) < 0 ||
        st->found_type == NULL || PyModule_AddType(module, st->found_type) < 0)
        return -1;
    return st->input_type && st->callable_type ? 0 : -1;
}

int lc_py_state_init(struct lc_py_state *st, PyObject *module)
{
    PyObject *errors;

    memset(st, 0, sizeof *st);
    if (init_names(st) < 0 || init_tables(st) < 0 || init_types(st, module) < 0)
        return -1;
    if ((errors = PyImport_ImportModule("licorne.errors")) == NULL)
        return -1;
    st->app_import_error = PyObject_GetAttrString(errors, "AppImportError");
    Py_DECREF(errors);
    return st->app_import_error ? 0 : -1;
}

int lc_py_state_traverse(struct lc_py_state *st, visitproc visit, void *arg)
{
    Py_VISIT(st->input_type);
    Py_VISIT(st->callable_type);
    Py_VISIT(st->view_type);
    Py_VISIT(st->found_type);
    Py_VISIT(st->app_import_error);
    return 0;
}

void lc_py_state_clear(struct lc_py_state *st)
{
    Py_CLEAR(st->input_type);
    Py_CLEAR(st->callable_type);
    Py_CLEAR(st->view_type);
    Py_CLEAR(st->found_type);
    Py_CLEAR(st->app_import_error);
#define X(id, text) Py_CLEAR(st->n.id);
#include "pybind/names.def"
#undef X
    for (int t = 0; t < LC_TOKEN_COUNT; t++)
        Py_CLEAR(st->header_keys[t]);
    for (int m = 0; m < LC_METHOD_COUNT; m++)
        Py_CLEAR(st->methods[m]);
}
