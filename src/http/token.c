/* http/token.c - names that the server knows by number.
 *
 * Why a perfect hash made ahead of time: every field of every request is looked up, and known names
 * need no further check of their characters.  The key is the length and four letters;
 * tools/gen_tokens.py finds the multiplier under which no two known names meet.  Invariant:
 * tokens_hash.h belongs to this tokens.def (the build fails if their counts differ, the unit test
 * if a name is not found). */
#include "http/token.h"

#include "http/scan.h"
#include "http/tokens_hash.h"

#define NAME_MAX_LEN 32

struct known {
    char text[NAME_MAX_LEN];
    uint8_t n;
};

static const struct known known_names[LC_TOKEN_COUNT] = {
    {"", 0},
#define X(id, str) {str, sizeof(str) - 1},
#include "http/tokens.def"
#undef X
};

static const struct lc_str method_names[LC_METHOD_COUNT] = {
    {"", 0},
#define X(id) {#id, sizeof(#id) - 1},
#include "http/methods.def"
#undef X
};

_Static_assert(LC_TOKEN_COUNT == LC_TOKENS_HASHED, "run tools/gen_tokens.py");

const uint8_t lc_tchar[256] = {
    ['!'] = 1, ['#'] = 1, ['$'] = 1, ['%'] = 1,         ['&'] = 1,         ['\''] = 1,
    ['*'] = 1, ['+'] = 1, ['-'] = 1, ['.'] = 1,         ['^'] = 1,         ['_'] = 1,
    ['`'] = 1, ['|'] = 1, ['~'] = 1, ['0' ... '9'] = 1, ['A' ... 'Z'] = 1, ['a' ... 'z'] = 1,
};

/* ASCII lower case of eight bytes at once; other bytes stay. */
static inline uint64_t lower8(uint64_t v)
{
    uint64_t low7 = v & ~LC_HIGHS;
    uint64_t from_a = low7 + (0x80 - 'A') * LC_ONES;
    uint64_t above_z = low7 + (0x7f - 'Z') * LC_ONES;

    return v | (((from_a ^ above_z) & ~v & LC_HIGHS) >> 2);
}

/* lower is in lower case already and as long as p, n >= 1.  Overlapping loads, so that nothing past
 * n is read. */
static inline bool equals_lower(const char *p, const char *lower, size_t n)
{
    if (LC_UNLIKELY(n < 8)) {
        for (size_t i = 0; i < n; i++) {
            if (lc_ascii_lower(p[i]) != lower[i])
                return false;
        }
        return true;
    }
    for (size_t i = 0; i + 8 < n; i += 8) {
        if (lower8(lc_load64(p + i)) != lc_load64(lower + i))
            return false;
    }
    return lower8(lc_load64(p + n - 8)) == lc_load64(lower + n - 8);
}

LC_HOT enum lc_token lc_token_find(const char *name, size_t n)
{
    const struct known *k;
    uint64_t key;
    unsigned slot;

    if (n == 0 || n > NAME_MAX_LEN)
        return LC_TOKEN_NONE;
#define LETTER(i) ((uint64_t)((unsigned char)name[i] | 0x20u))
    key =
        n | LETTER(0) << 8 | LETTER(n >> 1) << 16 | LETTER(n * 3 >> 2) << 24 | LETTER(n - 1) << 32;
#undef LETTER
    slot = (unsigned)((key * LC_TOKENS_MULTIPLIER) >> (64 - LC_TOKENS_BITS));
    k = &known_names[lc_tokens_slot[slot]];
    if (k->n != n || !equals_lower(name, k->text, n))
        return LC_TOKEN_NONE;
    return (enum lc_token)(k - known_names);
}

const char *lc_token_name(enum lc_token t)
{
    return known_names[t].text;
}

enum lc_method lc_method_find(const char *p, size_t n)
{
    for (unsigned m = 1; m < LC_METHOD_COUNT; m++) {
        if (method_names[m].n == n && memcmp(method_names[m].p, p, n) == 0)
            return (enum lc_method)m;
    }
    return LC_METHOD_OTHER;
}

const char *lc_method_name(enum lc_method m)
{
    return method_names[m].p;
}

const char *lc_status_line(int code)
{
    switch (code) {
#define X(number, phrase) \
    case number:          \
        return #number " " phrase;
#include "http/status.def"
#undef X
    default:
        return NULL;
    }
}

bool lc_is_token(const char *p, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        if (!lc_tchar[(unsigned char)p[i]])
            return false;
    }
    return n > 0;
}

bool lc_is_field_value(const char *p, size_t n)
{
    return lc_scan_ctl(p, p + n) == p + n;
}
