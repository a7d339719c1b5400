/* log/access_format.c - Gunicorn's access_log_format compiled into operations.   Runs in: worker, as it opens; pure. */
#include "log/access_int.h"

#include <stdlib.h>

struct atom {
    char letter;
    uint8_t what;
    bool is_number; /* as Gunicorn has it: %d formats it */
};

static const struct atom atoms[] = {
    {'h', LC_ACCESS_REMOTE, false},   {'l', LC_OP_NOTHING, false},
    {'u', LC_OP_USER, false},         {'t', LC_OP_STAMP, false},
    {'r', LC_OP_LINE, false},         {'m', LC_ACCESS_METHOD, false},
    {'U', LC_ACCESS_PATH, false},     {'q', LC_ACCESS_QUERY, false},
    {'H', LC_ACCESS_PROTOCOL, false}, {'s', LC_OP_STATUS, false},
    {'B', LC_OP_SENT, true},          {'b', LC_OP_SENT, false},
    {'f', LC_ACCESS_REFERER, false},  {'a', LC_ACCESS_AGENT, false},
    {'T', LC_OP_SECONDS, true},       {'D', LC_OP_MICROS, true},
    {'M', LC_OP_MILLIS, true},        {'L', LC_OP_DECIMAL, false},
    {'p', LC_OP_PID, false},
};

/* {name}i, {name}o and {name}e.  False: it is none of these. */
static bool set_named(struct lc_access_op *op, struct lc_str name)
{
    char last = name.n > 2 ? lc_ascii_lower(name.p[name.n - 1]) : '\0';

    if (name.n < 3 || name.p[0] != '{' || name.p[name.n - 2] != '}')
        return false;
    if (last != 'i' && last != 'o' && last != 'e')
        return false;
    op->what = LC_OP_NAMED;
    op->from = last == 'i' ? LC_ACCESS_IN : last == 'o' ? LC_ACCESS_OUT : LC_ACCESS_ENVIRON;
    op->text = lc_str_of(name.p + 1, name.n - 3);
    return true;
}

/* *is_number tells what %d may format. */
static void set_atom(struct lc_access_op *op, struct lc_str name, bool *is_number)
{
    *is_number = false;
    if (set_named(op, name))
        return;
    op->what = LC_OP_NOTHING;
    for (size_t i = 0; name.n == 1 && i < LC_ARRAY_LEN(atoms); i++) {
        if (atoms[i].letter == name.p[0]) {
            op->what = atoms[i].what;
            *is_number = atoms[i].is_number;
        }
    }
}

/* Digits of at most three places; what comes behind them is judged by who asked. */
static uint16_t small_number(struct lc_str s, size_t *i)
{
    uint16_t v = 0;

    for (int n = 0; n < 3 && *i < s.n && s.p[*i] >= '0' && s.p[*i] <= '9'; n++, (*i)++)
        v = (uint16_t)(v * 10 + (s.p[*i] - '0'));
    return v;
}

static bool is_at(struct lc_str s, size_t i, const char *any_of)
{
    return i < s.n && strchr(any_of, s.p[i]) && s.p[i] != '\0';
}

/* "(name)", flags, width, precision, conversion: what stands behind a '%'.  Moves *i behind it. */
static bool parse_atom(struct lc_access_op *op, struct lc_str s, size_t *i)
{
    const char *close = is_at(s, *i, "(") ? memchr(s.p + *i, ')', s.n - *i) : NULL;
    bool is_number;
    struct lc_str name;

    if (close == NULL)
        return false;
    name = lc_str_of(s.p + *i + 1, (size_t)(close - s.p) - *i - 1);
    if (name.n > 0 && memchr(name.p, '(', name.n))
        return false; /* Python counts nested ones; no atom has any */
    set_atom(op, name, &is_number);
    for (*i = (size_t)(close - s.p) + 1; is_at(s, *i, "-0"); (*i)++) {
        op->is_left = op->is_left || s.p[*i] == '-';
        op->is_zero = op->is_zero || s.p[*i] == '0';
    }
    op->width = small_number(s, i);
    op->precision = UINT16_MAX;
    if (is_at(s, *i, ".")) {
        (*i)++;
        op->precision = small_number(s, i);
    }
    if (is_at(s, *i, "diu")) { /* zeros go before numbers only, and not behind them */
        op->is_zero = op->is_zero && !op->is_left;
        return is_number && op->precision == UINT16_MAX && ++*i;
    }
    op->is_zero = false;
    op->is_quoted = is_at(s, *i, "ra") && !is_number;
    return is_at(s, *i, "sra") && ++*i;
}

static void add_op(struct lc_access_format *f, struct lc_access_op op)
{
    op.is_plain = op.width == 0 && op.precision == UINT16_MAX && !op.is_quoted;
    f->ops[f->nops++] = op;
}

/* Literals that follow each other become one. */
static void add_literal(struct lc_access_format *f, const char *p, size_t n)
{
    struct lc_access_op *last = f->nops > 0 ? &f->ops[f->nops - 1] : NULL;
    char *at = f->text + f->text_len;

    if (n == 0)
        return;
    memcpy(at, p, n);
    f->text_len += n;
    if (last && last->what == LC_OP_LITERAL)
        last->text.n += n;
    else
        add_op(f, (struct lc_access_op){
                      .what = LC_OP_LITERAL, .precision = UINT16_MAX, .text = lc_str_of(at, n)});
}

/* The request line in pieces: copied straight from the request, and cut where it is long. */
static void add_line(struct lc_access_format *f)
{
    for (int i = LC_ACCESS_METHOD; i <= LC_ACCESS_PROTOCOL; i++) {
        add_op(f, (struct lc_access_op){.what = (uint8_t)i, .precision = UINT16_MAX});
        if (i < LC_ACCESS_PROTOCOL)
            add_literal(f, " ", 1);
    }
}

static void add_atom(struct lc_access_format *f, struct lc_access_op op)
{
    struct lc_str name = op.text;
    bool is_plain = op.width == 0 && op.precision == UINT16_MAX && !op.is_quoted;

    if (op.what == LC_OP_NAMED) {
        op.text.p = memcpy(f->text + f->text_len, name.p, name.n);
        f->text_len += name.n;
    }
    if (op.what == LC_OP_LINE && is_plain)
        add_line(f);
    else if (op.what == LC_OP_NOTHING && is_plain)
        add_literal(f, "-", 1);
    else
        add_op(f, op);
}

static uint32_t needs_of(const struct lc_access_op *op)
{
    if (op->what < LC_ACCESS_TEXTS)
        return LC_BIT(op->what);
    if (op->what == LC_OP_LINE)
        return LC_BIT(LC_ACCESS_METHOD) | LC_BIT(LC_ACCESS_TARGET) | LC_BIT(LC_ACCESS_PROTOCOL);
    if (op->what == LC_OP_USER)
        return LC_BIT(LC_ACCESS_AUTHORIZATION);
    return op->what >= LC_OP_SECONDS && op->what <= LC_OP_DECIMAL ? LC_ACCESS_NEEDS_DURATION : 0;
}

static enum lc_rc compile(struct lc_access_format *f, struct lc_str s, size_t *at)
{
    size_t from = 0, i = 0;

    while (i < s.n) {
        struct lc_access_op op = {0};

        if (s.p[i] != '%') {
            i++;
            continue;
        }
        *at = i;
        if (f->nops + 8 > LC_ACCESS_OPS_MAX)
            return LC_ELIMIT;
        add_literal(f, s.p + from, i - from);
        from = ++i;
        if (is_at(s, i, "%")) {
            i++; /* the second stays where the next literal begins */
            continue;
        }
        if (!parse_atom(&op, s, &i))
            return LC_EINVAL;
        from = i;
        add_atom(f, op);
    }
    add_literal(f, s.p + from, i - from);
    for (i = 0; i < f->nops; i++)
        f->needs |= needs_of(&f->ops[i]);
    return LC_OK;
}

enum lc_rc lc_access_compile(struct lc_access_format *f, struct lc_str text, size_t *at)
{
    enum lc_rc rc;

    memset(f, 0, sizeof *f);
    *at = 0;
    if (text.n > LC_ACCESS_FORMAT_MAX)
        return LC_ELIMIT;
    if ((f->ops = calloc(LC_ACCESS_OPS_MAX, sizeof *f->ops)) == NULL)
        return LC_ENOMEM;
    tzset();
    if ((rc = compile(f, text, at)) != LC_OK)
        lc_access_free(f);
    return rc;
}

void lc_access_free(struct lc_access_format *f)
{
    free(f->ops);
    f->ops = NULL;
    f->nops = 0;
}
