/* ctl/json_in.c - the reader.   Runs in: master.
 *
 * Strict, and without recursion that a peer could deepen at will: nesting ends at LC_JSON_DEPTH. */
#include "ctl/json.h"

struct lc_json_in lc_json_in(struct lc_str text)
{
    return (struct lc_json_in){text.p, text.p + text.n};
}

static void skip_space(struct lc_json_in *in)
{
    while (in->p < in->end && (*in->p == ' ' || *in->p == '\t' || *in->p == '\n' || *in->p == '\r'))
        in->p++;
}

static bool is_next(const struct lc_json_in *in, char c)
{
    return in->p < in->end && *in->p == c;
}

bool lc_json_take(struct lc_json_in *in, char c)
{
    skip_space(in);
    if (!is_next(in, c))
        return false;
    in->p++;
    return true;
}

bool lc_json_is_over(struct lc_json_in *in)
{
    skip_space(in);
    return in->p == in->end;
}

/* --- strings -------------------------------------------------------------------------------------------------- */

struct out {
    char *p;
    size_t n, cap;
};

static enum lc_rc put(struct out *o, const char *p, size_t n)
{
    if (n > o->cap - o->n)
        return LC_ELIMIT;
    memcpy(o->p + o->n, p, n);
    o->n += n;
    return LC_OK;
}

static enum lc_rc put_code(struct out *o, uint32_t c)
{
    char u[4];

    if (c < 0x80)
        return put(o, (char[]){(char)c}, 1);
    if (c < 0x800) {
        u[0] = (char)(0xc0 | c >> 6);
        u[1] = (char)(0x80 | (c & 0x3f));
        return put(o, u, 2);
    }
    if (c < 0x10000) {
        u[0] = (char)(0xe0 | c >> 12);
        u[1] = (char)(0x80 | (c >> 6 & 0x3f));
        u[2] = (char)(0x80 | (c & 0x3f));
        return put(o, u, 3);
    }
    u[0] = (char)(0xf0 | c >> 18);
    u[1] = (char)(0x80 | (c >> 12 & 0x3f));
    u[2] = (char)(0x80 | (c >> 6 & 0x3f));
    u[3] = (char)(0x80 | (c & 0x3f));
    return put(o, u, 4);
}

static int hex_digit(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    c = lc_ascii_lower(c);
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

static enum lc_rc read_hex4(struct lc_json_in *in, uint32_t *c)
{
    *c = 0;
    if (in->end - in->p < 4)
        return LC_EPROTO;
    for (int i = 0; i < 4; i++) {
        int digit = hex_digit(*in->p++);

        if (digit < 0)
            return LC_EPROTO;
        *c = *c << 4 | (uint32_t)digit;
    }
    return LC_OK;
}

/* After \u.  Two escapes make one character where they are halves of a pair; a half alone is none. */
static enum lc_rc read_unicode(struct lc_json_in *in, struct out *o)
{
    uint32_t c, low;

    if (read_hex4(in, &c) != LC_OK)
        return LC_EPROTO;
    if (c >= 0xd800 && c < 0xdc00) {
        if (in->end - in->p < 2 || in->p[0] != '\\' || in->p[1] != 'u')
            return LC_EPROTO;
        in->p += 2;
        if (read_hex4(in, &low) != LC_OK || low < 0xdc00 || low > 0xdfff)
            return LC_EPROTO;
        c = 0x10000 + ((c - 0xd800) << 10) + (low - 0xdc00);
    } else if (c >= 0xdc00 && c <= 0xdfff) {
        return LC_EPROTO;
    }
    return put_code(o, c);
}

static enum lc_rc read_escape(struct lc_json_in *in, struct out *o)
{
    static const char from[] = "\"\\/bfnrt", to[] = "\"\\/\b\f\n\r\t";
    const char *at;

    if (in->p == in->end)
        return LC_EPROTO;
    if (*in->p == 'u') {
        in->p++;
        return read_unicode(in, o);
    }
    at = *in->p ? strchr(from, *in->p) : NULL;
    if (at == NULL)
        return LC_EPROTO;
    in->p++;
    return put(o, to + (at - from), 1);
}

enum lc_rc lc_json_string(struct lc_json_in *in, char *out, size_t cap, size_t *n)
{
    struct out o = {out, 0, cap};
    enum lc_rc rc = LC_OK;

    *n = 0;
    if (!lc_json_take(in, '"'))
        return LC_EPROTO;
    while (rc == LC_OK && in->p < in->end && *in->p != '"') {
        size_t len = lc_utf8_len(in->p, (size_t)(in->end - in->p));

        if (len == 0 || (unsigned char)*in->p < 0x20)
            return LC_EPROTO;
        if (*in->p == '\\') {
            in->p++;
            rc = read_escape(in, &o);
        } else {
            rc = put(&o, in->p, len);
            in->p += len;
        }
    }
    if (rc != LC_OK)
        return rc;
    if (in->p == in->end)
        return LC_EPROTO;
    in->p++;
    *n = o.n;
    return LC_OK;
}

/* --- any value ------------------------------------------------------------------------------------------------ */

static enum lc_rc skip_string(struct lc_json_in *in)
{
    char spare[4];

    if (!lc_json_take(in, '"'))
        return LC_EPROTO;
    while (in->p < in->end && *in->p != '"') {
        size_t len = lc_utf8_len(in->p, (size_t)(in->end - in->p));

        if (len == 0 || (unsigned char)*in->p < 0x20)
            return LC_EPROTO;
        in->p += len;
        if (in->p[-1] == '\\' && read_escape(in, &(struct out){spare, 0, sizeof spare}) != LC_OK)
            return LC_EPROTO;
    }
    return lc_json_take(in, '"') ? LC_OK : LC_EPROTO;
}

static size_t skip_digits(struct lc_json_in *in)
{
    const char *from = in->p;

    while (in->p < in->end && *in->p >= '0' && *in->p <= '9')
        in->p++;
    return (size_t)(in->p - from);
}

static bool skip_either(struct lc_json_in *in, char a, char b)
{
    if (!is_next(in, a) && !is_next(in, b))
        return false;
    in->p++;
    return true;
}

static enum lc_rc skip_number(struct lc_json_in *in)
{
    if (is_next(in, '-'))
        in->p++;
    if (is_next(in, '0'))
        in->p++;
    else if (skip_digits(in) == 0)
        return LC_EPROTO;
    if (is_next(in, '.')) {
        in->p++;
        if (skip_digits(in) == 0)
            return LC_EPROTO;
    }
    if (skip_either(in, 'e', 'E')) {
        (void)skip_either(in, '+', '-');
        if (skip_digits(in) == 0)
            return LC_EPROTO;
    }
    return LC_OK;
}

static enum lc_rc skip_word(struct lc_json_in *in, struct lc_str word)
{
    if ((size_t)(in->end - in->p) < word.n || memcmp(in->p, word.p, word.n) != 0)
        return LC_EPROTO;
    in->p += word.n;
    return LC_OK;
}

static enum lc_rc skip_plain(struct lc_json_in *in)
{
    switch (*in->p) {
    case '"':
        return skip_string(in);
    case 't':
        return skip_word(in, LC_STR("true"));
    case 'f':
        return skip_word(in, LC_STR("false"));
    case 'n':
        return skip_word(in, LC_STR("null"));
    default:
        return skip_number(in);
    }
}

/* What stands before a value inside a bracket: a name, if the bracket is {. */
static enum lc_rc skip_name(struct lc_json_in *in, char closing)
{
    if (closing != '}')
        return LC_OK;
    skip_space(in);
    if (skip_string(in) != LC_OK)
        return LC_EPROTO;
    return lc_json_take(in, ':') ? LC_OK : LC_EPROTO;
}

/* After a value: all brackets that end here, then a comma and the next name.  Leaves depth 0 when the whole has ended. */
static enum lc_rc after_value(struct lc_json_in *in, const char *closing, int *depth)
{
    while (*depth > 0) {
        if (lc_json_take(in, closing[*depth - 1])) {
            --*depth;
            continue;
        }
        return lc_json_take(in, ',') ? skip_name(in, closing[*depth - 1]) : LC_EPROTO;
    }
    return LC_OK;
}

/* Opens as many brackets as begin here; *is_empty: the last one was closed at once, which is a value. */
static enum lc_rc open_brackets(struct lc_json_in *in, char *closing, int *depth, bool *is_empty)
{
    *is_empty = false;
    for (skip_space(in); is_next(in, '[') || is_next(in, '{'); skip_space(in)) {
        if (*depth == LC_JSON_DEPTH)
            return LC_EPROTO;
        closing[*depth] = *in->p++ == '[' ? ']' : '}';
        if (lc_json_take(in, closing[*depth])) {
            *is_empty = true;
            return LC_OK;
        }
        if (skip_name(in, closing[(*depth)++]) != LC_OK)
            return LC_EPROTO;
    }
    return in->p < in->end ? LC_OK : LC_EPROTO;
}

enum lc_rc lc_json_value(struct lc_json_in *in, struct lc_str *raw)
{
    char closing[LC_JSON_DEPTH];
    const char *from;
    int depth = 0;
    bool is_empty;

    skip_space(in);
    from = in->p;
    do {
        if (open_brackets(in, closing, &depth, &is_empty) != LC_OK)
            return LC_EPROTO;
        if (!is_empty && skip_plain(in) != LC_OK)
            return LC_EPROTO;
        if (after_value(in, closing, &depth) != LC_OK)
            return LC_EPROTO;
    } while (depth > 0);
    *raw = lc_str_of(from, (size_t)(in->p - from));
    return LC_OK;
}
