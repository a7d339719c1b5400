/* http1/test/model_head.c - request heads and trailers, one rule of the table after the other. */
#include "model.h"

struct model {
    struct head_outcome *o;
    const struct lc_limits *l;
    struct lc_str in;
    size_t at;
    int forwarded_options; /* bits: close 1, keep-alive 2, upgrade 4 */
    int n_host, n_type, n_length, n_coding, n_upgrade;
};

static enum lc_rc refuse(struct model *m, enum lc_rc rc, enum lc_h1_err err)
{
    m->o->rc = rc;
    m->o->ps.err = err;
    return rc;
}

static struct lc_span span_of(const struct model *m, struct lc_str s)
{
    return (struct lc_span){(uint32_t)(s.p - m->in.p), (uint32_t)s.n};
}

static char lower(char c)
{
    return c >= 'A' && c <= 'Z' ? (char)(c - 'A' + 'a') : c;
}

static bool is_text(struct lc_str s, const char *text)
{
    size_t i = 0;

    while (i < s.n && text[i] != 0 && lower(s.p[i]) == text[i])
        i++;
    return i == s.n && text[i] == 0;
}

static bool all_in(struct lc_str s, const char *set)
{
    for (size_t i = 0; i < s.n; i++) {
        if (s.p[i] == 0 || strchr(set, s.p[i]) == NULL)
            return false;
    }
    return s.n > 0;
}

#define DIGITS "0123456789"
#define UPPER  "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
#define LOWER  "abcdefghijklmnopqrstuvwxyz"
#define MARKS  "!#$%&'*+-.^_`|~"

static bool is_token(struct lc_str s)
{
    return all_in(s, DIGITS UPPER LOWER MARKS);
}

static bool has_control(struct lc_str s)
{
    for (size_t i = 0; i < s.n; i++) {
        unsigned char c = (unsigned char)s.p[i];

        if (c == 0x7f || (c < 0x20 && c != 9))
            return true;
    }
    return false;
}

static struct lc_str strip(struct lc_str s, bool is_left)
{
    while (is_left && s.n > 0 && (s.p[0] == ' ' || s.p[0] == '\t'))
        s = lc_str_of(s.p + 1, s.n - 1);
    while (s.n > 0 && (s.p[s.n - 1] == ' ' || s.p[s.n - 1] == '\t'))
        s.n--;
    return s;
}

static unsigned known_name(struct lc_str name)
{
    for (unsigned t = 1; t < LC_TOKEN_COUNT; t++) {
        if (is_text(name, lc_token_name((enum lc_token)t)))
            return t;
    }
    return LC_TOKEN_NONE;
}

/* The line at m->at without CRLF; `size` counts from `from`, CRLF included, and must not exceed
 * max. */
static enum lc_rc get_line(struct model *m, size_t from, size_t max, enum lc_h1_err too_long,
                           enum lc_h1_err bare, struct lc_str *line)
{
    size_t lf = m->at;

    while (lf < m->in.n && m->in.p[lf] != '\n')
        lf++;
    if (lf - from >= max)
        return refuse(m, LC_ELIMIT, too_long);
    if (lf == m->in.n)
        return LC_AGAIN;
    if (lf == m->at || m->in.p[lf - 1] != '\r')
        return refuse(m, LC_EPROTO, bare);
    *line = lc_str_of(m->in.p + m->at, lf - 1 - m->at);
    m->at = lf + 1;
    return LC_OK;
}

static enum lc_rc judge_method(struct model *m, struct lc_str method)
{
    char folded[256] = {0};

    if (!is_token(method))
        return refuse(m, LC_EPROTO, LC_H1_METHOD);
    if (!m->l->permit_unconventional_http_method &&
        (method.n < 3 || method.n > 20 || !all_in(method, DIGITS UPPER "!$%&'*+-.^_`|~")))
        return refuse(m, LC_EPROTO, LC_H1_METHOD);
    m->o->req.method = span_of(m, method);
    if (method.n >= sizeof folded)
        return LC_OK;
    for (size_t i = 0; i < method.n; i++) {
        folded[i] = method.p[i];
        if (m->l->casefold_http_method && strchr(LOWER, folded[i]) != NULL)
            folded[i] = (char)(folded[i] - 'a' + 'A');
    }
    for (unsigned id = 1; id < LC_METHOD_COUNT; id++) {
        if (strcmp(lc_method_name((enum lc_method)id), folded) == 0)
            m->o->req.method_id = (uint16_t)id;
    }
    m->o->req.must_close = strcmp(folded, "CONNECT") == 0;
    return LC_OK;
}

static enum lc_rc judge_version(struct model *m, struct lc_str v)
{
    bool is_number = v.n == 8 && memcmp(v.p, "HTTP/", 5) == 0 &&
                     all_in(lc_str_of(v.p + 5, 1), DIGITS) && v.p[6] == '.' &&
                     all_in(lc_str_of(v.p + 7, 1), DIGITS);

    if (!is_number || (v.p[5] != '1' && !m->l->permit_unconventional_http_version))
        return refuse(m, LC_EPROTO, LC_H1_VERSION);
    m->o->req.version_major = (uint8_t)(v.p[5] - '0');
    m->o->req.version_minor = (uint8_t)(v.p[7] - '0');
    return LC_OK;
}

static enum lc_rc judge_request_line(struct model *m, struct lc_str line)
{
    struct lc_request *r = &m->o->req;
    struct lc_uri uri;
    size_t a = 0, b;

    while (a < line.n && line.p[a] != ' ')
        a++;
    for (b = a + 1; b < line.n && line.p[b] != ' ';)
        b++;
    if (b >= line.n)
        return refuse(m, LC_EPROTO, LC_H1_REQUEST_LINE);
    if (judge_method(m, lc_str_of(line.p, a)) != LC_OK)
        return m->o->rc;
    r->target = span_of(m, lc_str_of(line.p + a + 1, b - a - 1));
    if (model_uri(lc_req_text(r, r->target), r->method_id == LC_METHOD_CONNECT,
                  r->method_id == LC_METHOD_OPTIONS, &uri) != LC_OK)
        return refuse(m, LC_EPROTO, LC_H1_REQUEST_LINE);
    r->target_form = (uint8_t)uri.form;
    r->path = span_of(m, uri.path);
    if (uri.query.n > 0)
        r->query = span_of(m, uri.query);
    return judge_version(m, lc_str_of(line.p + b + 1, line.n - b - 1));
}

static enum lc_rc judge_field_line(struct model *m, struct lc_str line)
{
    struct lc_field *f = &m->o->fields[m->o->req.nfields];
    size_t colon = 0;
    struct lc_str name, value;

    while (colon < line.n && line.p[colon] != ':')
        colon++;
    if (colon == line.n || colon == 0)
        return refuse(m, LC_EPROTO, LC_H1_HEADER);
    name = lc_str_of(line.p, colon);
    if (m->l->strip_header_spaces)
        name = strip(name, false);
    if (!is_token(name))
        return refuse(m, LC_EPROTO, LC_H1_HEADER_NAME);
    value = lc_str_of(line.p + colon + 1, line.n - colon - 1);
    if (has_control(value))
        return refuse(m, LC_EPROTO, LC_H1_HEADER);
    *f = (struct lc_field){.name = span_of(m, name), .token = (uint16_t)known_name(name)};
    value = strip(value, true);
    f->value = span_of(m, value);
    for (size_t i = 0; i < name.n; i++) {
        if (name.p[i] == '_')
            f->flags = LC_FIELD_UNDERSCORE;
    }
    m->o->req.nfields++;
    return LC_OK;
}

static enum lc_rc judge_continuation(struct model *m, struct lc_str line)
{
    struct lc_field *f = &m->o->fields[m->o->req.nfields - 1];
    struct lc_str text = strip(line, true);

    if (has_control(line))
        return refuse(m, LC_EPROTO, LC_H1_HEADER);
    if (text.n == 0)
        return LC_OK;
    if (f->value.len == 0) {
        f->value = span_of(m, text);
        return LC_OK;
    }
    f->flags |= LC_FIELD_FOLDED;
    f->value.len = span_of(m, text).off + (uint32_t)text.n - f->value.off;
    return LC_OK;
}

static enum lc_rc judge_next_field(struct model *m)
{
    size_t fields_max = m->l->fields == 0 || m->l->fields > 32768 ? 32768 : m->l->fields;
    size_t size_max = m->l->field_size == 0 ? 8190 : m->l->field_size;
    size_t from = m->at;
    bool is_fold = m->o->req.nfields > 0 && (m->in.p[m->at] == ' ' || m->in.p[m->at] == '\t');
    struct lc_str line;
    enum lc_rc rc;

    if (is_fold && !m->l->permit_obsolete_folding)
        return refuse(m, LC_EPROTO, LC_H1_FOLDING);
    if (is_fold)
        from = m->o->fields[m->o->req.nfields - 1].name.off;
    else if (m->o->req.nfields >= fields_max)
        return refuse(m, LC_ELIMIT, LC_H1_FIELDS);
    if ((rc = get_line(m, from, size_max, LC_H1_FIELD_SIZE, LC_H1_HEADER, &line)) != LC_OK)
        return rc;
    if ((rc = is_fold ? judge_continuation(m, line) : judge_field_line(m, line)) != LC_OK)
        return rc;
    if (m->o->is_trailers) {
        static const char *const never[] = {"host",    "content-length", "transfer-encoding",
                                            "trailer", "authorization",  "te"};

        for (size_t i = 0; i < LC_ARRAY_LEN(never); i++) {
            if (is_text(lc_req_text(&m->o->req, m->o->fields[m->o->req.nfields - 1].name),
                        never[i]))
                return refuse(m, LC_EPROTO, LC_H1_HEADER_NAME);
        }
    }
    return LC_OK;
}

static bool is_at_least_1_1(const struct lc_request *r)
{
    return r->version_major * 10 + r->version_minor >= 11;
}

static struct lc_str next_item(struct lc_str *rest)
{
    size_t n = 0;
    struct lc_str item;

    while (n < rest->n && rest->p[n] != ',')
        n++;
    item = strip(lc_str_of(rest->p, n), true);
    *rest = n == rest->n ? LC_STR_NULL : lc_str_of(rest->p + n + 1, rest->n - n - 1);
    return item;
}

static enum lc_rc judge_length(struct model *m, struct lc_str value)
{
    unsigned __int128 v = 0;

    if (m->n_length++ > 0 || !all_in(value, DIGITS))
        return refuse(m, LC_EPROTO, LC_H1_HEADER);
    for (size_t i = 0; i < value.n; i++) {
        v = v * 10 + (unsigned)(value.p[i] - '0');
        if (v > INT64_MAX)
            return refuse(m, LC_EPROTO, LC_H1_HEADER);
    }
    m->o->req.content_length = (int64_t)v;
    return LC_OK;
}

static enum lc_rc judge_codings(struct model *m, struct lc_str value)
{
    m->n_coding++;
    do {
        struct lc_str c = next_item(&value);
        bool is_packed = is_text(c, "gzip") || is_text(c, "deflate") || is_text(c, "compress");

        if (!is_text(c, "chunked") && !is_text(c, "identity") && !is_packed)
            return refuse(m, LC_EPROTO, LC_H1_CODING);
        if (m->o->req.is_chunked)
            return refuse(m, LC_EPROTO, LC_H1_HEADER);
        if (is_text(c, "chunked"))
            m->o->req.is_chunked = true;
        if (is_packed)
            m->o->req.must_close = true;
    } while (value.p != NULL);
    return LC_OK;
}

static enum lc_rc judge_meaning(struct model *m, const struct lc_field *f)
{
    struct lc_str name = lc_req_text(&m->o->req, f->name),
                  value = lc_req_text(&m->o->req, f->value);
    static const char *const special[] = {
        "host",   "content-type", "content-length", "transfer-encoding",
        "expect", "connection",   "upgrade"};

    for (size_t i = 0; i < LC_ARRAY_LEN(special); i++) {
        if (is_text(name, special[i]) && (f->flags & LC_FIELD_FOLDED))
            return refuse(m, LC_EPROTO, LC_H1_FOLDING);
    }
    if ((is_text(name, "host") && m->n_host++ > 0) ||
        (is_text(name, "content-type") && m->n_type++ > 0))
        return refuse(m, LC_EPROTO, LC_H1_HEADER);
    if (is_text(name, "content-length"))
        return judge_length(m, value);
    if (is_text(name, "transfer-encoding"))
        return judge_codings(m, value);
    if (is_text(name, "expect")) {
        if (!is_text(value, "100-continue"))
            return refuse(m, LC_EPROTO, LC_H1_EXPECT);
        m->o->req.want_continue = is_at_least_1_1(&m->o->req);
    }
    m->n_upgrade += is_text(name, "upgrade");
    while (is_text(name, "connection") && value.p != NULL) {
        struct lc_str option = next_item(&value);

        m->forwarded_options |= is_text(option, "close")        ? 1
                                : is_text(option, "keep-alive") ? 2
                                                                : 0;
        m->forwarded_options |= is_text(option, "upgrade") ? 4 : 0;
    }
    return LC_OK;
}

static void finish(struct model *m)
{
    struct lc_request *r = &m->o->req;
    bool is_modern = is_at_least_1_1(r);

    for (uint32_t i = 0; i < r->nfields; i++) {
        if (judge_meaning(m, &m->o->fields[i]) != LC_OK)
            return;
    }
    if (m->n_coding > 0 && (!r->is_chunked || !is_modern || m->n_length > 0)) {
        refuse(m, LC_EPROTO, LC_H1_HEADER);
        return;
    }
    r->has_host = m->n_host > 0;
    if (m->l->strict_host && is_modern && !r->has_host) {
        refuse(m, LC_EPROTO, LC_H1_HOST);
        return;
    }
    r->want_upgrade = is_modern && m->n_upgrade > 0 && (m->forwarded_options & 4) != 0;
    r->is_keep_alive =
        (m->forwarded_options & 1) == 0 && (is_modern || (m->forwarded_options & 2) != 0);
    m->o->rc = LC_OK;
}

void model_head(struct head_outcome *o, const struct lc_limits *limits, struct lc_str in)
{
    struct model m = {.o = o, .l = limits, .in = in};
    size_t line_max = limits->request_line == 0 ? 1 << 20 : limits->request_line;
    struct lc_str line;

    o->ps = (struct lc_h1_parser){.limits = limits};
    o->req = (struct lc_request){.base = in.p, .fields = o->fields, .content_length = -1};
    o->rc = LC_AGAIN;
    if (!o->is_trailers) {
        if (in.n == 0 || (in.n == 1 && in.p[0] == '\r'))
            return;
        m.at = in.p[0] == '\r' && in.p[1] == '\n' ? 2 : 0;
        if (get_line(&m, m.at, line_max + 2, LC_H1_REQUEST_LINE_SIZE, LC_H1_REQUEST_LINE_LF,
                     &line) != LC_OK)
            return;
        if (judge_request_line(&m, line) != LC_OK)
            return;
    }
    for (;;) {
        if (m.at == in.n || (in.p[m.at] == '\r' && m.at + 1 == in.n))
            return;
        if (in.p[m.at] == '\r' && in.p[m.at + 1] == '\n')
            break;
        if (judge_next_field(&m) != LC_OK)
            return;
    }
    o->rc = LC_OK;
    if (!o->is_trailers)
        finish(&m);
    o->head_len = m.at + 2;
}
