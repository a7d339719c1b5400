/* http1/errtext.c - the words for a refused head or chunk, as Gunicorn's users grep for them.
 *
 * What a client sent is quoted, so it is escaped: no control byte and no byte above 0x7e reaches a
 * log or a page as it came.  Invariant: the text ends in NUL and never exceeds cap, whatever is
 * quoted. */
#include "http1/parse_int.h"

#include <stdio.h>

enum { QUOTE_MAX = 200 };

struct text {
    char *out;
    size_t n, cap;
};

static void put(struct text *t, const char *s, size_t n)
{
    size_t room = t->cap - 1 - t->n;

    n = LC_MIN(n, room);
    memcpy(t->out + t->n, s, n);
    t->n += n;
    t->out[t->n] = '\0';
}

static void put_z(struct text *t, const char *s)
{
    put(t, s, strlen(s));
}

static void put_escaped(struct text *t, char c, char quote)
{
    static const char hex[] = "0123456789abcdef";
    unsigned char u = (unsigned char)c;
    char numbered[4] = {'\\', 'x', hex[u >> 4], hex[u & 15]};
    char named[2] = {'\\', c == '\r' ? 'r' : c == '\n' ? 'n' : c == '\t' ? 't' : c};

    if (c == quote || c == '\\' || named[1] != c)
        put(t, named, 2);
    else if (u < 0x20 || u > 0x7e)
        put(t, numbered, 4);
    else
        put(t, &c, 1);
}

/* Python's repr(). */
static void put_repr(struct text *t, struct lc_str s, bool is_upper)
{
    bool has_single = s.n > 0 && memchr(s.p, '\'', s.n) != NULL;
    bool has_double = s.n > 0 && memchr(s.p, '"', s.n) != NULL;
    char quote = has_single && !has_double ? '"' : '\'';

    put(t, &quote, 1);
    for (size_t i = 0; i < LC_MIN(s.n, (size_t)QUOTE_MAX); i++) {
        bool is_lower = s.p[i] >= 'a' && s.p[i] <= 'z';

        put_escaped(t, is_upper && is_lower ? (char)(s.p[i] - 0x20) : s.p[i], quote);
    }
    if (s.n > QUOTE_MAX)
        put_z(t, "...");
    put(t, &quote, 1);
}

/* A well-formed number we do not speak is shown as one: (2, 0). */
static void put_version(struct text *t, struct lc_str v)
{
    char pair[] = "(0, 0)";
    bool is_pair = v.n == 8 && memcmp(v.p, "HTTP/", 5) == 0 && v.p[5] >= '0' && v.p[5] <= '9' &&
                   v.p[6] == '.' && v.p[7] >= '0' && v.p[7] <= '9';

    if (!is_pair) {
        put_repr(t, v, false);
        return;
    }
    pair[1] = v.p[5];
    pair[4] = v.p[7];
    put(t, pair, 6);
}

struct words {
    int status;
    const char *page;   /* what the error page says before the text, which then stands in '' */
    const char *before; /* ends in ": " or " " if a quote follows */
};

static const struct words table[LC_H1_ERR_COUNT] = {
    [LC_H1_OK] = {200, NULL, ""},
    [LC_H1_REQUEST_LINE] = {400, "Invalid Request Line", "Invalid HTTP request line: "},
    [LC_H1_REQUEST_LINE_LF] = {400, "Invalid Request Line",
                               "Invalid HTTP request line: 'bare LF as line terminator'"},
    [LC_H1_REQUEST_LINE_SIZE] = {414, NULL, "Request Line is too large "},
    [LC_H1_METHOD] = {400, "Invalid Method", "Invalid HTTP method: "},
    [LC_H1_VERSION] = {400, "Invalid HTTP Version", "Invalid HTTP Version: "},
    [LC_H1_HEADER] = {400, NULL, "Invalid HTTP Header: "},
    [LC_H1_HEADER_NAME] = {400, NULL, "Invalid HTTP header name: "},
    [LC_H1_FOLDING] = {400, NULL, "Obsolete line folding is unacceptable: "},
    [LC_H1_FIELDS] = {431, "Error parsing headers:", "limit request headers fields"},
    [LC_H1_FIELD_SIZE] = {431, "Error parsing headers:", "limit request headers fields size"},
    [LC_H1_HEAD_SIZE] = {431, "Error parsing headers:", "max buffer headers"},
    [LC_H1_CODING] = {501, NULL, "Unsupported transfer coding: "},
    [LC_H1_EXPECT] = {417, NULL, "Unable to comply with expectation: "},
    [LC_H1_HOST] = {400, NULL, "Invalid HTTP Header: 'HOST'"},
    [LC_H1_CHUNK_SIZE] = {400, NULL, "Invalid chunk size: b"},
    [LC_H1_CHUNK_EXT] = {400, NULL, "Invalid chunk extension: b"},
    [LC_H1_CHUNK_END] = {400, NULL, "Invalid chunk terminator is not '\\r\\n': b"},
};

int lc_h1_err_status(enum lc_h1_err err)
{
    return table[err].status;
}

static void put_log(struct text *t, const struct lc_h1_parser *ps, const char *base)
{
    struct lc_str quoted = lc_str_of(base + ps->where.off, ps->where.len);
    char sizes[48];

    put_z(t, table[ps->err].before);
    switch (ps->err) {
    case LC_H1_OK:
    case LC_H1_REQUEST_LINE_LF:
    case LC_H1_FIELDS:
    case LC_H1_FIELD_SIZE:
    case LC_H1_HEAD_SIZE:
    case LC_H1_HOST:
        return;
    case LC_H1_REQUEST_LINE_SIZE:
        snprintf(sizes, sizeof sizes, "(%u > %u)", ps->where.len,
                 lc_h1_request_line_max(ps->limits));
        put_z(t, sizes);
        return;
    case LC_H1_VERSION:
        put_version(t, quoted);
        return;
    default:
        put_repr(t, quoted, ps->quote_upper);
    }
}

size_t lc_h1_err_log(const struct lc_h1_parser *ps, const char *base, char *out, size_t cap)
{
    struct text t = {.out = out, .cap = cap};

    out[0] = '\0';
    put_log(&t, ps, base);
    return t.n;
}

size_t lc_h1_err_text(const struct lc_h1_parser *ps, const char *base, char *out, size_t cap)
{
    const char *page = table[ps->err].page;
    struct text t = {.out = out, .cap = cap};

    if (page == NULL)
        return lc_h1_err_log(ps, base, out, cap);
    out[0] = '\0';
    put_z(&t, page);
    put_z(&t, " '");
    put_log(&t, ps, base);
    put_z(&t, "'");
    return t.n;
}
