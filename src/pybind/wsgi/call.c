/* pybind/wsgi/call.c - one request: environ, call, body, close, and what is done when any of it fails.
 * Runs in: worker, the thread that owns the engine, which is the application's thread. */
#include "pybind/wsgi/wsgi.h"

#include "pybind/compat.h"
#include "pybind/notes.h"

/* Objects that somebody kept are cut off and replaced; the others serve the next request. */
static bool kit_was_kept(struct lc_wsgi *w)
{
    Py_ssize_t plain = 1 + 2 * (Py_ssize_t)w->p->conf.nlisteners;

    if (Py_REFCNT(w->input) != plain || Py_REFCNT(w->connection) != plain)
        return true;
    for (int role = 0; role < LC_ROLES; role++) {
        Py_ssize_t want = role == LC_ROLE_HINTS || role == LC_ROLE_GONE   ? plain
                          : role == LC_ROLE_LEND || role == LC_ROLE_EARLY ? 2
                                                                          : 1;

        if (Py_REFCNT(w->callables[role]) != want)
            return true;
    }
    return false;
}

static int replace_kit(struct lc_wsgi *w)
{
    struct lc_wsgi_input *input = lc_wsgi_input_new(w);
    struct lc_wsgi_callable *fresh[LC_ROLES] = {NULL};
    PyObject *connection = NULL;

    for (int role = 0; role < LC_ROLES; role++)
        fresh[role] = lc_wsgi_callable_new(w, (enum lc_wsgi_role)role);
    if (fresh[LC_ROLE_LEND] && fresh[LC_ROLE_EARLY])
        connection = PyObject_CallFunctionObjArgs(w->p->connection_type, fresh[LC_ROLE_LEND],
                                                  fresh[LC_ROLE_EARLY], NULL);
    if (input == NULL || connection == NULL)
        goto fail;
    lc_wsgi_input_detach(w->input);
    Py_SETREF(w->input, input);
    for (int role = 0; role < LC_ROLES; role++) {
        lc_wsgi_callable_detach(w->callables[role]);
        Py_SETREF(w->callables[role], fresh[role]);
    }
    Py_SETREF(w->connection, connection);
    return lc_wsgi_kit_install(w);
fail:
    Py_XDECREF(input);
    for (int role = 0; role < LC_ROLES; role++)
        Py_XDECREF(fresh[role]);
    Py_XDECREF(connection);
    return -1;
}

/* The facade's socket is closed unless the application has detached it. */
static void end_lent(struct lc_wsgi *w)
{
    PyObject *done = PyObject_CallMethodNoArgs(w->connection, w->st->n.end);

    w->is_lent = false;
    if (done == NULL)
        PyErr_WriteUnraisable(w->connection);
    Py_XDECREF(done);
}

static void renew_kit(struct lc_wsgi *w)
{
    lc_wsgi_input_reset(w->input);
    if (LC_UNLIKELY(w->is_lent))
        end_lent(w);
    if (LC_UNLIKELY(kit_was_kept(w)) && replace_kit(w) < 0)
        PyErr_WriteUnraisable(
            NULL); /* no memory: the next request shares them with whoever kept them */
}

enum ending { END_FINISH, END_CUT, END_DROP, END_FAIL };

/* An exchange is gone once it is ended: what runs afterwards (a destructor, a signal handler) must not find it. */
static void end_exchange(struct lc_wsgi *w, enum ending ending, int status, const char *mesg)
{
    struct lc_owner *o = &w->p->worker.owner;
    struct lc_exchange *x = w->x;

    if (lc_wsgi_enter(w, x) < 0) {
        PyErr_Clear();
        w->x = NULL;
        return;
    }
    w->x = NULL;
    w->server.x = NULL;
    switch (ending) {
    case END_FINISH:
        lc_exchange_finish(x);
        break;
    case END_CUT:
        lc_exchange_cut(x);
        break;
    case END_DROP:
        lc_exchange_drop(x);
        break;
    case END_FAIL:
        lc_exchange_fail(x, status, mesg);
        break;
    }
    if (LC_UNLIKELY(w->p->notes != NULL))
        w->note = lc_py_notes_take(w->p, x);
    if (LC_UNLIKELY(!lc_list_is_empty(&o->waiting)))
        lc_owner_look_at_waits(o);
    lc_wsgi_leave(w);
}

void lc_wsgi_refuse(struct lc_wsgi *w, int status, const char *mesg)
{
    end_exchange(w, END_FAIL, status, mesg);
}

/* --- errors --------------------------------------------------------------------------------------------------- */

static void tell_error(struct lc_wsgi *w, PyObject *env, PyObject *exc)
{
    struct lc_str method = lc_req_text(&w->x->req, w->x->req.method),
                  target = lc_req_text(&w->x->req, w->x->req.target);
    PyObject *m = lc_wsgi_text(w, method.p, method.n), *t = lc_wsgi_text(w, target.p, target.n);
    PyObject *done = NULL;
    bool in_call = w->in_call;

    /* What a signal handler raised would end the telling, not the application. */
    w->in_call = false;
    if (m && t)
        done = PyObject_CallMethodObjArgs(w->p->callbacks, w->st->n.handle_error,
                                          env ? env : Py_None, m, t, exc, NULL);
    if (done == NULL)
        PyErr_WriteUnraisable(w->p->callbacks);
    w->in_call = in_call;
    Py_XDECREF(done);
    Py_XDECREF(m);
    Py_XDECREF(t);
}

/* What is no Exception ends a worker with threads, as under Gunicorn; its client still gets its answer, and so do those of
 * the other threads.  A sync worker lives on: it sees the application's exit as an error like any other. */
static void note_exit(struct lc_wsgi *w, PyObject *exc)
{
    struct lc_py_worker *p = w->p;
    bool is_exit = PyErr_GivenExceptionMatches(exc, PyExc_SystemExit);

    if (p->conf.is_main_called || PyErr_GivenExceptionMatches(exc, PyExc_Exception))
        return;
    if (is_exit && w->x->res.is_head_sent) /* Gunicorn: too late to be more than an error */
        return;
    if (is_exit)
        p->exit_status = lc_py_plain_status(exc);
    else
        p->exit_status = !PyErr_GivenExceptionMatches(exc, PyExc_KeyboardInterrupt);
    lc_worker_stop(&p->worker, true);
}

/* The application raised: 500 while that is possible, else the answer breaks off. */
static void end_failed(struct lc_wsgi *w, PyObject *env)
{
    PyObject *exc = lc_py_take_exception();
    int status = w->x->body.fail_status ? w->x->body.fail_status : 500;

    if (exc == NULL || !PyErr_GivenExceptionMatches(exc, PyExc_OSError) || !w->x->body.is_failed)
        status = 500; /* not the request's own fault */
    if (status == 500)
        tell_error(w, env, exc ? exc : Py_None);
    if (exc)
        note_exit(
            w,
            exc); /* first: a client that has its answer may come again, and must not come here */
    if (w->x->res.is_head_sent)
        end_exchange(w, END_CUT, 0, "");
    else
        end_exchange(w, END_FAIL, status, "");
    Py_XDECREF(exc);
}

/* --- one request ---------------------------------------------------------------------------------------------- */

static int call_close(struct lc_wsgi *w, PyObject *result)
{
    PyObject *close, *done;

    if (PyList_CheckExact(result) || PyTuple_CheckExact(result))
        return 0;
    if ((close = PyObject_GetAttr(result, w->st->n.close)) == NULL) {
        if (!PyErr_ExceptionMatches(PyExc_AttributeError))
            return -1;
        PyErr_Clear();
        return 0;
    }
    if (w->p->worker.access_log.is_timed)
        w->x->done_ns = lc_loop_ns(); /* close() is not the request's time */
    done = PyObject_CallNoArgs(close);
    Py_DECREF(close);
    Py_XDECREF(done);
    return done ? 0 : -1;
}

/* A child that the application forked and that came back here: nothing of the engine is its own.  It ends as a script
 * would: the exception told, the code of its SystemExit. */
static void leave_if_forked(struct lc_wsgi *w)
{
    PyObject *exc;

    if (LC_LIKELY(!w->p->worker.owner.is_forked))
        return;
    exc = lc_py_take_exception();
    lc_py_leave(exc ? lc_py_exit_status(exc) : 0, w->p->conf.graceful_ms);
}

/* close() is owed once the application has returned.  Its own failure is told, but comes too late to change the answer. */
static void close_result(struct lc_wsgi *w, PyObject *env, PyObject *result)
{
    PyObject *exc;
    int rc = call_close(w, result);

    leave_if_forked(w);
    if (rc == 0)
        return;
    if ((exc = lc_py_take_exception()) == NULL)
        return;
    tell_error(w, env, exc);
    note_exit(w, exc);
    Py_DECREF(exc);
}

static void call_after(struct lc_wsgi *w, PyObject *env)
{
    lc_wsgi_hooks_after(w, env);
    leave_if_forked(w);
}

/* Compiled twice: without hooks nothing asks for them. */
static inline void answer(struct lc_wsgi *w, PyObject *env, bool is_hooked)
{
    PyObject *args[3] = {NULL, env, (PyObject *)w->callables[LC_ROLE_START]};
    PyObject *result =
        PyObject_Vectorcall(w->p->app, args + 1, 2 | PY_VECTORCALL_ARGUMENTS_OFFSET, NULL);
    PyObject *failure = NULL;
    int rc;

    leave_if_forked(w);
    if (LC_UNLIKELY(result == NULL)) {
        if (is_hooked)
            call_after(w, env);
        if (PyErr_ExceptionMatches(PyExc_StopIteration)) { /* a hijacker's good-bye */
            PyErr_Clear();
            end_exchange(w, END_DROP, 0, "");
            return;
        }
        end_failed(w, env);
        return;
    }
    rc = lc_wsgi_deliver(w, result);
    leave_if_forked(w);
    if (LC_UNLIKELY(rc < 0))
        failure = lc_py_take_exception();
    close_result(w, env, result);
    if (LC_UNLIKELY(failure != NULL)) {
        lc_py_give_exception(failure);
        if (is_hooked)
            call_after(w, env);
        end_failed(w, env);
    } else {
        if (is_hooked)
            call_after(w, env);
        end_exchange(w, END_FINISH, 0, "");
    }
    Py_DECREF(result);
}

/* Under the Python path: the access log, with the application's own environ. */
static void tell_note(struct lc_wsgi *w, PyObject *env)
{
    struct lc_py_note *note = w->note;

    w->note = NULL;
    lc_py_note_tell(w->p, note, env);
}

static void begin(struct lc_wsgi *w, struct lc_exchange *x)
{
    w->server.guest.enter(w);
    LC_CHECK(w->x == NULL);
    w->x = x;
    w->in_call = true;
}

static void end(struct lc_wsgi *w, PyObject *env)
{
    w->in_call = false;
    if (LC_UNLIKELY(w->note != NULL))
        tell_note(w, env);
    Py_XDECREF(env);
    renew_kit(w);
}

void lc_wsgi_call(void *ctx, struct lc_exchange *x)
{
    struct lc_wsgi *w = ctx;
    PyObject *env;

    begin(w, x);
    env = lc_wsgi_environ(w, x);
    if (LC_LIKELY(env != NULL))
        answer(w, env, false);
    else if (PyErr_Occurred())
        end_failed(w, NULL);
    end(w, env);
}

/* Gunicorn's order: pre_request, the environ, the application; post_request whatever became of them. */
void lc_wsgi_call_hooked(void *ctx, struct lc_exchange *x)
{
    struct lc_wsgi *w = ctx;
    PyObject *env = NULL;

    begin(w, x);
    if (LC_LIKELY(lc_wsgi_hooks_before(w) == 0))
        env = lc_wsgi_environ(w, x);
    leave_if_forked(w);
    if (env && LC_UNLIKELY(lc_wsgi_hooks_environ(w, env) < 0))
        Py_CLEAR(env);
    if (LC_LIKELY(env != NULL)) {
        answer(w, env, true);
    } else if (PyErr_Occurred()) {
        call_after(w, NULL);
        end_failed(w, NULL);
    }
    lc_wsgi_hooks_done(w);
    end(w, env);
}
