/* http1/chunked.c - the chunked coding, byte by byte through size lines, in runs through data.
 *
 * Why not parse_int and find CRLF: chunk sizes and extensions are where readers differ (overflow,
 * signs, blanks, bare LF in an extension), and each difference is a way to smuggle.  A machine that
 * knows every byte it accepts has no such corner.
 *   I1  left never exceeds INT64_MAX, so that sums of body bytes stay in 63 bits
 *   I2  in a size line line_len counts its bytes; it never exceeds line_max
 *   I3  the trailer section is not ours: the last chunk's line ends in DONE
 *
 *   SIZE -> [SIZE_BWS] -> extensions -> LINE_LF -> DATA -> END_CR -> END_LF -> SIZE
 *                                          \-> DONE, when the size is 0
 *   extensions:  NAME0 -> NAME [-> VALUE0 -> VALUE | QUOTED, QUOTED_PAIR, QUOTED_END] -> EXT_LF
 *                each with its blanks, NAME_BWS and EXT_BWS
 *   any of them -> FAILED
 */
#include "http1/chunked.h"

#include "http/token.h"

enum state {
    FAILED = 0,
    SIZE,
    SIZE_BWS,
    NAME0,
    NAME,
    NAME_BWS,
    VALUE0,
    VALUE,
    QUOTED,
    QUOTED_PAIR,
    QUOTED_END,
    EXT_BWS,
    LINE_LF, /* the states from SIZE to here are within a size line */
    EXT_LF,  /* the same behind an extension: another message */
    DATA,
    END_CR,
    END_LF,
    DONE
};

enum { QUOTE_MAX = 64 };

void lc_chunked_init(struct lc_chunked *d, uint32_t line_max)
{
    *d = (struct lc_chunked){.line_max = line_max, .state = SIZE};
}

static int hex_of(unsigned char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    c |= 0x20;
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* One more digit; FAILED when the size would not fit 63 bits. */
static enum state take_digit(struct lc_chunked *d, unsigned v)
{
    if (d->left > (uint64_t)INT64_MAX >> 4)
        return FAILED;
    d->left = d->left << 4 | v;
    return SIZE;
}

enum class { BAD, BLANK, SEMI, CR, EQUALS, QUOTE, ESCAPE, TCHAR, QUOTABLE, N_CLASSES };

static enum class class_of(unsigned char c) {
    switch (c){
        case ' ' : case '\t' : return BLANK; case ';' : return SEMI; case '\r' : return CR;
        case '=' : return EQUALS;
        case '"' : return QUOTE;
        case '\\' : return ESCAPE;
        default : if (lc_tchar[c]) return TCHAR;
        return c >= 0x20 && c != 0x7f ? QUOTABLE : BAD;
    }
}

/* Where a byte leads within a size line; what is not written is FAILED.  SIZE: after a digit. */
static const uint8_t moves[LINE_LF][N_CLASSES] = {
    [SIZE] = {[BLANK] = SIZE_BWS, [SEMI] = NAME0, [CR] = LINE_LF},
    [SIZE_BWS] = {[BLANK] = SIZE_BWS, [SEMI] = NAME0},
    [NAME0] = {[BLANK] = NAME0, [TCHAR] = NAME},
    [NAME] = {[BLANK] = NAME_BWS, [SEMI] = NAME0, [CR] = EXT_LF, [EQUALS] = VALUE0, [TCHAR] = NAME},
    [NAME_BWS] = {[BLANK] = NAME_BWS, [SEMI] = NAME0, [EQUALS] = VALUE0},
    [VALUE0] = {[BLANK] = VALUE0, [QUOTE] = QUOTED, [TCHAR] = VALUE},
    [VALUE] = {[BLANK] = EXT_BWS, [SEMI] = NAME0, [CR] = EXT_LF, [TCHAR] = VALUE},
    /* RFC 9110 5.6.4 */
    [QUOTED] = {[BLANK] = QUOTED,
                [SEMI] = QUOTED,
                [EQUALS] = QUOTED,
                [QUOTE] = QUOTED_END,
                [ESCAPE] = QUOTED_PAIR,
                [TCHAR] = QUOTED,
                [QUOTABLE] = QUOTED},
    [QUOTED_PAIR] = {[BLANK] = QUOTED,
                     [SEMI] = QUOTED,
                     [EQUALS] = QUOTED,
                     [QUOTE] = QUOTED,
                     [ESCAPE] = QUOTED,
                     [TCHAR] = QUOTED,
                     [QUOTABLE] = QUOTED},
    [QUOTED_END] = {[BLANK] = EXT_BWS, [SEMI] = NAME0, [CR] = EXT_LF},
    [EXT_BWS] = {[BLANK] = EXT_BWS, [SEMI] = NAME0},
};

/* The state after c within a size line; line_len is 0 until a digit came. */
static enum state line_next(struct lc_chunked *d, unsigned char c)
{
    int v = d->state == SIZE ? hex_of(c) : -1;

    if (v >= 0)
        return take_digit(d, (unsigned)v);
    return d->line_len == 0 ? FAILED : (enum state)moves[d->state][class_of(c)];
}

/* From `from` to the end of the line, as far as it is here and short. */
static struct lc_span quote_of(const char *p, size_t n, size_t from)
{
    size_t to = from;

    while (to < n && to - from < QUOTE_MAX && p[to] != '\r' && p[to] != '\n')
        to++;
    return (struct lc_span){(uint32_t)from, (uint32_t)(to - from)};
}

static enum lc_rc fail(struct lc_chunked *d, enum lc_h1_err err, struct lc_span where)
{
    d->state = FAILED;
    d->err = err;
    d->where = where;
    return LC_EPROTO;
}

static enum lc_h1_err line_err(unsigned state)
{
    bool is_size = state == SIZE || state == SIZE_BWS || state == LINE_LF;

    return is_size ? LC_H1_CHUNK_SIZE : LC_H1_CHUNK_EXT;
}

/* Walks a size line from p[*i]; LC_OK when it is through or n is reached. */
static enum lc_rc walk_line(struct lc_chunked *d, const char *p, size_t n, size_t *i)
{
    size_t start = *i;

    while (*i < n && d->state < LINE_LF) {
        enum state next = line_next(d, (unsigned char)p[*i]);

        if (next == FAILED)
            return fail(d, line_err(d->state), quote_of(p, n, start));
        if (next < LINE_LF && d->line_len == d->line_max) {
            (void)fail(d, line_err(d->state), quote_of(p, n, start));
            return LC_ELIMIT;
        }
        d->line_len++;
        d->state = (uint8_t)next;
        ++*i;
    }
    if (*i == n)
        return LC_OK;
    if (p[*i] != '\n')
        return fail(d, line_err(d->state), quote_of(p, n, start));
    ++*i;
    d->state = d->left != 0 ? DATA : DONE;
    return LC_OK;
}

/* The CRLF after a chunk's data. */
static enum lc_rc walk_end(struct lc_chunked *d, const char *p, size_t n, size_t *i)
{
    for (; *i < n && (d->state == END_CR || d->state == END_LF); ++*i) {
        if (p[*i] != (d->state == END_CR ? '\r' : '\n'))
            return fail(d, LC_H1_CHUNK_END,
                        (struct lc_span){(uint32_t)*i, (uint32_t)LC_MIN(n - *i, (size_t)2)});
        if (d->state == END_LF)
            lc_chunked_init(d, d->line_max);
        else
            d->state = END_LF;
    }
    return LC_OK;
}

static void take_data(struct lc_chunked *d, size_t n, size_t *i, struct lc_span *data)
{
    size_t run = d->left < n - *i ? (size_t)d->left : n - *i;

    *data = (struct lc_span){(uint32_t)*i, (uint32_t)run};
    d->left -= run;
    *i += run;
    if (d->left == 0)
        d->state = END_CR;
}

LC_HOT enum lc_rc lc_chunked_decode(struct lc_chunked *d, const char *p, size_t n, size_t *used,
                                    struct lc_span *data)
{
    enum lc_rc rc = LC_OK;
    size_t i = 0, all = n;

    n = LC_MIN(n, (size_t)UINT32_MAX); /* offsets have 32 bits; the rest is for the next call */
    *data = (struct lc_span){0, 0};
    if (d->state == FAILED)
        rc = LC_EPROTO;
    if (rc == LC_OK)
        rc = walk_end(d, p, n, &i);
    if (rc == LC_OK && d->state <= EXT_LF)
        rc = walk_line(d, p, n, &i);
    if (rc == LC_OK && d->state == DATA)
        take_data(d, n, &i, data);
    *used = i;
    if (rc != LC_OK)
        return rc;
    if (d->state == DONE)
        return LC_CLOSED;
    return i < all ? LC_OK : LC_AGAIN;
}

size_t lc_chunk_head(size_t size, char *at)
{
    static const char hex[] = "0123456789ABCDEF";
    size_t n = 1;

    while (n < 16 && (uint64_t)size >> (4 * n) != 0)
        n++;
    for (size_t i = 0; i < n; i++)
        at[i] = hex[(uint64_t)size >> (4 * (n - 1 - i)) & 15];
    at[n] = '\r';
    at[n + 1] = '\n';
    return n + 2;
}
