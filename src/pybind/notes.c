/* pybind/notes.c - see notes.h.   Runs in: worker; keeping in every thread that holds the engine's lock. */
#include "pybind/notes.h"

#include "pybind/wsgi/wsgi.h"

#include "os/fd.h"
#include "os/fdpass.h"

#include <stdlib.h>

#define NEVER     1000 /* a level that no line has */
#define LINE_ROOM 4096 /* more than a line of log.c ever has */

struct lc_py_notes {
    struct lc_py_worker *p;
    struct lc_py_note *first, **last;
    uint32_t n;
    uint64_t lost;         /* not told yet */
    int pair[2];           /* the engine's own lines go in at [1]; -1 */
    struct lc_watch watch; /* of [0] */
};

/* --- keeping -------------------------------------------------------------------------------------------------- */

static void wake_main(struct lc_py_worker *p)
{
    if (p->worker.main_seat == NULL)
        return; /* it looks before it serves */
    atomic_store(&p->worker.has_signal, true);
    lc_owner_nudge(&p->worker.owner, p->worker.main_seat);
}

static void keep(struct lc_py_notes *s, struct lc_py_note *note)
{
    if (note == NULL || s->n == LC_NOTES_MAX) {
        free(note);
        s->lost++;
        return;
    }
    note->next = NULL;
    *s->last = note;
    s->last = &note->next;
    s->n++;
}

/* The bytes of the request's block that its texts lie in. */
static struct lc_span extent(const struct lc_request *r)
{
    const struct lc_span whole[] = {r->method, r->target, r->path, r->query};
    uint32_t from = UINT32_MAX, to = 0;

    for (size_t i = 0; i < LC_ARRAY_LEN(whole); i++) {
        if (whole[i].len == 0)
            continue;
        from = LC_MIN(from, whole[i].off);
        to = LC_MAX(to, whole[i].off + whole[i].len);
    }
    for (uint32_t i = 0; i < r->nfields; i++) {
        const struct lc_field *f = &r->fields[i];

        from = LC_MIN(from, f->name.off);
        to = LC_MAX(to, LC_MAX(f->name.off + f->name.len, f->value.off + f->value.len));
    }
    return (struct lc_span){.off = LC_MIN(from, to), .len = to - LC_MIN(from, to)};
}

static void rebase(struct lc_span *s, uint32_t by)
{
    s->off = s->len > 0 ? s->off - by : 0;
}

static char *append(char *at, struct lc_str *dst, struct lc_str src)
{
    if (src.n > 0)
        memcpy(at, src.p, src.n);
    *dst = lc_str_of(at, src.n);
    return at + src.n;
}

/* A copy of all that a line may tell of it, in one piece. */
static struct lc_py_note *note_of(const struct lc_exchange *x, const struct lc_exchange_end *end)
{
    const struct lc_request *req = &x->req;
    struct lc_span head = extent(req);
    bool has_line = x->res.is_started && end->status == x->res.status;
    struct lc_str line = lc_str_of(x->res.line, has_line ? x->res.line_len : 0), base;
    size_t fields = (size_t)req->nfields * sizeof *req->fields;
    struct lc_py_note *note = malloc(sizeof *note + fields + head.len + line.n + end->fields.n);
    char *at;

    if (note == NULL)
        return NULL;
    *note = (struct lc_py_note){.level = -1,
                                .req = *req,
                                .peer = *x->peer,
                                .listener = x->listener,
                                .is_https = x->is_https,
                                .status = end->status,
                                .sent = end->sent};
    note->req.fields = (struct lc_field *)(note + 1);
    if (fields > 0)
        memcpy(note->req.fields, req->fields, fields);
    at = append((char *)(note->req.fields + req->nfields), &base,
                lc_str_of(req->base + head.off, head.len));
    note->req.base = base.p;
    at = append(at, &note->status_line, line);
    append(at, &note->out, end->fields);
    if (!has_line)
        note->status_line = LC_STR_NULL;
    rebase(&note->req.method, head.off);
    rebase(&note->req.target, head.off);
    rebase(&note->req.path, head.off);
    rebase(&note->req.query, head.off);
    for (uint32_t i = 0; i < req->nfields; i++) {
        rebase(&note->req.fields[i].name, head.off);
        rebase(&note->req.fields[i].value, head.off);
    }
    return note;
}

static void on_access(void *ctx, struct lc_exchange *x, const struct lc_exchange_end *end,
                      uint64_t took_ns)
{
    struct lc_py_notes *s = ctx;
    struct lc_py_note *note = note_of(x, end);

    if (note) {
        note->took_ns = took_ns;
        note->key = x->called_ns > 0 ? x : NULL; /* the thread that called it comes for it */
    }
    keep(s, note);
    if (x->called_ns == 0)
        wake_main(s->p);
}

/* "[stamp] [pid] [LEVEL] text": log.c's own prefix, of which the logger makes its own. */
static struct lc_py_note *note_of_line(const char *p, size_t n)
{
    static const struct {
        int level;
        const char *mark;
    } levels[] = {{LC_DEBUG_LEVEL, "[DEBUG] "},
                  {LC_INFO, "[INFO] "},
                  {LC_WARNING, "[WARNING] "},
                  {LC_ERROR, "[ERROR] "},
                  {LC_CRITICAL, "[CRITICAL] "}};
    struct lc_str line = lc_str_of(p, n > 0 && p[n - 1] == '\n' ? n - 1 : n);
    struct lc_py_note *note = malloc(sizeof *note + n);
    const char *at;
    int level = LC_ERROR;

    if (note == NULL)
        return NULL;
    for (int i = 0; i < 2 && (at = memchr(line.p, ']', line.n)) && at + 2 <= line.p + line.n; i++)
        line = lc_str_of(at + 2, line.n - (size_t)(at + 2 - line.p));
    for (size_t i = 0; i < LC_ARRAY_LEN(levels); i++) {
        size_t len = strlen(levels[i].mark);

        if (line.n < len || memcmp(line.p, levels[i].mark, len) != 0)
            continue;
        level = levels[i].level;
        line = lc_str_of(line.p + len, line.n - len);
        break;
    }
    *note = (struct lc_py_note){.level = level};
    append((char *)(note + 1), &note->text, line);
    return note;
}

static void take_lines(struct lc_py_notes *s)
{
    char line[LINE_ROOM];
    size_t n;
    int none;

    while (s->pair[0] >= 0 &&
           lc_fdpass_recv(s->pair[0], line, sizeof line, &n, NULL, 0, &none) == LC_OK)
        keep(s, note_of_line(line, n));
}

static void on_lines(struct lc_watch *w, uint32_t events LC_UNUSED)
{
    struct lc_py_notes *s = LC_CONTAINER_OF(w, struct lc_py_notes, watch);

    take_lines(s);
    wake_main(s->p);
}

/* --- telling -------------------------------------------------------------------------------------------------- */

struct lc_py_note *lc_py_notes_take(struct lc_py_worker *p, const struct lc_exchange *x)
{
    struct lc_py_notes *s = p->notes;

    for (struct lc_py_note **at = &s->first; *at; at = &(*at)->next) {
        struct lc_py_note *note = *at;

        if (note->key != x)
            continue;
        if ((*at = note->next) == NULL)
            s->last = at;
        s->n--;
        return note;
    }
    return NULL;
}

static void tell_lost(struct lc_py_worker *p, uint64_t lost)
{
    PyObject *done = NULL, *text;

    if (lost == 0)
        return;
    text = PyUnicode_FromFormat("%llu log lines were lost: Python came too late for them",
                                (unsigned long long)lost);
    if (text)
        done = PyObject_CallMethod(p->callbacks, "log", "iO", LC_ERROR, text);
    Py_XDECREF(text);
    if (done == NULL)
        PyErr_WriteUnraisable(p->callbacks);
    Py_XDECREF(done);
}

static struct lc_py_note *take_all(struct lc_py_notes *s, uint64_t *lost)
{
    struct lc_py_note *first = s->first;

    *lost = s->lost;
    s->first = NULL;
    s->last = &s->first;
    s->n = 0;
    s->lost = 0;
    return first;
}

static void tell_all(struct lc_py_worker *p, struct lc_py_note *note, uint64_t lost)
{
    struct lc_py_note *next;

    for (; note; note = next) {
        next = note->next;
        lc_py_note_tell(p, note, NULL);
    }
    tell_lost(p, lost);
}

void lc_py_notes_tell(struct lc_py_worker *p)
{
    struct lc_py_note *first;
    uint64_t lost;

    if (p->notes == NULL || lc_owner_enter(&p->worker.owner) != LC_OK)
        return;
    first = take_all(p->notes, &lost);
    lc_owner_leave(&p->worker.owner);
    tell_all(p, first, lost);
}

void lc_py_notes_tell_last(struct lc_py_worker *p)
{
    struct lc_py_note *first;
    uint64_t lost;

    if (p->notes == NULL)
        return;
    take_lines(p->notes);
    first = take_all(p->notes, &lost);
    tell_all(p, first, lost);
}

/* --- life ----------------------------------------------------------------------------------------------------- */

static int need_notes(struct lc_py_worker *p)
{
    struct lc_py_notes *s;

    if (p->notes)
        return 0;
    if ((s = calloc(1, sizeof *s)) == NULL) {
        PyErr_NoMemory();
        return -1;
    }
    s->p = p;
    s->last = &s->first;
    s->pair[0] = s->pair[1] = -1;
    p->notes = s;
    return 0;
}

static int need_pair(struct lc_py_notes *s)
{
    if (s->pair[0] >= 0 || lc_fdpass_pair(s->pair) == LC_OK)
        return 0;
    PyErr_SetString(PyExc_OSError, "no descriptors left for the engine's own log lines");
    return -1;
}

int lc_py_notes_choose(struct lc_py_worker *p)
{
    PyObject *chosen = PyObject_CallMethod(p->callbacks, "log_paths", NULL);
    int access_py, access_fd, error_py, error_fd, level, rc;

    if (chosen == NULL)
        return -1;
    rc = PyArg_ParseTuple(chosen, "pipii", &access_py, &access_fd, &error_py, &error_fd, &level);
    Py_DECREF(chosen);
    if (!rc || ((access_py || error_py) && need_notes(p) < 0) ||
        (error_py && need_pair(p->notes) < 0))
        return -1;
    p->conf.access_take = access_py ? on_access : NULL;
    p->conf.access_ctx = p->notes;
    p->conf.has_access_log = access_fd >= 0;
    p->conf.access_fd = access_fd;
    p->conf.log.level = error_py || error_fd >= 0 ? level : NEVER;
    p->conf.log.fd = error_py ? p->notes->pair[1] : error_fd;
    return 0;
}

/* Of an engine that was open before the choice: its access log is another one now. */
static enum lc_rc open_again(struct lc_py_worker *p)
{
    struct lc_access_log *a = &p->worker.access_log;

    if (!p->conf.is_early)
        return LC_OK;
    lc_access_log_close(a, 0);
    return lc_access_log_open(a, &p->conf);
}

int lc_py_notes_open(struct lc_py_worker *p)
{
    struct lc_py_notes *s = p->notes;
    enum lc_rc rc;

    if (lc_owner_enter(&p->worker.owner) != LC_OK)
        return 0;
    rc = open_again(p);
    if (rc == LC_OK && s && s->pair[0] >= 0 && s->watch.fn == NULL) {
        s->watch = (struct lc_watch){.fd = s->pair[0], .fn = on_lines};
        rc = lc_loop_watch(&p->worker.loop, &s->watch, LC_READ);
    }
    lc_owner_leave(&p->worker.owner);
    if (rc == LC_OK)
        return 0;
    PyErr_Format(PyExc_OSError, "the worker could not open its logs: %s", lc_rc_name(rc));
    return -1;
}

void lc_py_notes_free(struct lc_py_worker *p)
{
    struct lc_py_notes *s = p->notes;

    if (s == NULL)
        return;
    p->notes = NULL;
    lc_fd_close(&s->pair[0]);
    lc_fd_close(&s->pair[1]);
    free(s);
}
