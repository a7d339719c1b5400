/* http1/test/answers.c - see answers.h.  Shares no code with the writer. */
#include "answers.h"

static bool take_line(struct lc_str *rest, struct lc_str *line)
{
    const char *end = rest->n ? memmem(rest->p, rest->n, "\r\n", 2) : NULL;

    if (end == NULL)
        return false;
    *line = lc_str_of(rest->p, (size_t)(end - rest->p));
    *rest = lc_str_of(end + 2, rest->n - line->n - 2);
    return true;
}

static bool is_digits(const char *p, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        if (p[i] < '0' || p[i] > '9')
            return false;
    }
    return n > 0;
}

static bool is_clean(struct lc_str s)
{
    for (size_t i = 0; i < s.n; i++) {
        if (((unsigned char)s.p[i] < 0x20 && s.p[i] != '\t') || s.p[i] == 0x7f)
            return false;
    }
    return true;
}

static enum lc_rc read_status(struct lc_str line, struct answer *out)
{
    if (line.n < 12 || memcmp(line.p, "HTTP/1.", 7) != 0 || !is_digits(line.p + 7, 1) ||
        line.p[8] != ' ')
        return LC_EPROTO;
    if (!is_digits(line.p + 9, 3) || (line.n > 12 && line.p[12] != ' ') || !is_clean(line))
        return LC_EPROTO;
    out->status = (line.p[9] - '0') * 100 + (line.p[10] - '0') * 10 + line.p[11] - '0';
    out->line = line;
    return out->status >= 100 && out->status < 1000 ? LC_OK : LC_EPROTO;
}

static enum lc_rc read_field(struct lc_str line, struct answer *out)
{
    const char *colon = memchr(line.p, ':', line.n);
    struct lc_str name, value;

    if (colon == NULL || colon == line.p || !is_clean(line))
        return LC_EPROTO;
    name = lc_str_of(line.p, (size_t)(colon - line.p));
    value = lc_str_trim(lc_str_of(colon + 1, line.n - name.n - 1));
    if (lc_str_ieq(name, LC_STR("content-length"))) {
        if (out->content_length >= 0 || lc_str_to_i64(value, &out->content_length) != LC_OK)
            return LC_EPROTO;
    } else if (lc_str_ieq(name, LC_STR("transfer-encoding"))) {
        if (out->is_chunked || !lc_str_eq(value, LC_STR("chunked")))
            return LC_EPROTO;
        out->is_chunked = true;
    } else if (lc_str_ieq(name, LC_STR("connection"))) {
        out->is_close = lc_str_eq(value, LC_STR("close")) || lc_str_eq(value, LC_STR("upgrade"));
    }
    return LC_OK;
}

static enum lc_rc read_head(struct lc_str *rest, struct answer *out)
{
    struct lc_str line;
    enum lc_rc rc;
    const char *from;

    if (!take_line(rest, &line))
        return LC_AGAIN;
    if ((rc = read_status(line, out)) != LC_OK)
        return rc;
    from = rest->p;
    for (;;) {
        if (!take_line(rest, &line))
            return LC_AGAIN;
        if (line.n == 0)
            break;
        if ((rc = read_field(line, out)) != LC_OK)
            return rc;
    }
    out->head = lc_str_of(from, (size_t)(line.p - from));
    return out->is_chunked && out->content_length >= 0 ? LC_EPROTO : LC_OK;
}

/* Upper-case digits without leading zeros, no extension: the only form that we write. */
static enum lc_rc read_size(struct lc_str line, size_t *size)
{
    *size = 0;
    if (line.n == 0 || line.n > 15 || (line.p[0] == '0' && line.n > 1))
        return LC_EPROTO;
    for (size_t i = 0; i < line.n; i++) {
        const char *at = memchr("0123456789ABCDEF", line.p[i], 16);

        if (at == NULL)
            return LC_EPROTO;
        *size = *size * 16 + (size_t)(strchr("0123456789ABCDEF", *at) - "0123456789ABCDEF");
    }
    return LC_OK;
}

/* dst may be NULL: counts. */
static enum lc_rc read_chunks(struct lc_str *rest, size_t *count, char *dst)
{
    struct lc_str line;
    size_t size;

    *count = 0;
    for (;;) {
        if (!take_line(rest, &line))
            return LC_AGAIN;
        if (read_size(line, &size) != LC_OK)
            return LC_EPROTO;
        if (rest->n < size + 2)
            return LC_AGAIN;
        if (memcmp(rest->p + size, "\r\n", 2) != 0)
            return LC_EPROTO;
        if (dst)
            memcpy(dst + *count, rest->p, size);
        *count += size;
        *rest = lc_str_of(rest->p + size + 2, rest->n - size - 2);
        if (size == 0)
            return LC_OK;
    }
}

static enum lc_rc read_body(struct answers *a, struct lc_str *rest, bool is_head,
                            struct answer *out)
{
    const char *from = rest->p;
    enum lc_rc rc = LC_OK;

    if (is_head || out->status < 200 || out->status == 204 || out->status == 304)
        return out->is_chunked ? LC_EPROTO : LC_OK;
    if (out->is_chunked) {
        rc = read_chunks(rest, &out->body_len, NULL);
    } else if (out->content_length >= 0) {
        out->body_len = (size_t)out->content_length;
        if (rest->n < out->body_len)
            return LC_AGAIN;
        *rest = lc_str_of(rest->p + out->body_len, rest->n - out->body_len);
    } else {
        out->is_until_close = true;
        if (!out->is_close)
            return LC_EPROTO;
        if (!a->is_ended)
            return LC_AGAIN;
        out->body_len = rest->n;
        *rest = lc_str_of(rest->p + rest->n, 0);
    }
    out->body = lc_str_of(from, (size_t)(rest->p - from));
    return rc;
}

enum lc_rc answers_next(struct answers *a, bool is_head, struct answer *out)
{
    struct lc_str rest = a->rest;
    enum lc_rc rc;

    *out = (struct answer){.content_length = -1};
    if ((rc = read_head(&rest, out)) != LC_OK)
        return rc;
    if ((rc = read_body(a, &rest, is_head, out)) != LC_OK)
        return rc;
    a->rest = rest;
    return LC_OK;
}

struct lc_str answer_field(const struct answer *a, const char *name)
{
    struct lc_str rest = a->head, line;
    size_t n = strlen(name);

    while (take_line(&rest, &line)) {
        if (line.n > n && line.p[n] == ':' && lc_str_ieq(lc_str_of(line.p, n), lc_str_of(name, n)))
            return lc_str_trim(lc_str_of(line.p + n + 1, line.n - n - 1));
    }
    return LC_STR_NULL;
}

void answer_body(const struct answer *a, char *dst)
{
    struct lc_str rest = a->body;
    size_t n;

    if (!a->is_chunked) {
        if (a->body_len > 0)
            memcpy(dst, a->body.p, a->body_len);
        return;
    }
    LC_CHECK(read_chunks(&rest, &n, dst) == LC_OK && n == a->body_len);
}
