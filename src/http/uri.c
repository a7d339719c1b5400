/* http/uri.c - request targets and percent-decoding.
 *
 * Why no general URI parser: RFC 9112 3.2 knows four forms, the method says which may come, and
 * whatever else a general parser understands (userinfo, dot segments, other schemes) is something
 * the application would see differently than a proxy before us.  The path is passed on as it came;
 * nothing is normalised here. Invariant: every part lies within the target, so that callers may
 * keep offsets. */
#include "http/uri.h"

enum { MARK_BAD = 1, MARK_QUERY = 2, MARK_FRAGMENT = 4 };

/* What ends a stretch of path: bytes outside 0x21..0x7e, and the two that begin the next part. */
static const uint8_t marks[256] = {
    [0x00 ... 0x20] = MARK_BAD,
    ['#'] = MARK_FRAGMENT,
    ['?'] = MARK_QUERY,
    [0x7f ... 0xff] = MARK_BAD,
};

static const int8_t hex_value[256] = {
    ['0'] = 1,  ['1'] = 2,  ['2'] = 3,  ['3'] = 4,  ['4'] = 5,  ['5'] = 6,  ['6'] = 7,  ['7'] = 8,
    ['8'] = 9,  ['9'] = 10, ['a'] = 11, ['b'] = 12, ['c'] = 13, ['d'] = 14, ['e'] = 15, ['f'] = 16,
    ['A'] = 11, ['B'] = 12, ['C'] = 13, ['D'] = 14, ['E'] = 15, ['F'] = 16,
};

static bool is_visible(const char *p, const char *end)
{
    for (; p < end; p++) {
        if (marks[(unsigned char)*p] == MARK_BAD)
            return false;
    }
    return true;
}

/* Cuts [p, end) at the first '?' and the first '#'. */
static enum lc_rc split_path(const char *p, const char *end, struct lc_uri *out)
{
    const char *start = p;

    while (p < end && marks[(unsigned char)*p] == 0)
        p++;
    out->path = lc_str_of(start, (size_t)(p - start));
    if (p < end && marks[(unsigned char)*p] == MARK_QUERY) {
        start = ++p;
        while (p < end && (marks[(unsigned char)*p] & (MARK_BAD | MARK_FRAGMENT)) == 0)
            p++;
        out->query = lc_str_of(start, (size_t)(p - start));
    }
    return is_visible(p, end) ? LC_OK : LC_EPROTO;
}

static bool is_port(const char *p, const char *end)
{
    if (end - p < 1 || end - p > 5)
        return false;
    for (; p < end; p++) {
        if (*p < '0' || *p > '9')
            return false;
    }
    return true;
}

static bool is_host_byte(char c)
{
    return marks[(unsigned char)c] == 0 && c != '/' && c != '@' && c != '[' && c != ']';
}

/* The first byte behind the host that begins at p: a literal in one pair of brackets, or a stretch
 * without any up to a colon; NULL when there is none. */
static const char *host_end(const char *p, const char *end)
{
    bool is_literal = p < end && *p == '[';
    const char *at = is_literal ? p + 1 : p, *start = at;

    while (at < end && is_host_byte(*at) && (is_literal || *at != ':'))
        at++;
    if (at == start)
        return NULL;
    if (is_literal)
        return at < end && *at == ']' ? at + 1 : NULL;
    return at;
}

/* host ":" port (RFC 9112 3.2.3); the port may be missing or empty in a URI.  Userinfo is refused:
 * it serves to make one host look like another (RFC 9110 4.2.4). */
static bool is_authority(const char *p, const char *end, bool need_port)
{
    const char *at = host_end(p, end);

    if (at == NULL)
        return false;
    if (end - at < 2)
        return !need_port && (at == end || *at == ':');
    return *at == ':' && is_port(at + 1, end);
}

static enum lc_rc split_authority(struct lc_str t, struct lc_uri *out)
{
    if (!is_authority(t.p, t.p + t.n, true))
        return LC_EPROTO;
    out->form = LC_TARGET_AUTHORITY;
    out->authority = t;
    out->path = lc_str_of(t.p, 0);
    return LC_OK;
}

/* Bytes of "http://" or "https://" at the front of t; 0 if neither. */
static size_t scheme_len(struct lc_str t)
{
    if (t.n >= 7 && lc_str_ieq(lc_str_of(t.p, 7), LC_STR("http://")))
        return 7;
    if (t.n >= 8 && lc_str_ieq(lc_str_of(t.p, 8), LC_STR("https://")))
        return 8;
    return 0;
}

static enum lc_rc split_absolute(struct lc_str t, struct lc_uri *out)
{
    const char *end = t.p + t.n, *start, *p;
    size_t n = scheme_len(t);
    enum lc_rc rc;

    if (n == 0)
        return LC_EPROTO;
    start = p = t.p + n;
    while (p < end && *p != '/' && marks[(unsigned char)*p] == 0)
        p++;
    if (!is_authority(start, p, false))
        return LC_EPROTO;
    out->form = LC_TARGET_ABSOLUTE;
    out->authority = lc_str_of(start, (size_t)(p - start));
    rc = split_path(p, end, out);
    if (out->path.n == 0)
        out->path =
            lc_str_of(start - 1, 1); /* the last slash of "//": a "/" that lies within the target */
    return rc;
}

enum lc_rc lc_uri_split(struct lc_str target, bool is_connect, bool is_options, struct lc_uri *out)
{
    *out = (struct lc_uri){.form = LC_TARGET_ORIGIN, .path = {target.p, 0}};
    if (is_connect)
        return split_authority(target, out);
    if (target.n == 0)
        return LC_EPROTO;
    if (target.p[0] == '/')
        return split_path(target.p, target.p + target.n, out);
    if (target.n == 1 && target.p[0] == '*' && is_options) {
        out->form = LC_TARGET_ASTERISK;
        out->path = target;
        return LC_OK;
    }
    return split_absolute(target, out);
}

size_t lc_uri_decode(struct lc_str s, char *dst)
{
    const char *p = s.p, *end = s.p + s.n;
    char *at = dst;

    while (p < end) {
        int hi = 0, lo = 0;

        if (*p == '%' && end - p >= 3) {
            hi = hex_value[(unsigned char)p[1]];
            lo = hex_value[(unsigned char)p[2]];
        }
        if (hi != 0 && lo != 0) {
            *at++ = (char)((hi - 1) << 4 | (lo - 1));
            p += 3;
        } else {
            *at++ = *p++;
        }
    }
    return (size_t)(at - dst);
}
