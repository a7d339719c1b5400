/* http1/parse.c - one HTTP/1 request head, line by line.   Pure; runs wherever its caller runs.
 *
 * Why strict and in one place: what a proxy before us took for one request must be one request
 * here.  Bare LF, blanks before a colon, doubled framing fields and the like are refused instead of
 * repaired (RFC 9112 2.2, 5.1, 6.3, 11.2).
 * Why two ways through a field: take_field() accepts the lines that nearly all are, in one
 * vectorised pass; whatever it does not like goes to judge_field(), which decides and names the
 * error.  Both give the same result.
 *   I1  a line is judged when its LF is there or its bound is exceeded, so the verdict never
 *       depends on how the bytes were cut into pieces
 *   I2  nothing is kept but offsets; what fields mean is decided once, at the end (framing.c)
 *   I3  an error is final: the next call gives it again
 *
 *      START -> LINE -> FIELDS -> DONE          a head; START skips one CRLF
 *                       TRAILERS -> DONE        a trailer section
 *          any of them -> FAILED
 */
#include "http1/parse.h"

#include "http/scan.h"
#include "http/uri.h"
#include "http1/parse_int.h"

enum phase { START = 0, LINE, FIELDS, TRAILERS, DONE, FAILED };

enum {
    LINE_MAX_UNSET = 1 << 20,
    LINE_MAX_SANE = 1 << 28,
    FIELDS_MAX_SANE = 32768,
    FIELD_SIZE_UNSET = 8190,
    HEAD_MAX_SANE = 1 << 30,
    NAME_SCAN_MAX = 64, /* a longer name is left to judge_field() */
    METHOD_MAX = 20     /* of a conventional one: the longest registered has 17 */
};

uint32_t lc_h1_request_line_max(const struct lc_limits *l)
{
    return l->request_line == 0 ? LINE_MAX_UNSET : LC_MIN(l->request_line, (uint32_t)LINE_MAX_SANE);
}

uint32_t lc_h1_fields_max(const struct lc_limits *l)
{
    return l->fields == 0 || l->fields > FIELDS_MAX_SANE ? FIELDS_MAX_SANE : l->fields;
}

uint32_t lc_h1_field_size_max(const struct lc_limits *l)
{
    uint32_t size = l->field_size == 0 ? FIELD_SIZE_UNSET : l->field_size;

    if (LC_LIKELY(size <= HEAD_MAX_SANE / FIELDS_MAX_SANE))
        return size;
    return LC_MIN(size, HEAD_MAX_SANE / lc_h1_fields_max(l));
}

enum lc_rc lc_h1_fail(struct lc_h1_parser *ps, enum lc_h1_err err, struct lc_span where)
{
    ps->phase = FAILED;
    ps->err = err;
    ps->where = where;
    switch (err) {
    case LC_H1_REQUEST_LINE_SIZE:
    case LC_H1_FIELDS:
    case LC_H1_FIELD_SIZE:
        return LC_ELIMIT;
    default:
        return LC_EPROTO;
    }
}

enum lc_rc lc_h1_fail_name(struct lc_h1_parser *ps, enum lc_h1_err err, struct lc_span name)
{
    ps->quote_upper = true;
    return lc_h1_fail(ps, err, name);
}

static void init(struct lc_h1_parser *ps, const struct lc_limits *limits, struct lc_request *req,
                 enum phase phase)
{
    *ps = (struct lc_h1_parser){.limits = limits, .phase = (uint8_t)phase};
    *req = (struct lc_request){.base = req->base,
                               .fields = req->fields,
                               .fields_cap = req->fields_cap,
                               .content_length = -1};
}

void lc_h1_parse_init(struct lc_h1_parser *ps, const struct lc_limits *limits,
                      struct lc_request *req)
{
    init(ps, limits, req, START);
}

void lc_h1_parse_trailers_init(struct lc_h1_parser *ps, const struct lc_limits *limits,
                               struct lc_request *trailers)
{
    init(ps, limits, trailers, TRAILERS);
}

static inline struct lc_span span(const char *base, const char *from, const char *to)
{
    return (struct lc_span){(uint32_t)(from - base), (uint32_t)(to - from)};
}

static inline bool is_blank(char c)
{
    return c == ' ' || c == '\t';
}

/* The LF that ends the current line, or NULL.  Bytes seen without one are not looked at again. */
static const char *find_lf(struct lc_h1_parser *ps, const char *base, size_t n)
{
    size_t from = LC_MAX(ps->at, ps->scanned);
    const char *lf = memchr(base + from, '\n', n - from);

    ps->scanned = (uint32_t)(lf != NULL ? (size_t)(lf - base) : n);
    return lf;
}

/* ------------------------------------------------------------------ the request line */

static bool is_conventional(struct lc_str m)
{
    if (m.n < 3 || m.n > METHOD_MAX)
        return false;
    for (size_t i = 0; i < m.n; i++) {
        if ((m.p[i] >= 'a' && m.p[i] <= 'z') || m.p[i] == '#')
            return false;
    }
    return true;
}

static enum lc_method find_method(const struct lc_limits *limits, struct lc_str m)
{
    char folded[METHOD_MAX];

    if (!limits->casefold_http_method || m.n > sizeof folded)
        return lc_method_find(m.p, m.n);
    for (size_t i = 0; i < m.n; i++)
        folded[i] = m.p[i] >= 'a' && m.p[i] <= 'z' ? (char)(m.p[i] - 0x20) : m.p[i];
    return lc_method_find(folded, m.n);
}

static enum lc_rc take_method(struct lc_h1_parser *ps, struct lc_request *req)
{
    struct lc_str m = lc_req_text(req, req->method);
    bool is_good = ps->limits->permit_unconventional_http_method || is_conventional(m);

    if (!is_good || !lc_is_token(m.p, m.n))
        return lc_h1_fail(ps, LC_H1_METHOD, req->method);
    req->method_id = (uint16_t)find_method(ps->limits, m);
    req->must_close = req->method_id == LC_METHOD_CONNECT;
    return LC_OK;
}

static enum lc_rc take_target(struct lc_h1_parser *ps, struct lc_request *req, struct lc_span line)
{
    struct lc_uri uri;
    enum lc_rc rc;

    rc = lc_uri_split(lc_req_text(req, req->target), req->method_id == LC_METHOD_CONNECT,
                      req->method_id == LC_METHOD_OPTIONS, &uri);
    if (rc != LC_OK)
        return lc_h1_fail(ps, LC_H1_REQUEST_LINE, line);
    req->target_form = (uint8_t)uri.form;
    req->path = span(req->base, uri.path.p, uri.path.p + uri.path.n);
    if (uri.query.n > 0)
        req->query = span(req->base, uri.query.p, uri.query.p + uri.query.n);
    return LC_OK;
}

static inline bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

static enum lc_rc take_version(struct lc_h1_parser *ps, struct lc_request *req,
                               struct lc_span version)
{
    const char *v = req->base + version.off;

    if (version.len != 8 || memcmp(v, "HTTP/", 5) != 0 || !is_digit(v[5]) || v[6] != '.' ||
        !is_digit(v[7]))
        return lc_h1_fail(ps, LC_H1_VERSION, version);
    if (v[5] != '1' && !ps->limits->permit_unconventional_http_version)
        return lc_h1_fail(ps, LC_H1_VERSION, version);
    req->version_major = (uint8_t)(v[5] - '0');
    req->version_minor = (uint8_t)(v[7] - '0');
    return LC_OK;
}

/* Three parts on single spaces; a further space belongs to the third, which then is no version. */
static enum lc_rc judge_line(struct lc_h1_parser *ps, struct lc_request *req, const char *p,
                             const char *end)
{
    const char *base = req->base;
    struct lc_span line = span(base, p, end);
    const char *first = lc_scan_byte(p, end, ' ');
    const char *second = first == end ? end : lc_scan_byte(first + 1, end, ' ');
    enum lc_rc rc;

    if (second == end)
        return lc_h1_fail(ps, LC_H1_REQUEST_LINE, line);
    req->method = span(base, p, first);
    req->target = span(base, first + 1, second);
    if ((rc = take_method(ps, req)) != LC_OK)
        return rc;
    if ((rc = take_target(ps, req, line)) != LC_OK)
        return rc;
    return take_version(ps, req, span(base, second + 1, end));
}

static enum lc_rc step_line(struct lc_h1_parser *ps, struct lc_request *req, size_t n)
{
    const char *p = req->base + ps->at;
    uint32_t max = lc_h1_request_line_max(ps->limits);
    const char *lf = find_lf(ps, req->base, n);
    size_t len = lf != NULL ? (size_t)(lf - p) : n - ps->at;
    enum lc_rc rc;

    /* len counts the CR as well: one more is the line that just fits. */
    if (len > (size_t)max + 1)
        return lc_h1_fail(ps, LC_H1_REQUEST_LINE_SIZE, span(req->base, p, p + len - (lf != NULL)));
    if (lf == NULL)
        return LC_AGAIN;
    if (lf == p || lf[-1] != '\r')
        return lc_h1_fail(ps, LC_H1_REQUEST_LINE_LF, span(req->base, p, lf));
    if ((rc = judge_line(ps, req, p, lf - 1)) != LC_OK)
        return rc;
    ps->at = ps->scanned = (uint32_t)(lf + 1 - req->base);
    ps->phase = FIELDS;
    return LC_OK;
}

static enum lc_rc step_start(struct lc_h1_parser *ps, struct lc_request *req, size_t n)
{
    if (n == 0)
        return LC_AGAIN;
    if (req->base[0] == '\r') {
        if (n == 1)
            return LC_AGAIN;
        if (req->base[1] == '\n')
            ps->at = ps->head_start = 2;
    }
    ps->phase = LINE;
    return LC_OK;
}

/* ------------------------------------------------------------------ fields */

static inline const char *skip_blanks(const char *p, const char *end)
{
    while (p < end && is_blank(*p))
        p++;
    return p;
}

static inline const char *cut_blanks(const char *p, const char *end)
{
    while (end > p && is_blank(end[-1]))
        end--;
    return end;
}

/* A name and the text after its colon, both found good, become the next field. */
static inline void add_field(struct lc_request *req, struct lc_span name, enum lc_token token,
                             const char *value, const char *end)
{
    struct lc_field *f = &req->fields[req->nfields++];
    bool may_have_underscore = token == LC_TOKEN_NONE;

    f->name = name;
    f->value = span(req->base, value, cut_blanks(value, end));
    f->token = (uint16_t)token;
    f->flags = may_have_underscore && memchr(req->base + name.off, '_', name.len) != NULL
                   ? LC_FIELD_UNDERSCORE
                   : 0;
}

/* Takes the usual line; false, with nothing changed, if it is unusual, bad or not all there. */
static inline bool take_field(struct lc_h1_parser *ps, struct lc_request *req, const char *p,
                              const char *end)
{
    const char *stop = end - p > NAME_SCAN_MAX ? p + NAME_SCAN_MAX : end;
    const char *colon = lc_scan_byte(p, stop, ':');
    const char *value, *cr;
    enum lc_token token;

    if (LC_UNLIKELY(colon == stop))
        return false;
    token = lc_token_find(p, (size_t)(colon - p));
    if (token == LC_TOKEN_NONE && !lc_is_token(p, (size_t)(colon - p)))
        return false;
    value = skip_blanks(colon + 1, end);
    cr = lc_scan_ctl(value, end);
    if (LC_UNLIKELY(end - cr < 2 || cr[0] != '\r' || cr[1] != '\n'))
        return false;
    if (LC_UNLIKELY(cr + 2 - p > (ptrdiff_t)lc_h1_field_size_max(ps->limits)))
        return false;
    add_field(req, span(req->base, p, colon), token, value, cr);
    ps->at = ps->scanned = (uint32_t)(cr + 2 - req->base);
    return true;
}

/* A complete line [p, end) without its CRLF. */
static enum lc_rc judge_field(struct lc_h1_parser *ps, struct lc_request *req, const char *p,
                              const char *end)
{
    const char *base = req->base;
    const char *colon = lc_scan_byte(p, end, ':');
    const char *name_end = colon;

    if (colon == end || colon == p)
        return lc_h1_fail(ps, LC_H1_HEADER, span(base, p, end));
    if (ps->limits->strip_header_spaces)
        name_end = cut_blanks(p, colon);
    if (!lc_is_token(p, (size_t)(name_end - p)))
        return lc_h1_fail(ps, LC_H1_HEADER_NAME, span(base, p, colon));
    if (lc_scan_ctl(colon + 1, end) != end)
        return lc_h1_fail_name(ps, LC_H1_HEADER, span(base, p, name_end));
    add_field(req, span(base, p, name_end), lc_token_find(p, (size_t)(name_end - p)),
              skip_blanks(colon + 1, end), end);
    return LC_OK;
}

/* The line [p, end) continues the field before it. */
static enum lc_rc judge_fold(struct lc_h1_parser *ps, struct lc_request *req, const char *p,
                             const char *end)
{
    struct lc_field *f = &req->fields[req->nfields - 1];
    const char *from = skip_blanks(p, end), *to = cut_blanks(from, end);

    if (lc_scan_ctl(from, end) != end)
        return lc_h1_fail_name(ps, LC_H1_HEADER, f->name);
    if (from == to)
        return LC_OK;
    if (f->value.len == 0) {
        f->value = span(req->base, from, to);
        return LC_OK;
    }
    f->value.len = (uint32_t)(to - req->base) - f->value.off;
    f->flags |= LC_FIELD_FOLDED;
    return LC_OK;
}

/* A line that take_field() left, or one that continues: waits for its end, then judges. */
static enum lc_rc step_slow_field(struct lc_h1_parser *ps, struct lc_request *req, size_t n,
                                  bool is_fold)
{
    const char *p = req->base + ps->at;
    const char *start = is_fold ? req->base + req->fields[req->nfields - 1].name.off : p;
    const char *lf = find_lf(ps, req->base, n);
    const char *end = lf != NULL ? lf + 1 : req->base + n;
    uint32_t max = lc_h1_field_size_max(ps->limits);
    enum lc_rc rc;

    /* Without its LF a line is at least one byte longer than what is there. */
    if ((size_t)(end - start) + (lf == NULL) > max)
        return lc_h1_fail(ps, LC_H1_FIELD_SIZE, span(req->base, p, p));
    if (lf == NULL)
        return LC_AGAIN;
    if (lf == p || lf[-1] != '\r')
        return lc_h1_fail(ps, LC_H1_HEADER, span(req->base, p, lf));
    rc = is_fold ? judge_fold(ps, req, p, lf - 1) : judge_field(ps, req, p, lf - 1);
    if (rc == LC_OK)
        ps->at = ps->scanned = (uint32_t)(end - req->base);
    return rc;
}

/* RFC 9110 6.5.1: what steers framing, routing or access comes before the body or not at all. */
static bool is_forbidden_trailer(unsigned token)
{
    switch (token) {
    case LC_TOKEN_HOST:
    case LC_TOKEN_CONTENT_LENGTH:
    case LC_TOKEN_TRANSFER_ENCODING:
    case LC_TOKEN_TRAILER:
    case LC_TOKEN_AUTHORIZATION:
    case LC_TOKEN_TE:
        return true;
    default:
        return false;
    }
}

/* The line at ps->at: not the empty one, and its first byte is there. */
static inline enum lc_rc step_field(struct lc_h1_parser *ps, struct lc_request *req, size_t n)
{
    const char *p = req->base + ps->at;
    struct lc_field *f;
    enum lc_rc rc = LC_OK;

    if (LC_UNLIKELY(is_blank(*p) && req->nfields > 0)) {
        if (ps->limits->permit_obsolete_folding)
            return step_slow_field(ps, req, n, true);
        return lc_h1_fail_name(ps, LC_H1_FOLDING, req->fields[req->nfields - 1].name);
    }
    if (LC_UNLIKELY(req->nfields >= lc_h1_fields_max(ps->limits)))
        return lc_h1_fail(ps, LC_H1_FIELDS, span(req->base, p, p));
    if (LC_UNLIKELY(req->nfields == req->fields_cap))
        return LC_ENOMEM;
    if (LC_UNLIKELY(ps->scanned > ps->at || !take_field(ps, req, p, req->base + n)))
        rc = step_slow_field(ps, req, n, false);
    if (rc != LC_OK || ps->phase == FIELDS)
        return rc;
    f = &req->fields[req->nfields - 1];
    return is_forbidden_trailer(f->token) ? lc_h1_fail_name(ps, LC_H1_HEADER_NAME, f->name) : LC_OK;
}

static enum lc_rc step_fields(struct lc_h1_parser *ps, struct lc_request *req, size_t n)
{
    enum lc_rc rc;

    for (;;) {
        const char *p = req->base + ps->at;

        if (LC_UNLIKELY(ps->at == n || (*p == '\r' && n - ps->at < 2)))
            return LC_AGAIN;
        if (p[0] == '\r' && p[1] == '\n')
            break;
        if (LC_UNLIKELY((rc = step_field(ps, req, n)) != LC_OK))
            return rc;
    }
    if (ps->phase == FIELDS && (rc = lc_h1_framing(ps, req)) != LC_OK)
        return rc;
    ps->at += 2;
    ps->phase = DONE;
    return LC_OK;
}

LC_HOT enum lc_rc lc_h1_parse(struct lc_h1_parser *ps, struct lc_request *req, size_t n,
                              size_t *head_len)
{
    enum lc_rc rc = LC_OK;

    n = LC_MIN(n, (size_t)UINT32_MAX);
    if (ps->phase == START)
        rc = step_start(ps, req, n);
    if (rc == LC_OK && ps->phase == LINE)
        rc = step_line(ps, req, n);
    if (rc == LC_OK && (ps->phase == FIELDS || ps->phase == TRAILERS))
        rc = step_fields(ps, req, n);
    if (ps->phase == FAILED)
        return lc_h1_fail(ps, ps->err, ps->where);
    *head_len = ps->at;
    return rc;
}
