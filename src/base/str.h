/* base/str.h - pointer and length strings, ASCII only.  They borrow: whoever holds the bytes
 * outlives the view. */
#ifndef LC_BASE_STR_H
#define LC_BASE_STR_H

#include "base/base.h"

#include <string.h>

struct lc_str {
    const char *p;
    size_t n;
};

#define LC_STR(lit) ((struct lc_str){(lit), sizeof(lit) - 1})
#define LC_STR_NULL ((struct lc_str){NULL, 0})

static inline struct lc_str lc_str_of(const char *p, size_t n)
{
    return (struct lc_str){p, n};
}

static inline bool lc_str_eq(struct lc_str a, struct lc_str b)
{
    return a.n == b.n && (a.n == 0 || memcmp(a.p, b.p, a.n) == 0);
}

static inline char lc_ascii_lower(char c)
{
    return c >= 'A' && c <= 'Z' ? (char)(c | 0x20) : c;
}

/* Equal when ASCII case is ignored. */
bool lc_str_ieq(struct lc_str a, struct lc_str b);

/* Without spaces and tabs (SP / HTAB only) at both ends. */
struct lc_str lc_str_trim(struct lc_str s);

/* Digits only, at least one, no sign, no space; LC_EPROTO otherwise, LC_ELIMIT when it exceeds
 * INT64_MAX. */
LC_MUST_USE enum lc_rc lc_str_to_i64(struct lc_str s, int64_t *out);

/* Writes v in decimal at `at` (room for 20 bytes), returns the count.  No terminator. */
size_t lc_u64_to_dec(uint64_t v, char *at);

/* The next element of a comma separated list, trimmed; false at the end.  *rest moves on and is
 * LC_STR_NULL after the last; empty elements are returned too, so "" is one of them.  Quotes mean
 * nothing here. */
bool lc_str_next_element(struct lc_str *rest, struct lc_str *out);

#endif
