/* log/access.c - see access.h.   Runs in: worker, under the owner's lock; pure.
 *
 *   I1  nothing that came from outside reaches the line but through an escape: put_escaped or escape.
 *   I2  the common line is written in one pass; only one that does not fit is measured first and cut. */
#include "log/access_int.h"

#include <stdio.h>
#include <stdlib.h>

#define SCRATCH 4096 /* of a value that is put together before it is written */
#define SHORT   16   /* bytes of most literals */
#define MARK    "..."

/* --- escaping ------------------------------------------------------------------------------------------------- */

#define EACH(byte) (UINT64_C(0x0101010101010101) * (byte))

/* Does one of eight bytes need an escape, or a look?  High bits are set by bytes from 0x80, below 0x20, 0x7f, and by those
 * that are a quote or a backslash; what carries or borrows into its neighbour is such a byte itself. */
static inline bool is_special(uint64_t v)
{
    uint64_t quote = (v ^ EACH('"')) - EACH(1), backslash = (v ^ EACH('\\')) - EACH(1);

    return ((v | (v - EACH(0x20)) | (v + EACH(1)) | quote | backslash) & EACH(0x80)) != 0;
}

/* How long a UTF-8 sequence is by its first byte, 0 if none begins so. */
static size_t utf8_claim(uint8_t first)
{
    if (first >= 0xf8)
        return 0;
    return first >= 0xf0 ? 4 : first >= 0xe0 ? 3 : first >= 0xc0 ? 2 : 0;
}

/* The length of a UTF-8 sequence of something that can be seen, else 0. */
static size_t utf8_len(const uint8_t *p, size_t n)
{
    static const uint32_t least[5] = {0, 0, 0xa0, 0x800, 0x10000};
    size_t len = utf8_claim(p[0]);
    uint32_t code = p[0] & (0x7fu >> len);

    if (len == 0 || len > n)
        return 0;
    for (size_t i = 1; i < len; i++) {
        if ((p[i] & 0xc0) != 0x80)
            return 0;
        code = code << 6 | (p[i] & 0x3fu);
    }
    if (code < least[len] || code > 0x10ffff)
        return 0;
    return code >= 0xd800 && code < 0xe000 ? 0 : len;
}

/* The first of p's n > 0 bytes, or its character, as the log has it: returns how long that is, *used what it took. */
static size_t escape_one(const char *p, size_t n, char out[4], size_t *used)
{
    static const char hex[] = "0123456789abcdef";
    uint8_t c = (uint8_t)p[0];
    size_t len = 1;

    *used = 1;
    if (c == '"' || c == '\\') {
        out[0] = '\\';
        out[1] = (char)c;
        return 2;
    }
    if ((c >= 0x20 && c < 0x7f) || (c >= 0x80 && (len = utf8_len((const uint8_t *)p, n)) > 0)) {
        memcpy(out, p, len);
        *used = len;
        return len;
    }
    out[0] = '\\';
    out[1] = 'x';
    out[2] = hex[c >> 4];
    out[3] = hex[c & 15];
    return 4;
}

/* At most `most` bytes of v, escaped, and never a part of an escape; returns how many.  dst NULL: only counts. */
static size_t escape(struct lc_str v, char *dst, size_t most)
{
    size_t at = 0, used, n;
    char one[4];

    for (size_t i = 0; i < v.n; i += used) {
        n = escape_one(v.p + i, v.n - i, one, &used);
        if (n > most - at)
            break;
        if (dst)
            memcpy(dst + at, one, n);
        at += n;
    }
    return at;
}

/* --- values --------------------------------------------------------------------------------------------------- */

static int digit_of(char c)
{
    if (c >= 'A' && c <= 'Z')
        return c - 'A';
    if (c >= 'a' && c <= 'z')
        return c - 'a' + 26;
    if (c >= '0' && c <= '9')
        return c - '0' + 52;
    return c == '+' ? 62 : c == '/' ? 63 : -1;
}

/* The user of "Basic dXNlcjpwYXNz", without the password; "-" of anything else. */
static struct lc_str user_of(struct lc_str field, char *scratch)
{
    struct lc_str none = LC_STR("-"), code;
    uint32_t bits = 0;
    size_t n = 0;
    int nbits = 0;

    if (field.p == NULL || field.n < 6 || !lc_str_ieq(lc_str_of(field.p, 6), LC_STR("Basic ")))
        return none;
    code = lc_str_trim(lc_str_of(field.p + 6, field.n - 6));
    for (size_t i = 0; i < code.n && code.p[i] != '='; i++) {
        int digit = digit_of(code.p[i]);

        if (digit < 0 || n == SCRATCH)
            return none;
        bits = (bits << 6 | (uint32_t)digit) & 0xffffff;
        if ((nbits += 6) < 8)
            continue;
        nbits -= 8;
        scratch[n] = (char)(bits >> nbits);
        if (scratch[n] == ':')
            break;
        n++;
    }
    return n > 0 ? lc_str_of(scratch, n) : none;
}

static struct lc_str stamp_of(struct lc_access_format *f, time_t now)
{
    static const char months[] = "JanFebMarAprMayJunJulAugSepOctNovDec";
    struct tm tm;
    long off;
    int n;

    if (now != f->stamp_s || f->stamp_len == 0) {
        localtime_r(&now, &tm);
        off = tm.tm_gmtoff / 60;
        n = snprintf(f->stamp, sizeof f->stamp, "[%02d/%.3s/%04d:%02d:%02d:%02d %c%02ld%02ld]",
                     tm.tm_mday, months + 3 * (tm.tm_mon % 12), (tm.tm_year + 1900) % 10000,
                     tm.tm_hour, tm.tm_min, tm.tm_sec, off < 0 ? '-' : '+', labs(off) / 60 % 100,
                     labs(off) % 60);
        f->stamp_len = (size_t)LC_MIN(n, (int)sizeof f->stamp - 1);
        f->stamp_s = now;
    }
    return lc_str_of(f->stamp, f->stamp_len);
}

static struct lc_str or_dash(struct lc_str v)
{
    return v.p ? v : LC_STR("-");
}

/* METHOD TARGET PROTOCOL, of which a scratch holds the beginning: only a format with a width or a precision asks. */
static struct lc_str line_of(const struct lc_access_record *r, char *scratch)
{
    size_t n = 0;

    for (int i = LC_ACCESS_METHOD; i <= LC_ACCESS_PROTOCOL; i++) {
        struct lc_str v = or_dash(r->text[i]);
        size_t part = LC_MIN(v.n, SCRATCH - 1 - n);

        memcpy(scratch + n, v.p, part);
        n += part;
        if (i < LC_ACCESS_PROTOCOL && n < SCRATCH - 1)
            scratch[n++] = ' ';
    }
    return lc_str_of(scratch, n);
}

static struct lc_str number(uint64_t v, char *scratch)
{
    return lc_str_of(scratch, lc_u64_to_dec(v, scratch));
}

static struct lc_str pid_of(pid_t pid, char *scratch)
{
    size_t n = lc_u64_to_dec((uint64_t)pid, scratch + 1);

    scratch[0] = '<';
    scratch[n + 1] = '>';
    return lc_str_of(scratch, n + 2);
}

static struct lc_str decimal(uint64_t ns, char *scratch)
{
    size_t n = lc_u64_to_dec(ns / 1000000000u, scratch);
    uint64_t micros = ns / 1000 % 1000000;

    scratch[n] = '.';
    for (int i = 6; i > 0; i--, micros /= 10)
        scratch[n + (size_t)i] = (char)('0' + micros % 10);
    return lc_str_of(scratch, n + 7);
}

static struct lc_str named(const struct lc_access_op *op, const struct lc_access_record *r)
{
    if (r->named == NULL)
        return LC_STR("-");
    return or_dash(r->named(r->ctx, (enum lc_access_source)op->from, op->text));
}

static struct lc_str made_value(struct lc_access_format *f, const struct lc_access_op *op,
                                const struct lc_access_record *r, char *scratch)
{
    switch (op->what) {
    case LC_OP_LITERAL:
        return op->text;
    case LC_OP_NOTHING:
        return LC_STR("-");
    case LC_OP_LINE:
        return line_of(r, scratch);
    case LC_OP_USER:
        return user_of(r->text[LC_ACCESS_AUTHORIZATION], scratch);
    case LC_OP_STAMP:
        return stamp_of(f, r->now);
    case LC_OP_STATUS:
        return r->status > 0 ? number((uint64_t)r->status, scratch) : LC_STR("-");
    case LC_OP_SENT:
        return number((uint64_t)r->sent, scratch);
    case LC_OP_SECONDS:
        return number(r->took_ns / 1000000000u, scratch);
    case LC_OP_MILLIS:
        return number(r->took_ns / 1000000u, scratch);
    case LC_OP_MICROS:
        return number(r->took_ns / 1000u, scratch);
    case LC_OP_DECIMAL:
        return decimal(r->took_ns, scratch);
    case LC_OP_PID:
        return pid_of(r->pid, scratch);
    default:
        return named(op, r);
    }
}

/* What an operation writes, before escaping. */
static inline struct lc_str value_of(struct lc_access_format *f, const struct lc_access_op *op,
                                     const struct lc_access_record *r, char *scratch)
{
    return op->what < LC_ACCESS_TEXTS ? or_dash(r->text[op->what]) : made_value(f, op, r, scratch);
}

/* --- lines ---------------------------------------------------------------------------------------------------- */

static bool is_foreign(const struct lc_access_op *op)
{
    return op->what < LC_ACCESS_TEXTS || op->what == LC_OP_LINE || op->what == LC_OP_USER ||
           op->what == LC_OP_NAMED;
}

struct line {
    char *at, *end;
};

static bool put_plain(struct line *l, struct lc_str v)
{
    if (v.n > (size_t)(l->end - l->at))
        return false;
    memcpy(l->at, v.p, v.n);
    l->at += v.n;
    return true;
}

/* Copies whole words up to the first that needs a look, and all of v if none does; returns how many bytes. */
static size_t copy_plain(char *at, struct lc_str v)
{
    uint64_t word = EACH('a');
    size_t i = 0;

    if (v.n < 8) {
        memcpy(&word, v.p, v.n);
        if (is_special(word))
            return 0;
        memcpy(at, v.p, v.n);
        return v.n;
    }
    for (; i + 8 <= v.n; i += 8) {
        memcpy(&word, v.p + i, 8);
        if (is_special(word))
            return i;
        memcpy(at + i, &word, 8);
    }
    memcpy(&word, v.p + v.n - 8, 8); /* the last eight, of which some were copied */
    if (is_special(word))
        return i;
    memcpy(at + v.n - 8, &word, 8);
    return v.n;
}

static bool put_escaped(struct line *l, struct lc_str v)
{
    size_t room = (size_t)(l->end - l->at), done, need;

    if (v.n > room)
        return false;
    done = copy_plain(l->at, v);
    l->at += done;
    if (LC_LIKELY(done == v.n))
        return true;
    v = lc_str_of(v.p + done, v.n - done);
    need = escape(v, NULL, SIZE_MAX);
    if (need > room - done)
        return false;
    l->at += escape(v, l->at, need);
    return true;
}

/* How long the operation's part is, and of that the value itself. */
static size_t part_len(const struct lc_access_op *op, struct lc_str v, size_t *value)
{
    size_t most = op->precision == UINT16_MAX ? SIZE_MAX : op->precision;

    *value = is_foreign(op) ? escape(v, NULL, most) : LC_MIN(v.n, most);
    return LC_MAX(*value + (op->is_quoted ? 2 : 0), op->width);
}

/* A part with its padding, or, when it is longer than limit, its beginning and the mark. */
static char *put_part(const struct lc_access_op *op, struct lc_str v, char *at, size_t limit)
{
    size_t n, len = part_len(op, v, &n), pad = len - n - (op->is_quoted ? 2 : 0);

    if (len > limit) {
        n = LC_MIN(n, limit - (sizeof MARK - 1));
        pad = 0;
    }
    if (!op->is_left)
        at = (char *)memset(at, op->is_zero ? '0' : ' ', pad) + pad;
    if (op->is_quoted && len <= limit)
        *at++ = '\'';
    if (is_foreign(op))
        at += escape(v, at, n);
    else
        at = (char *)memcpy(at, v.p, n) + n;
    if (len > limit)
        return (char *)memcpy(at, MARK, sizeof MARK - 1) + sizeof MARK - 1;
    if (op->is_quoted)
        *at++ = '\'';
    return op->is_left ? (char *)memset(at, ' ', pad) + pad : at;
}

static bool put_padded(const struct lc_access_op *op, struct line *l, struct lc_str v)
{
    size_t n;

    if (part_len(op, v, &n) > (size_t)(l->end - l->at))
        return false;
    l->at = put_part(op, v, l->at, SIZE_MAX);
    return true;
}

static inline bool put(struct line *l, const struct lc_access_op *op, struct lc_str v)
{
    if (LC_UNLIKELY(!op->is_plain))
        return put_padded(op, l, v);
    return is_foreign(op) ? put_escaped(l, v) : put_plain(l, v);
}

/* A short literal, with what lies behind it: a copy of a known size is one move. */
static inline bool put_short(struct line *l, const struct lc_access_op *op)
{
    if (op->what != LC_OP_LITERAL || op->text.n > SHORT || l->end - l->at < SHORT)
        return false;
    memcpy(l->at, op->text.p, SHORT);
    l->at += op->text.n;
    return true;
}

/* Takes from the longest field until it fits; literals stay, for they are the format's. */
static void shorten(const struct lc_access_format *f, size_t *lens, size_t cap)
{
    size_t total = 0, longest;

    for (size_t i = 0; i < f->nops; i++)
        total += lens[i];
    while (total > cap) {
        longest = f->nops;
        for (size_t i = 0; i < f->nops; i++) {
            if (f->ops[i].what != LC_OP_LITERAL && (longest == f->nops || lens[i] > lens[longest]))
                longest = i;
        }
        LC_CHECK(longest < f->nops && lens[longest] >= sizeof MARK);
        total -= lens[longest];
        lens[longest] = total + sizeof MARK - 1 < cap ? cap - total : sizeof MARK - 1;
        total += lens[longest];
    }
}

static size_t cut_line(struct lc_access_format *f, const struct lc_access_record *r, char *dst,
                       size_t cap)
{
    size_t lens[LC_ACCESS_OPS_MAX], n;
    char scratch[SCRATCH], *at = dst;

    for (size_t i = 0; i < f->nops; i++)
        lens[i] = part_len(&f->ops[i], value_of(f, &f->ops[i], r, scratch), &n);
    shorten(f, lens, cap - 1);
    for (size_t i = 0; i < f->nops; i++)
        at = put_part(&f->ops[i], value_of(f, &f->ops[i], r, scratch), at, lens[i]);
    *at++ = '\n';
    return (size_t)(at - dst);
}

size_t lc_access_line(struct lc_access_format *f, const struct lc_access_record *r, char *dst,
                      size_t cap)
{
    struct line l = {dst, dst + cap - 1};
    char scratch[SCRATCH];

    LC_CHECK(cap >= LC_ACCESS_LINE_MIN);
    for (size_t i = 0; i < f->nops; i++) {
        const struct lc_access_op *op = &f->ops[i];

        if (put_short(&l, op))
            continue;
        if (LC_UNLIKELY(!put(&l, op, value_of(f, op, r, scratch))))
            return cut_line(f, r, dst, cap);
    }
    *l.at++ = '\n';
    return (size_t)(l.at - dst);
}
