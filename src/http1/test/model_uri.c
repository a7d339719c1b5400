/* http1/test/model_uri.c - request targets by searching for one separator after the other. */
#include "model.h"

static size_t index_of(struct lc_str s, size_t from, const char *set)
{
    while (from < s.n && (s.p[from] == 0 || strchr(set, s.p[from]) == NULL))
        from++;
    return from;
}

static bool starts_with(struct lc_str s, const char *lower)
{
    for (size_t i = 0; lower[i] != 0; i++) {
        char c = i < s.n ? s.p[i] : 0;

        if (c >= 'A' && c <= 'Z')
            c = (char)(c - 'A' + 'a');
        if (c != lower[i])
            return false;
    }
    return true;
}

/* host [":" port], by looking for what may not be there. */
static bool is_authority(struct lc_str t, bool need_port)
{
    struct lc_str host = t, port = {NULL, 0};
    size_t colon =
        t.n > 0 && t.p[0] == '[' ? index_of(t, index_of(t, 0, "]"), ":") : index_of(t, 0, ":");

    if (colon < t.n) {
        host.n = colon;
        port = lc_str_of(t.p + colon + 1, t.n - colon - 1);
    }
    if (host.n >= 2 && host.p[0] == '[' && host.p[host.n - 1] == ']')
        host = lc_str_of(host.p + 1, host.n - 2);
    if (host.n == 0 || index_of(host, 0, "/?#@[]") < host.n || port.n > 5)
        return false;
    for (size_t i = 0; i < port.n; i++) {
        if (port.p[i] < '0' || port.p[i] > '9')
            return false;
    }
    return port.n > 0 || !need_port;
}

static enum lc_rc authority_form(struct lc_str t, struct lc_uri *out)
{
    if (!is_authority(t, true))
        return LC_EPROTO;
    out->form = LC_TARGET_AUTHORITY;
    out->authority = t;
    out->path = lc_str_of(t.p, 0);
    return LC_OK;
}

enum lc_rc model_uri(struct lc_str t, bool is_connect, bool is_options, struct lc_uri *out)
{
    size_t start = 0, mark, end;

    *out = (struct lc_uri){.form = LC_TARGET_ORIGIN, .path = {t.p, 0}};
    if (t.n == 0)
        return LC_EPROTO;
    for (size_t i = 0; i < t.n; i++) {
        if (t.p[i] <= 0x20 || t.p[i] == 0x7f || (unsigned char)t.p[i] > 0x7f)
            return LC_EPROTO;
    }
    if (is_connect)
        return authority_form(t, out);
    if (is_options && t.n == 1 && t.p[0] == '*') {
        out->form = LC_TARGET_ASTERISK;
        out->path = t;
        return LC_OK;
    }
    if (t.p[0] != '/') {
        size_t authority = starts_with(t, "http://") ? 7 : starts_with(t, "https://") ? 8 : 0;

        start = index_of(t, authority, "/?#");
        if (authority == 0 || !is_authority(lc_str_of(t.p + authority, start - authority), false))
            return LC_EPROTO;
        out->form = LC_TARGET_ABSOLUTE;
        out->authority = lc_str_of(t.p + authority, start - authority);
    }
    end = index_of(t, start, "#");
    mark = index_of(lc_str_of(t.p, end), start, "?");
    out->path = lc_str_of(t.p + start, mark - start);
    if (mark < end)
        out->query = lc_str_of(t.p + mark + 1, end - mark - 1);
    if (out->path.n == 0)
        out->path = lc_str_of(out->authority.p - 1, 1);
    return LC_OK;
}
