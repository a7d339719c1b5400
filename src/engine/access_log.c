/* engine/access_log.c - see access_log.h.   Runs in: worker, under the owner's lock. */
#include "engine/access_log.h"

#include "http/uri.h"
#include "os/clock.h"
#include "os/sock.h"

#include <stdlib.h>
#include <unistd.h>

/* What a line's texts are made in, unless they lie with the request. */
struct texts {
    struct lc_access_log *log;
    struct lc_exchange *x;
    const struct lc_exchange_end *end;
    char ip[LC_ADDR_TEXT_MAX];
    char protocol[9];
    char port[20];
};

/* --- what the request says ------------------------------------------------------------------------------------ */

/* Shown as the application sees them: a folded value on one line, repeated ones joined.  Without memory: the first. */
static struct lc_str joined(struct lc_exchange *x, struct lc_str first, const struct lc_field *f)
{
    struct lc_str v = lc_req_text(&x->req, f->value);
    char *both;

    if (first.p == NULL && !(f->flags & LC_FIELD_FOLDED))
        return v;
    if ((both = lc_arena_alloc(&x->arena, first.n + 1 + v.n)) == NULL)
        return first.p ? first : v;
    if (first.p == NULL)
        return lc_str_of(both, lc_field_unfold(v, both));
    memcpy(both, first.p, first.n);
    both[first.n] = ',';
    return lc_str_of(both, first.n + 1 + lc_field_unfold(v, both + first.n + 1));
}

static void set_fields(struct lc_access_record *r, struct lc_exchange *x)
{
    for (uint32_t i = 0; i < x->req.nfields; i++) {
        const struct lc_field *f = &x->req.fields[i];
        int text = f->token == LC_TOKEN_USER_AGENT      ? LC_ACCESS_AGENT
                   : f->token == LC_TOKEN_REFERER       ? LC_ACCESS_REFERER
                   : f->token == LC_TOKEN_AUTHORIZATION ? LC_ACCESS_AUTHORIZATION
                                                        : -1;

        if (LC_UNLIKELY(text >= 0 && !(f->flags & LC_FIELD_DROPPED)))
            r->text[text] = joined(x, r->text[text], f);
    }
}

static char upper(char c)
{
    return c >= 'a' && c <= 'z' ? (char)(c - 32) : c;
}

static struct lc_str method_of(struct lc_exchange *x)
{
    struct lc_str method = lc_req_text(&x->req, x->req.method);
    const char *name;
    char *copy;

    if (LC_LIKELY(x->req.method_id != LC_METHOD_OTHER)) {
        name = lc_method_name((enum lc_method)x->req.method_id);
        return lc_str_of(name, strlen(name));
    }
    if ((copy = lc_arena_alloc(&x->arena, method.n)) == NULL)
        return method;
    for (size_t i = 0; i < method.n; i++)
        copy[i] = upper(method.p[i]);
    return lc_str_of(copy, method.n);
}

static struct lc_str protocol_of(struct texts *t)
{
    const struct lc_request *req = &t->x->req;

    memcpy(t->protocol, "HTTP/1.1", 9);
    t->protocol[5] = (char)('0' + req->version_major % 10);
    t->protocol[7] = (char)('0' + req->version_minor % 10);
    return lc_str_of(t->protocol, 8);
}

/* A trusted peer's field before the environment's; the empty text if there is none. */
static struct lc_str mount_of(const struct texts *t)
{
    const struct lc_request *req = &t->x->req;
    const char *mount = t->log->mount;

    for (uint32_t i = 0; i < req->nfields; i++) {
        const struct lc_field *f = &req->fields[i];

        if (LC_UNLIKELY((f->flags & (LC_FIELD_UNDERSCORE | LC_FIELD_DROPPED)) ==
                        LC_FIELD_UNDERSCORE) &&
            lc_str_ieq(lc_req_text(req, f->name), LC_STR("SCRIPT_NAME")))
            return lc_req_text(req, f->value);
    }
    return mount ? lc_str_of(mount, strlen(mount)) : LC_STR("");
}

static struct lc_str path_of(const struct texts *t)
{
    struct lc_str path = lc_req_text(&t->x->req, t->x->req.path), mount = mount_of(t);
    char *copy;

    if (path.n > 0 && memchr(path.p, '%', path.n)) {
        if ((copy = lc_arena_alloc(&t->x->arena, path.n)) == NULL)
            return LC_STR_NULL;
        path = lc_str_of(copy, lc_uri_decode(path, copy));
    }
    if (mount.n > 0 && mount.n <= path.n && memcmp(path.p, mount.p, mount.n) == 0)
        return lc_str_of(path.p + mount.n, path.n - mount.n);
    return path;
}

static struct lc_str remote_of(struct texts *t)
{
    lc_addr_ip(t->x->peer, t->ip);
    return lc_str_of(t->ip, strlen(t->ip));
}

/* --- by name -------------------------------------------------------------------------------------------------- */

/* The last of that name, as in the dictionary that Gunicorn makes of them. */
static struct lc_str request_field(const struct texts *t, struct lc_str name)
{
    struct lc_str found = LC_STR_NULL;

    for (uint32_t i = 0; i < t->x->req.nfields; i++) {
        const struct lc_field *f = &t->x->req.fields[i];

        if (!(f->flags & LC_FIELD_DROPPED) && lc_str_ieq(lc_req_text(&t->x->req, f->name), name))
            found = joined(t->x, LC_STR_NULL, f);
    }
    return found;
}

static struct lc_str response_field(const struct texts *t, struct lc_str name)
{
    struct lc_str rest = t->end->fields, found = LC_STR_NULL;

    while (rest.n > 0) {
        const char *end = memchr(rest.p, '\r', rest.n);
        struct lc_str line = lc_str_of(rest.p, end ? (size_t)(end - rest.p) : rest.n);

        if (line.n > name.n && line.p[name.n] == ':' && lc_str_ieq(lc_str_of(line.p, name.n), name))
            found = lc_str_trim(lc_str_of(line.p + name.n + 1, line.n - name.n - 1));
        line.n = LC_MIN(line.n + 2, rest.n);
        rest = lc_str_of(rest.p + line.n, rest.n - line.n);
    }
    return found;
}

/* Does a field of this name become that key, HTTP_ left out? */
static bool is_key_of(struct lc_str field, struct lc_str key)
{
    if (field.n != key.n)
        return false;
    for (size_t i = 0; i < key.n; i++) {
        if (upper(field.p[i] == '-' ? '_' : field.p[i]) != upper(key.p[i]))
            return false;
    }
    return true;
}

static struct lc_str environ_field(const struct texts *t, struct lc_str key)
{
    struct lc_str found = LC_STR_NULL;

    for (uint32_t i = 0; i < t->x->req.nfields; i++) {
        const struct lc_field *f = &t->x->req.fields[i];

        if (!(f->flags & LC_FIELD_DROPPED) && is_key_of(lc_req_text(&t->x->req, f->name), key))
            found = joined(t->x, found, f);
    }
    return found;
}

static struct lc_str text_or_null(const char *text)
{
    return text ? lc_str_of(text, strlen(text)) : LC_STR_NULL;
}

static struct lc_str truth(bool is_true)
{
    return is_true ? LC_STR("True") : LC_STR("False");
}

static struct lc_str env_remote_port(struct texts *t)
{
    if (t->x->peer->family == LC_ADDR_UNIX)
        return LC_STR_NULL;
    return lc_str_of(t->port, lc_u64_to_dec(lc_addr_port(t->x->peer), t->port));
}

static struct lc_str env_target(struct texts *t)
{
    return lc_req_text(&t->x->req, t->x->req.target);
}

static struct lc_str env_query(struct texts *t)
{
    return lc_req_text(&t->x->req, t->x->req.query);
}

static struct lc_str env_method(struct texts *t)
{
    return method_of(t->x);
}

static struct lc_str env_path(struct texts *t)
{
    return path_of(t);
}

static struct lc_str env_mount(struct texts *t)
{
    return mount_of(t);
}

static struct lc_str env_scheme(struct texts *t)
{
    return t->x->is_https ? LC_STR("https") : LC_STR("http");
}

static struct lc_str env_content_type(struct texts *t)
{
    return environ_field(t, LC_STR("CONTENT_TYPE"));
}

static struct lc_str env_content_length(struct texts *t)
{
    return environ_field(t, LC_STR("CONTENT_LENGTH"));
}

static struct lc_str env_server_name(struct texts *t)
{
    return text_or_null(t->log->conf->listeners[t->x->listener].name);
}

static struct lc_str env_server_port(struct texts *t)
{
    return text_or_null(t->log->conf->listeners[t->x->listener].port);
}

static struct lc_str env_software(struct texts *t)
{
    return text_or_null(t->log->software);
}

static struct lc_str env_multithread(struct texts *t)
{
    return truth(t->log->conf->is_multithread);
}

static struct lc_str env_multiprocess(struct texts *t)
{
    return truth(t->log->conf->is_multiprocess);
}

/* What else is in an environ is Python's; python/licorne/config/accesslog.py has the same names and warns of others. */
static const struct {
    const char *name;
    struct lc_str (*get)(struct texts *t);
} environ_names[] = {
    {"REMOTE_ADDR", remote_of},
    {"REMOTE_PORT", env_remote_port},
    {"REQUEST_METHOD", env_method},
    {"RAW_URI", env_target},
    {"PATH_INFO", env_path},
    {"SCRIPT_NAME", env_mount},
    {"QUERY_STRING", env_query},
    {"SERVER_PROTOCOL", protocol_of},
    {"SERVER_NAME", env_server_name},
    {"SERVER_PORT", env_server_port},
    {"SERVER_SOFTWARE", env_software},
    {"CONTENT_TYPE", env_content_type},
    {"CONTENT_LENGTH", env_content_length},
    {"wsgi.url_scheme", env_scheme},
    {"wsgi.multithread", env_multithread},
    {"wsgi.multiprocess", env_multiprocess},
};

static struct lc_str environ_text(struct texts *t, struct lc_str name)
{
    if (name.n > 5 && lc_str_ieq(lc_str_of(name.p, 5), LC_STR("HTTP_")))
        return environ_field(t, lc_str_of(name.p + 5, name.n - 5));
    for (size_t i = 0; i < LC_ARRAY_LEN(environ_names); i++) {
        if (lc_str_ieq(name, text_or_null(environ_names[i].name)))
            return environ_names[i].get(t);
    }
    return LC_STR_NULL;
}

static struct lc_str named(void *ctx, enum lc_access_source from, struct lc_str name)
{
    struct texts *t = ctx;

    switch (from) {
    case LC_ACCESS_IN:
        return request_field(t, name);
    case LC_ACCESS_OUT:
        return response_field(t, name);
    default:
        return environ_text(t, name);
    }
}

/* --- lines ---------------------------------------------------------------------------------------------------- */

static uint64_t duration(const struct lc_exchange *x)
{
    uint64_t end = x->done_ns ? x->done_ns : lc_clock_mono_ns();
    uint64_t began = x->called_ns ? x->called_ns : x->ready_ms * 1000000u;

    return began > 0 && end > began ? end - began : 0;
}

static void set_texts(struct lc_access_record *r, struct texts *t, uint32_t needs)
{
    const struct lc_request *req = &t->x->req;

    r->text[LC_ACCESS_TARGET] = lc_req_text(req, req->target);
    r->text[LC_ACCESS_QUERY] = lc_req_text(req, req->query);
    if (needs & LC_BIT(LC_ACCESS_REMOTE))
        r->text[LC_ACCESS_REMOTE] = remote_of(t);
    if (needs & LC_BIT(LC_ACCESS_METHOD))
        r->text[LC_ACCESS_METHOD] = method_of(t->x);
    if (needs & LC_BIT(LC_ACCESS_PROTOCOL))
        r->text[LC_ACCESS_PROTOCOL] = protocol_of(t);
    if (needs & LC_BIT(LC_ACCESS_PATH))
        r->text[LC_ACCESS_PATH] = path_of(t);
    if (needs &
        (LC_BIT(LC_ACCESS_AUTHORIZATION) | LC_BIT(LC_ACCESS_REFERER) | LC_BIT(LC_ACCESS_AGENT)))
        set_fields(r, t->x);
}

/* Not those whose request line was not understood (there is nothing to tell), whose client left before its request was
 * whole, and that were taken over: Gunicorn has no lines of them either. */
static bool is_worth_a_line(const struct lc_exchange *x, const struct lc_exchange_end *end)
{
    bool was_whole = x->ready_ms > 0 || x->called_ns > 0;

    return x->req.target.len > 0 && (end->status > 0 || (end->is_broken && was_whole));
}

void lc_access_log_ended(struct lc_access_log *a, struct lc_exchange *x,
                         const struct lc_exchange_end *end)
{
    struct lc_access_record r = {.status = end->status, .sent = end->sent, .pid = a->pid};
    struct texts t;
    char *line;

    if (!is_worth_a_line(x, end))
        return;
    if (LC_UNLIKELY(!a->has_sink)) {
        a->conf->access_take(a->conf->access_ctx, x, end, duration(x));
        return;
    }
    if ((line = lc_sink_room(&a->sink)) == NULL)
        return;
    t.log = a;
    t.x = x;
    t.end = end;
    r.now = lc_clock_wall();
    r.named = named;
    r.ctx = &t;
    if (a->is_timed)
        r.took_ns = duration(x);
    set_texts(&r, &t, a->format.needs);
    lc_sink_add(&a->sink, lc_access_line(&a->format, &r, line, lc_sink_line_max(&a->sink)));
}

enum lc_rc lc_access_log_open(struct lc_access_log *a, const struct lc_engine_conf *conf)
{
    const char *text = conf->access_format ? conf->access_format : "";
    enum lc_rc rc;
    size_t at;

    memset(a, 0, sizeof *a);
    a->conf = conf;
    if (conf->access_take) {
        a->is_on = a->is_timed = true;
        return LC_OK;
    }
    if (!conf->has_access_log)
        return LC_OK;
    if ((rc = lc_access_compile(&a->format, lc_str_of(text, strlen(text)), &at)) != LC_OK)
        return rc;
    if ((rc = lc_sink_open(&a->sink, conf->access_fd, "The access log", &conf->log)) != LC_OK) {
        lc_access_free(&a->format);
        return rc;
    }
    a->pid = getpid();
    a->mount = getenv("SCRIPT_NAME");
    a->software = getenv("SERVER_SOFTWARE");
    a->is_timed = (a->format.needs & LC_ACCESS_NEEDS_DURATION) != 0;
    a->is_on = a->has_sink = true;
    return LC_OK;
}

int lc_access_log_before_wait(struct lc_access_log *a, uint64_t now_ms, int most_ms)
{
    if (!a->is_on)
        return most_ms;
    if (a->sink.len > 0 && (a->held_ms == 0 || now_ms <= a->held_ms)) {
        a->held_ms = now_ms;
        return LC_MIN(most_ms, 1);
    }
    lc_sink_flush(&a->sink, now_ms);
    a->held_ms = a->sink.len > 0 ? now_ms : 0; /* its reader is slow: the next try is due */
    return lc_sink_is_waiting(&a->sink) ? LC_MIN(most_ms, LC_ACCESS_LOG_SOON_MS) : most_ms;
}

void lc_access_log_close(struct lc_access_log *a, uint64_t patience_ms)
{
    a->is_on = false;
    if (!a->has_sink)
        return;
    a->has_sink = false;
    lc_sink_close(&a->sink, patience_ms);
    lc_access_free(&a->format);
}
