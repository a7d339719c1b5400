/* ctl/json.c - the writer, and what UTF-8 is.   Runs in: master. */
#include "ctl/json.h"

#include <stdlib.h>

#define FIRST 512 /* bytes that the writer begins with */

size_t lc_utf8_len(const char *p, size_t n)
{
    const unsigned char *u = (const unsigned char *)p;
    static const uint32_t least[] = {0, 0, 0x80, 0x800, 0x10000};
    size_t len = u[0] < 0x80 ? 1 : (u[0] & 0xe0) == 0xc0 ? 2 : (u[0] & 0xf0) == 0xe0 ? 3 : 4;
    uint32_t c;

    if (len == 1)
        return 1;
    if (len > n || (len == 4 && (u[0] & 0xf8) != 0xf0))
        return 0;
    c = u[0] & (0xffu >> (len + 1));
    for (size_t i = 1; i < len; i++) {
        if ((u[i] & 0xc0) != 0x80)
            return 0;
        c = c << 6 | (u[i] & 0x3f);
    }
    return c < least[len] || c > 0x10ffff || (c >= 0xd800 && c <= 0xdfff) ? 0 : len;
}

void lc_json_init(struct lc_json *j, size_t max)
{
    *j = (struct lc_json){.max = max};
}

void lc_json_free(struct lc_json *j)
{
    free(j->p);
    lc_json_init(j, j->max);
}

void lc_json_rewind(struct lc_json *j, size_t n)
{
    LC_CHECK(n <= j->n);
    j->n = n;
    j->is_full = j->has_element = false;
}

static bool grow(struct lc_json *j, size_t need)
{
    size_t cap = LC_MAX(j->cap, FIRST);
    char *p;

    if (need > j->max)
        return false;
    while (cap < need)
        cap *= 2;
    cap = LC_MIN(cap, j->max);
    if ((p = realloc(j->p, cap)) == NULL)
        return false;
    j->p = p;
    j->cap = cap;
    return true;
}

void lc_json_bytes(struct lc_json *j, const char *p, size_t n)
{
    if (j->is_full || n == 0)
        return;
    if (n > j->max - j->n || (j->n + n > j->cap && !grow(j, j->n + n))) {
        j->is_full = true;
        return;
    }
    memcpy(j->p + j->n, p, n);
    j->n += n;
}

/* A value or a key begins. */
static void begin(struct lc_json *j)
{
    if (j->has_element)
        lc_json_bytes(j, ",", 1);
    j->has_element = true;
}

void lc_json_open(struct lc_json *j, char bracket)
{
    begin(j);
    lc_json_bytes(j, &bracket, 1);
    j->has_element = false;
}

void lc_json_close(struct lc_json *j, char bracket)
{
    lc_json_bytes(j, &bracket, 1);
    j->has_element = true;
}

static void put_quoted(struct lc_json *j, struct lc_str s)
{
    static const char hex[] = "0123456789abcdef";

    lc_json_bytes(j, "\"", 1);
    for (size_t i = 0; i < s.n;) {
        unsigned char c = (unsigned char)s.p[i];
        size_t len = lc_utf8_len(s.p + i, s.n - i);

        if (len == 0) {
            lc_json_bytes(j, "\xef\xbf\xbd", 3);
            len = 1;
        } else if (c < 0x20 || c == 0x7f) {
            lc_json_bytes(j, (char[]){'\\', 'u', '0', '0', hex[c >> 4], hex[c & 15]}, 6);
        } else {
            if (c == '"' || c == '\\')
                lc_json_bytes(j, "\\", 1);
            lc_json_bytes(j, s.p + i, len);
        }
        i += len;
    }
    lc_json_bytes(j, "\"", 1);
}

void lc_json_key(struct lc_json *j, const char *name)
{
    begin(j);
    put_quoted(j, lc_str_of(name, strlen(name)));
    lc_json_bytes(j, ":", 1);
    j->has_element = false;
}

void lc_json_str(struct lc_json *j, struct lc_str s)
{
    begin(j);
    put_quoted(j, s);
}

void lc_json_text(struct lc_json *j, const char *s)
{
    lc_json_str(j, lc_str_of(s, strlen(s)));
}

void lc_json_raw(struct lc_json *j, struct lc_str value)
{
    begin(j);
    lc_json_bytes(j, value.p, value.n);
}

void lc_json_number(struct lc_json *j, int64_t v)
{
    char text[21];
    size_t n = 0;

    if (v < 0)
        text[n++] = '-';
    n += lc_u64_to_dec(v < 0 ? -(uint64_t)v : (uint64_t)v, text + n);
    lc_json_raw(j, lc_str_of(text, n));
}

void lc_json_seconds(struct lc_json *j, uint64_t ms)
{
    uint64_t hundredths = ms / 10;
    char text[24];
    size_t n = lc_u64_to_dec(hundredths / 100, text);

    text[n++] = '.';
    text[n++] = (char)('0' + hundredths / 10 % 10);
    text[n++] = (char)('0' + hundredths % 10);
    lc_json_raw(j, lc_str_of(text, n));
}

void lc_json_bool(struct lc_json *j, bool v)
{
    lc_json_raw(j, v ? LC_STR("true") : LC_STR("false"));
}

void lc_json_null(struct lc_json *j)
{
    lc_json_raw(j, LC_STR("null"));
}
