/* pybind/wsgi/hooks.c - pre_request and post_request around a call.   Runs in: worker, the application's thread.
 *
 * Most configurations define both with nothing in them, so request and response are views (view.c) that serve request
 * after request, and hold nothing until somebody looks.  One that a hook keeps is filled before its exchange ends, and
 * replaced. */
#include "pybind/wsgi/wsgi.h"

#include "pybind/compat.h"

int lc_wsgi_hooks_read(struct lc_py_worker *p)
{
    PyObject *set = PyDict_GetItemString(p->config, "request_hooks"); /* borrowed */
    PyObject *before, *after;
    int nargs;

    if (set == NULL || set == Py_None)
        return 0;
    if (!PyArg_ParseTuple(set, "OOi", &before, &after, &nargs))
        return -1;
    p->hooks.before = before == Py_None ? NULL : Py_NewRef(before);
    p->hooks.after = after == Py_None ? NULL : Py_NewRef(after);
    p->hooks.nargs = nargs;
    p->hooks.is_on = true;
    return 0;
}

int lc_wsgi_hooks_init(struct lc_py_worker *p)
{
    struct lc_wsgi_hooks *h = &p->hooks;
    PyObject *module;

    if (!h->is_on)
        return 0;
    if ((h->worker = PyObject_GetAttrString(p->callbacks, "worker")) == NULL)
        return -1;
    if ((module = PyImport_ImportModule("licorne.reqres")) == NULL)
        return -1;
    h->req_type = PyObject_GetAttrString(module, "Request");
    h->res_type = PyObject_GetAttrString(module, "Response");
    Py_DECREF(module);
    return h->req_type && h->res_type ? 0 : -1;
}

void lc_wsgi_hooks_fini(struct lc_py_worker *p)
{
    Py_CLEAR(p->hooks.before);
    Py_CLEAR(p->hooks.after);
    Py_CLEAR(p->hooks.worker);
    Py_CLEAR(p->hooks.req_type);
    Py_CLEAR(p->hooks.res_type);
}

/* --- before --------------------------------------------------------------------------------------------------- */

int lc_wsgi_hooks_before(struct lc_wsgi *w)
{
    struct lc_wsgi_hooks *h = &w->p->hooks;
    PyObject *args[3] = {NULL, h->worker, NULL}, *done;

    if (w->req == NULL && (w->req = lc_wsgi_view_new(w, h->req_type)) == NULL)
        return -1;
    if (h->before == NULL)
        return 0;
    args[2] = (PyObject *)w->req;
    done = PyObject_Vectorcall(h->before, args + 1, 2 | PY_VECTORCALL_ARGUMENTS_OFFSET, NULL);
    Py_XDECREF(done);
    return done ? 0 : -1;
}

/* The client is to see the connection end with this answer. */
static int close_after(struct lc_wsgi *w)
{
    if (lc_wsgi_enter(w, w->x) < 0)
        return -1;
    w->x->req.must_close = true;
    lc_wsgi_leave(w);
    return 0;
}

int lc_wsgi_hooks_environ(struct lc_wsgi *w, PyObject *env)
{
    PyObject *must_close;
    int rc;

    w->p->hooks.nr++;
    if (LC_LIKELY(!lc_wsgi_view_may_differ(w->req)))
        return 0;
    must_close = PyObject_CallMethodObjArgs((PyObject *)w->req, w->st->n.apply, env, NULL);
    if (must_close == NULL)
        return -1;
    rc = PyObject_IsTrue(must_close) ? close_after(w) : 0;
    Py_DECREF(must_close);
    return rc;
}

/* --- after ---------------------------------------------------------------------------------------------------- */

static PyObject *call_after(struct lc_wsgi *w, PyObject *env)
{
    struct lc_wsgi_hooks *h = &w->p->hooks;
    PyObject *args[5] = {NULL, h->worker, (PyObject *)w->req, NULL, Py_None};
    PyObject *done = NULL;

    if (env && w->res == NULL && (w->res = lc_wsgi_view_new(w, h->res_type)) == NULL)
        return NULL;
    if (env)
        args[4] = (PyObject *)w->res;
    if ((args[3] = env ? Py_NewRef(env) : PyDict_New()) == NULL)
        return NULL;
    done = PyObject_Vectorcall(h->after, args + 1,
                               (size_t)h->nargs | PY_VECTORCALL_ARGUMENTS_OFFSET, NULL);
    Py_DECREF(args[3]);
    return done;
}

static void tell_error(struct lc_wsgi *w, PyObject *failed)
{
    PyObject *exc = lc_py_take_exception(), *done;
    bool in_call = w->in_call;

    w->in_call = false; /* what a signal handler raised would end the telling */
    if (failed && exc)
        PyException_SetContext(exc, Py_NewRef(failed));
    done = PyObject_CallMethodObjArgs(w->p->callbacks, w->st->n.handle_hook_error, exc, NULL);
    if (done == NULL)
        PyErr_WriteUnraisable(w->p->callbacks);
    Py_XDECREF(done);
    Py_XDECREF(exc);
    w->in_call = in_call;
}

/* The exchange is about to end, and what somebody keeps should go on telling of it. */
static void keep(struct lc_wsgi *w, struct lc_wsgi_view *v)
{
    PyObject *done;

    if (v == NULL || LC_LIKELY(lc_wsgi_view_is_free(v)))
        return;
    if ((done = PyObject_CallMethodNoArgs((PyObject *)v, w->st->n.keep)) == NULL)
        PyErr_WriteUnraisable((PyObject *)v);
    Py_XDECREF(done);
}

void lc_wsgi_hooks_after(struct lc_wsgi *w, PyObject *env)
{
    PyObject *failed = lc_py_take_exception(), *done;

    if (env && failed == NULL && w->p->worker.access_log.is_timed && w->x->done_ns == 0)
        w->x->done_ns = lc_loop_ns(); /* as with close(): the hook is not the request's time */
    if (w->p->hooks.after) {
        if (LC_UNLIKELY((done = call_after(w, env)) == NULL))
            tell_error(w, failed);
        Py_XDECREF(done);
    }
    keep(w, w->res);
    keep(w, w->req);
    if (failed)
        lc_py_give_exception(failed);
}

static void renew(struct lc_wsgi_view **at)
{
    if (*at == NULL)
        return;
    if (LC_LIKELY(lc_wsgi_view_is_free(*at))) {
        lc_wsgi_view_reset(*at);
        return;
    }
    lc_wsgi_view_detach(*at);
    Py_CLEAR(*at);
}

/* The response first: it may hold the request. */
void lc_wsgi_hooks_done(struct lc_wsgi *w)
{
    renew(&w->res);
    renew(&w->req);
}
