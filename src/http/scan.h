/* http/scan.h - the two inner loops of every text parser: where is this byte, where does plain text
 * end.
 *
 * Sixteen bytes at a time where the machine has SSE2 (every x86-64), eight elsewhere, one near the
 * end.  Neither reads at or past `end`.  memchr() is as fast over long runs but costs a call, and
 * header names are twelve bytes long. */
#ifndef LC_HTTP_SCAN_H
#define LC_HTTP_SCAN_H

#include "base/base.h"

#include <string.h>

#if defined(__SSE2__) && !defined(LC_SCAN_PORTABLE)
#    include <emmintrin.h>
#    define LC_SCAN_SSE2 1
#endif

#define LC_ONES  0x0101010101010101u
#define LC_HIGHS 0x8080808080808080u

static inline uint64_t lc_load64(const char *p)
{
    uint64_t v;

    memcpy(&v, p, sizeof v);
    return v;
}

static inline bool lc_is_ctl(unsigned char c)
{
    return (c < 0x20 && c != '\t') || c == 0x7f;
}

/* False when no byte of v is a control character.  True may be wrong (tabs, and neighbours of a
 * hit): look closer. */
static inline bool lc_may_have_ctl8(uint64_t v)
{
    uint64_t del = v ^ (0x7f * LC_ONES);

    return ((((v - 0x20 * LC_ONES) & ~v) | ((del - LC_ONES) & ~del)) & LC_HIGHS) != 0;
}

/* The first control character (HTAB is none) in [p, end), or end. */
static inline const char *lc_scan_ctl(const char *p, const char *end)
{
#ifdef LC_SCAN_SSE2
    const __m128i low = _mm_set1_epi8(0x1f), tab = _mm_set1_epi8('\t'), del = _mm_set1_epi8(0x7f);

    for (; end - p >= 16; p += 16) {
        __m128i v = _mm_loadu_si128((const __m128i *)(const void *)p);
        __m128i is_low = _mm_cmpeq_epi8(_mm_min_epu8(v, low), v);
        __m128i hit =
            _mm_or_si128(_mm_andnot_si128(_mm_cmpeq_epi8(v, tab), is_low), _mm_cmpeq_epi8(v, del));
        int mask = _mm_movemask_epi8(hit);

        if (mask != 0)
            return p + __builtin_ctz((unsigned)mask);
    }
#endif
    while (end - p >= 8 && !lc_may_have_ctl8(lc_load64(p)))
        p += 8;
    while (p < end && !lc_is_ctl((unsigned char)*p))
        p++;
    return p;
}

/* The first c in [p, end), or end. */
static inline const char *lc_scan_byte(const char *p, const char *end, char c)
{
#ifdef LC_SCAN_SSE2
    const __m128i want = _mm_set1_epi8(c);

    for (; end - p >= 16; p += 16) {
        int mask = _mm_movemask_epi8(
            _mm_cmpeq_epi8(_mm_loadu_si128((const __m128i *)(const void *)p), want));

        if (mask != 0)
            return p + __builtin_ctz((unsigned)mask);
    }
#endif
    while (p < end && *p != c)
        p++;
    return p;
}

#endif
