/* base/str.c - ASCII strings without a terminator.
 *
 * No function here reads the locale: what a peer sends must mean the same on every machine. */
#include "base/str.h"

bool lc_str_ieq(struct lc_str a, struct lc_str b)
{
    if (a.n != b.n)
        return false;
    for (size_t i = 0; i < a.n; i++) {
        if (lc_ascii_lower(a.p[i]) != lc_ascii_lower(b.p[i]))
            return false;
    }
    return true;
}

static bool is_blank(char c)
{
    return c == ' ' || c == '\t';
}

struct lc_str lc_str_trim(struct lc_str s)
{
    while (s.n != 0 && is_blank(s.p[0])) {
        s.p++;
        s.n--;
    }
    while (s.n != 0 && is_blank(s.p[s.n - 1]))
        s.n--;
    return s;
}

enum lc_rc lc_str_to_i64(struct lc_str s, int64_t *out)
{
    int64_t v = 0;
    bool is_over = false;

    if (s.n == 0)
        return LC_EPROTO;
    /* The whole text is looked at even when the value is too large: "99999999999999999999x" is no
     * number at all. */
    for (size_t i = 0; i < s.n; i++) {
        int digit = s.p[i] - '0';
        if (digit < 0 || digit > 9)
            return LC_EPROTO;
        if (v > (INT64_MAX - digit) / 10)
            is_over = true;
        else
            v = v * 10 + digit;
    }
    if (is_over)
        return LC_ELIMIT;
    *out = v;
    return LC_OK;
}

size_t lc_u64_to_dec(uint64_t v, char *at)
{
    char reversed[20];
    size_t n = 0;

    do {
        reversed[n++] = (char)('0' + v % 10);
        v /= 10;
    } while (v != 0);
    for (size_t i = 0; i < n; i++)
        at[i] = reversed[n - 1 - i];
    return n;
}

bool lc_str_next_element(struct lc_str *rest, struct lc_str *out)
{
    const char *comma;
    size_t n;

    if (rest->p == NULL)
        return false;
    comma = rest->n != 0 ? memchr(rest->p, ',', rest->n) : NULL;
    if (comma == NULL) {
        *out = lc_str_trim(*rest);
        *rest = LC_STR_NULL;
        return true;
    }
    n = (size_t)(comma - rest->p);
    *out = lc_str_trim(lc_str_of(rest->p, n));
    *rest = lc_str_of(comma + 1, rest->n - n - 1);
    return true;
}
