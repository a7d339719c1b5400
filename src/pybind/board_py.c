/* pybind/board_py.c - the scoreboard as Python sees it: _engine.scoreboard().   Runs in: master and workers.
 *
 * A dict for each slot that was ever used, with what can be known of it at this moment; each word is true for itself. */
#include "pybind/compat.h"
#include "pybind/wsgi/wsgi.h"

#include "os/clock.h"

static const char *const life_names[] = {[LC_LIFE_EMPTY] = "empty",
                                         [LC_LIFE_BOOTING] = "booting",
                                         [LC_LIFE_SERVING] = "serving",
                                         [LC_LIFE_DRAINING] = "draining"};
static const char *const phase_names[] = {[LC_CALL_NONE] = "none",
                                          [LC_CALL_APP] = "app",
                                          [LC_CALL_INPUT] = "input",
                                          [LC_CALL_OUTPUT] = "output"};
static const char *const restart_names[] = {[LC_RESTART_ASKED] = "asked",
                                            [LC_RESTART_EXIT] = "exit",
                                            [LC_RESTART_SIGNAL] = "signal",
                                            [LC_RESTART_TIMEOUT] = "timeout",
                                            [LC_RESTART_BOOT] = "boot"};
static const char *const state_names[] = {
    [LC_H1_IDLE] = "idle", [LC_H1_HEAD] = "head",   [LC_H1_BODY] = "body",    [LC_H1_CALL] = "call",
    [LC_H1_SEND] = "send", [LC_H1_DRAIN] = "drain", [LC_H1_LINGER] = "linger"};

static const char *name_in(const char *const *names, size_t n, uint32_t i)
{
    return i < n ? names[i] : "?";
}
#define NAME_IN(names, i) name_in(names, LC_ARRAY_LEN(names), i)

static PyObject *number(uint64_t v)
{
    return PyLong_FromUnsignedLongLong(v);
}

/* Takes value; NULL is an exception that was raised. */
static int put(PyObject *dict, const char *key, PyObject *value)
{
    int rc = value ? PyDict_SetItemString(dict, key, value) : -1;

    Py_XDECREF(value);
    return rc;
}

/* Seconds since a moment of the monotonic clock; None for 0. */
static PyObject *ago(uint64_t ms, uint64_t now_ms)
{
    if (ms == 0)
        Py_RETURN_NONE;
    return PyFloat_FromDouble(now_ms > ms ? (double)(now_ms - ms) / 1000 : 0.0);
}

/* A dict of counters; zeros too. */
static PyObject *counters(const char *const *names, const lc_count *counts, size_t n)
{
    PyObject *dict = PyDict_New();

    for (size_t i = 0; dict && i < n; i++) {
        if (put(dict, names[i], number(lc_count_get(&counts[i]))) < 0)
            Py_CLEAR(dict);
    }
    return dict;
}

/* --- calls ---------------------------------------------------------------------------------------------------- */

static PyObject *call_dict(const struct lc_board_call *c, uint64_t now_ms)
{
    PyObject *dict = PyDict_New();

    if (dict == NULL)
        return NULL;
    if (put(dict, "phase", PyUnicode_FromString(NAME_IN(phase_names, c->phase))) < 0 ||
        put(dict, "seconds", ago(c->since_ms, now_ms)) < 0 ||
        put(dict, "thread", PyLong_FromLongLong(c->tid)) < 0 ||
        put(dict, "method",
            PyUnicode_DecodeLatin1(c->method, (Py_ssize_t)strlen(c->method), NULL)) < 0 ||
        put(dict, "target",
            PyUnicode_DecodeLatin1(c->target, (Py_ssize_t)strlen(c->target), NULL)) < 0 ||
        put(dict, "target_length", number(c->target_len)) < 0 ||
        put(dict, "client", PyUnicode_FromString(c->client)) < 0)
        Py_CLEAR(dict);
    return dict;
}

static PyObject *calls_of(const struct lc_board *b, uint32_t slot, uint64_t now_ms)
{
    uint32_t n = atomic_load(&lc_board_slot(b, slot)->ncalls);
    PyObject *list = PyList_New(0);

    for (uint32_t i = 0; list && i < LC_MIN(n, b->ncalls); i++) {
        struct lc_board_call c;
        PyObject *dict;

        if (!lc_call_read(lc_board_call(b, slot, i), &c))
            continue;
        dict = call_dict(&c, now_ms);
        if (dict == NULL || PyList_Append(list, dict) < 0)
            Py_CLEAR(list);
        Py_XDECREF(dict);
    }
    return list;
}

/* --- latency -------------------------------------------------------------------------------------------------- */

/* Cells that hold any: [least us, count], shortest first. */
static PyObject *cells_of(const uint64_t sum[LC_LATENCY_CELLS])
{
    PyObject *list = PyList_New(0);

    for (uint32_t i = 0; list && i < LC_LATENCY_CELLS; i++) {
        PyObject *pair;

        if (sum[i] == 0)
            continue;
        pair = Py_BuildValue("KK", (unsigned long long)lc_latency_least(i),
                             (unsigned long long)sum[i]);
        if (pair == NULL || PyList_Append(list, pair) < 0)
            Py_CLEAR(list);
        Py_XDECREF(pair);
    }
    return list;
}

static PyObject *latency_of(struct lc_board_slot *s)
{
    uint64_t sum[LC_LATENCY_CELLS] = {0}, count = 0;
    PyObject *dict = PyDict_New();

    lc_latency_merge(sum, s);
    for (uint32_t i = 0; i < LC_LATENCY_CELLS; i++)
        count += sum[i];
    if (dict == NULL)
        return NULL;
    if (put(dict, "count", number(count)) < 0 ||
        put(dict, "sum_us", number(lc_count_get(&s->latency_sum_us))) < 0 ||
        put(dict, "p50_us", number(lc_latency_part(sum, 0.5))) < 0 ||
        put(dict, "p99_us", number(lc_latency_part(sum, 0.99))) < 0 ||
        put(dict, "cells", cells_of(sum)) < 0)
        Py_CLEAR(dict);
    return dict;
}

/* --- slots ---------------------------------------------------------------------------------------------------- */

static int put_now(PyObject *dict, struct lc_board_slot *s, uint64_t now_ms)
{
    uint64_t beat = lc_count_get(&s->beat_ms);

    if (put(dict, "pid", PyLong_FromLong(atomic_load(&s->pid))) < 0 ||
        put(dict, "life", PyUnicode_FromString(NAME_IN(life_names, atomic_load(&s->life)))) < 0 ||
        put(dict, "free", number(atomic_load(&s->free))) < 0 ||
        put(dict, "beat_seconds", ago(beat, now_ms)) < 0 ||
        put(dict, "call_seconds", ago(lc_count_get(&s->call_since_ms), now_ms)) < 0 ||
        put(dict, "queued", number(lc_count_get(&s->queued))) < 0 ||
        put(dict, "queued_seconds", ago(lc_count_get(&s->queued_since_ms), now_ms)) < 0)
        return -1;
    return put(dict, "connections", counters(state_names, s->conns, LC_ARRAY_LEN(state_names)));
}

static int put_counters(PyObject *dict, struct lc_board_slot *s)
{
    static const char *const classes[] = {"broken", "1xx", "2xx", "3xx", "4xx", "5xx"};

    if (put(dict, "requests", number(lc_count_get(&s->requests))) < 0 ||
        put(dict, "status", counters(classes, s->status, LC_ARRAY_LEN(classes))) < 0 ||
        put(dict, "handed_out", number(lc_count_get(&s->handed_out))) < 0 ||
        put(dict, "handed_in", number(lc_count_get(&s->handed_in))) < 0 ||
        put(dict, "handed_back", number(lc_count_get(&s->handed_back))) < 0 ||
        put(dict, "restarts", counters(restart_names, s->restarts, LC_RESTARTS)) < 0)
        return -1;
    return put(dict, "latency", latency_of(s));
}

static PyObject *slot_dict(const struct lc_board *b, uint32_t slot, uint64_t now_ms)
{
    struct lc_board_slot *s = lc_board_slot(b, slot);
    PyObject *dict = PyDict_New();

    if (dict == NULL)
        return NULL;
    if (put(dict, "index", number(slot)) < 0 || put_now(dict, s, now_ms) < 0 ||
        put(dict, "calls", calls_of(b, slot, now_ms)) < 0 || put_counters(dict, s) < 0)
        Py_CLEAR(dict);
    return dict;
}

PyObject *lc_py_scoreboard(PyObject *module, PyObject *none LC_UNUSED)
{
    struct lc_py_state *st = PyModule_GetState(module);
    const struct lc_board *b = st->master ? &st->master->board : NULL;
    uint64_t now_ms = lc_clock_mono_ms();
    PyObject *list = PyList_New(0);
    uint32_t n = b && b->map ? LC_MIN(lc_board_used(b), b->nslots) : 0;

    for (uint32_t i = 0; list && i < n; i++) {
        PyObject *dict = slot_dict(b, i, now_ms);

        if (dict == NULL || PyList_Append(list, dict) < 0)
            Py_CLEAR(list);
        Py_XDECREF(dict);
    }
    return list;
}
