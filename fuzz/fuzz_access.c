/* fuzz/fuzz_access.c - the access log's formats and lines, against a slow writer without bounds.
 *
 * Input: an option byte, then texts with 0x1e between them: the format, remote, method, target, protocol, path, query,
 * authorization, referer, agent, and what every named atom is.  A text that does not come is NULL.
 *
 *      1  no status  2  a long line is allowed  4  named atoms are NULL  8  sent and duration are large
 *
 * Held against: the line is the slow writer's when it fits, and never longer than allowed; nothing in it but what the
 * format holds is a control character. */
#include "log/access.h"

#include <stdio.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { INPUT_MAX = 16384, MODEL_MAX = 1 << 20, PARTS = 2 + LC_ACCESS_TEXTS };

struct model {
    char *p;
    size_t n;
};

static void add(struct model *m, const char *p, size_t n)
{
    LC_CHECK(m->n + n <= MODEL_MAX);
    if (n > 0)
        memcpy(m->p + m->n, p, n);
    m->n += n;
}

/* Bytes of one visible character beyond ASCII, by decoding it and encoding it again. */
static size_t visible(const uint8_t *p, size_t n)
{
    for (size_t len = 2; len <= 4 && len <= n; len++) {
        uint32_t code = p[0] & (0xffu >> (len + 1)), rest;
        uint8_t again[4];

        for (size_t i = 1; i < len; i++)
            code = code * 64 + p[i] % 64;
        rest = code;
        for (size_t i = len - 1; i > 0; i--, rest /= 64)
            again[i] = (uint8_t)(0x80 + rest % 64);
        again[0] = (uint8_t)((0xf00u >> len) % 256 + rest);
        if (memcmp(again, p, len) == 0 && code >= 0xa0 && code < 0x110000 &&
            !(code >= 0xd800 && code < 0xe000) &&
            len == 1u + (code >= 0x80) + (code >= 0x800) + (code >= 0x10000))
            return len;
    }
    return 0;
}

static void add_escaped(struct model *m, struct lc_str v, size_t most)
{
    size_t from = m->n, step;
    char one[8];

    for (size_t i = 0; i < v.n; i += step) {
        uint8_t c = (uint8_t)v.p[i];
        int n = 1;

        step = 1;
        one[0] = (char)c;
        if (c == '"' || c == '\\') {
            n = snprintf(one, sizeof one, "\\%c", c);
        } else if (c >= 0x80 && (step = visible((const uint8_t *)v.p + i, v.n - i)) > 0) {
            n = (int)step;
            memcpy(one, v.p + i, step);
        } else if (c < 0x20 || c >= 0x7f) {
            n = snprintf(one, sizeof one, "\\x%02x", c);
            step = 1;
        }
        if (m->n - from + (size_t)n > most)
            return;
        add(m, one, (size_t)n);
    }
}

static struct lc_str of(const char *text)
{
    return lc_str_of(text, strlen(text));
}

static bool is_one_of(struct lc_str name, const char *letters)
{
    return name.n == 1 && name.p[0] && strchr(letters, name.p[0]);
}

static bool is_named(struct lc_str name)
{
    return name.n > 2 && name.p[0] == '{' && name.p[name.n - 2] == '}' &&
           is_one_of(lc_str_of(name.p + name.n - 1, 1), "ioeIOE");
}

/* Numbers, and what is made of them; "" for other atoms. */
static void number_value(const struct lc_access_record *r, char letter, char buf[32])
{
    unsigned long long ns = r->took_ns,
                       units[128] = {['T'] = 1000000000u, ['M'] = 1000000u, ['D'] = 1000u};

    buf[0] = '\0';
    if (letter == 's' && r->status > 0)
        snprintf(buf, 32, "%d", r->status);
    else if (letter == 'B' || letter == 'b')
        snprintf(buf, 32, "%lld", (long long)r->sent);
    else if (letter == 'L')
        snprintf(buf, 32, "%llu.%06llu", ns / 1000000000u, ns / 1000u % 1000000u);
    else if (letter == 'p')
        snprintf(buf, 32, "<%ld>", (long)r->pid);
    else if (letter == 't')
        snprintf(buf, 32, "[06/Nov/1994:08:49:37 +0000]");
    else if (letter > 0 && units[(int)letter])
        snprintf(buf, 32, "%llu", ns / units[(int)letter]);
}

/* What Gunicorn's dictionary would hold under that name, but for r and u. */
static struct lc_str value(const struct lc_access_record *r, struct lc_str name, char buf[32])
{
    static const char texts[] = "hm HUq fa";
    struct lc_str v = LC_STR_NULL;

    buf[0] = '\0';
    if (is_named(name))
        v = r->named(r->ctx, LC_ACCESS_IN, name);
    else if (is_one_of(name, "hmHUqfa"))
        v = r->text[strchr(texts, name.p[0]) - texts];
    else if (name.n == 1)
        number_value(r, name.p[0], buf);
    if (buf[0])
        return of(buf);
    return v.p ? v : LC_STR("-");
}

/* The request line is three texts; a scratch of this size holds its beginning where it is padded or shortened. */
static struct lc_str line_value(const struct lc_access_record *r, char *buf)
{
    size_t n = 0;

    for (int i = LC_ACCESS_METHOD; i <= LC_ACCESS_PROTOCOL; i++) {
        struct lc_str v = r->text[i].p ? r->text[i] : LC_STR("-");

        memcpy(buf + n, v.p, v.n);
        n += v.n;
        buf[n++] = ' ';
    }
    return lc_str_of(buf, n - 1);
}

/* Spaces or zeros around what was written since `from`. */
static void pad(struct model *m, size_t from, size_t width, bool is_left, char fill)
{
    size_t len = m->n - from;

    if (len >= width)
        return;
    LC_CHECK(from + width <= MODEL_MAX);
    if (!is_left)
        memmove(m->p + from + width - len, m->p + from, len);
    memset(m->p + from + (is_left ? len : 0), fill, width - len);
    m->n = from + width;
}

static size_t digits(const char **at)
{
    size_t n = 0;

    for (; **at >= '0' && **at <= '9'; (*at)++)
        n = n * 10 + (size_t)(**at - '0');
    return n;
}

/* One atom behind its '%'; returns what is behind it. */
static const char *model_atom(struct model *m, const struct lc_access_record *r, const char *at,
                              const char *user)
{
    static char line[4 * INPUT_MAX];
    const char *close = strchr(at, ')'), *flags = close + 1;
    struct lc_str name = lc_str_of(at + 1, (size_t)(close - at) - 1), v;
    size_t nflags = strspn(flags, "-0"), width, most = SIZE_MAX, from = m->n;
    bool is_left = memchr(flags, '-', nflags) != NULL, is_text, is_quoted;
    char buf[32], fill;

    at = flags + nflags;
    width = digits(&at);
    if (*at == '.') {
        at++;
        most = digits(&at);
    }
    is_text = strchr("sra", *at) != NULL;
    is_quoted = strchr("ra", *at) && !is_one_of(name, "BTDM");
    fill = !is_text && !is_left && memchr(flags, '0', nflags) ? '0' : ' ';
    v = is_one_of(name, "r")   ? line_value(r, line)
        : is_one_of(name, "u") ? of(user)
                               : value(r, name, buf);
    add(m, "'", is_quoted);
    add_escaped(m, v, most);
    add(m, "'", is_quoted);
    pad(m, from, width, is_left, fill);
    return at + 1;
}

static void model_line(struct model *m, const struct lc_access_record *r, const char *format,
                       const char *user)
{
    m->n = 0;
    while (*format) {
        if (*format != '%') {
            add(m, format++, 1);
        } else if (format[1] == '%') {
            add(m, "%", 1);
            format += 2;
        } else {
            format = model_atom(m, r, format + 1, user);
        }
    }
    add(m, "\n", 1);
}

static struct lc_str named(void *ctx, enum lc_access_source from, struct lc_str name)
{
    (void)from;
    (void)name;
    return *(struct lc_str *)ctx;
}

/* The user alone, by the code under test: it is held to be short and without a control character, no more. */
static void user_of(const struct lc_access_record *r, char *user)
{
    static char line[LC_ACCESS_LINE_MIN];
    struct lc_access_format f;
    size_t at, n;

    LC_CHECK(lc_access_compile(&f, LC_STR("%(u)s"), &at) == LC_OK);
    n = lc_access_line(&f, r, line, sizeof line);
    LC_CHECK(n > 1 && n <= sizeof line);
    lc_access_free(&f);
    for (size_t i = 0; i < n - 1; i++)
        LC_CHECK((uint8_t)line[i] >= 0x20 && line[i] != 0x7f);
    line[n - 1] = '\0';
    /* Escaped already: what would be escaped again is left out of the comparison. */
    user[0] = '\0';
    if (n <= 60 && !strpbrk(line, "\"\\"))
        memcpy(user, line, n);
}

static void check_line(struct lc_access_format *f, const struct lc_access_record *r,
                       const char *format, size_t cap)
{
    static char *line, *room;
    struct model m;
    char user[64];
    size_t n;

    if (line == NULL) {
        line = malloc(65536);
        room = malloc(MODEL_MAX);
        LC_CHECK(line != NULL && room != NULL);
    }
    m.p = room;
    n = lc_access_line(f, r, line, cap);
    LC_CHECK(n > 0 && n <= cap && line[n - 1] == '\n');
    if (!strpbrk(format, "\n"))
        LC_CHECK(memchr(line, '\n', n - 1) == NULL);
    user_of(r, user);
    if (user[0] == '\0' && strstr(format, "(u)"))
        return;
    model_line(&m, r, format, user);
    if (strstr(format, "(r)") && m.n > 4000)
        return; /* a padded request line is shortened before it is long */
    if (m.n <= cap)
        LC_CHECK(n == m.n && memcmp(line, m.p, n) == 0);
    else
        LC_CHECK(memmem(line, n, "...", 3) != NULL);
}

/* The texts of the input, as many as there are. */
static void split(struct lc_str rest, struct lc_str part[PARTS])
{
    for (int i = 0; i < PARTS && rest.p; i++) {
        const char *end = rest.n ? memchr(rest.p, 0x1e, rest.n) : NULL;

        part[i] = lc_str_of(rest.p, end ? (size_t)(end - rest.p) : rest.n);
        rest = end ? lc_str_of(end + 1, rest.n - part[i].n - 1) : LC_STR_NULL;
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct lc_str part[PARTS] = {{0}};
    struct lc_access_record r = {.now = 784111777, .pid = 4711, .sent = 17, .took_ns = 1234567890};
    struct lc_access_format f;
    char format[LC_ACCESS_FORMAT_MAX + 2];
    size_t at;

    if (size < 1 || size > INPUT_MAX)
        return 0;
    setenv("TZ", "UTC", 1);
    split(lc_str_of((const char *)data + 1, size - 1), part);
    if (part[0].n > LC_ACCESS_FORMAT_MAX + 1 || memchr(part[0].p, '\0', part[0].n))
        return 0;
    memcpy(format, part[0].p, part[0].n);
    format[part[0].n] = '\0';
    if (lc_access_compile(&f, lc_str_of(format, part[0].n), &at) != LC_OK)
        return 0;
    memcpy(r.text, part + 1, sizeof r.text);
    r.status = data[0] & 1 ? 0 : 200;
    r.named = named;
    r.ctx = &part[PARTS - 1];
    if (data[0] & 4)
        part[PARTS - 1] = LC_STR_NULL;
    if (data[0] & 8) {
        r.sent = INT64_MAX;
        r.took_ns = UINT64_MAX;
    }
    check_line(&f, &r, format, data[0] & 2 ? 65536 : LC_ACCESS_LINE_MIN);
    lc_access_free(&f);
    return 0;
}
