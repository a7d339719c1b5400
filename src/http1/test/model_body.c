/* http1/test/model_body.c - chunked bodies by recursive descent over the whole input. */
#include "model.h"

struct reader {
    struct lc_str in;
    size_t at;
    size_t line_start, line_max;
    enum lc_rc rc; /* LC_OK until the first trouble */
    enum lc_h1_err err;
};

static bool one_of(int c, const char *set)
{
    return c > 0 && strchr(set, c) != NULL;
}

static bool is_token_char(int c)
{
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
           one_of(c, "!#$%&'*+-.^_`|~");
}

/* The next byte, -1 at the end of the input or after trouble. */
static int peek(struct reader *r)
{
    if (r->rc != LC_OK)
        return -1;
    if (r->at == r->in.n) {
        r->rc = LC_AGAIN;
        return -1;
    }
    return (unsigned char)r->in.p[r->at];
}

static void trouble(struct reader *r, enum lc_rc rc, enum lc_h1_err err)
{
    if (r->rc == LC_OK) {
        r->rc = rc;
        r->err = err;
    }
}

/* Eats one byte of a size line. */
static void eat(struct reader *r, enum lc_h1_err err)
{
    if (r->rc != LC_OK)
        return;
    if (r->at - r->line_start == r->line_max)
        trouble(r, LC_ELIMIT, err);
    else
        r->at++;
}

static unsigned __int128 read_size(struct reader *r)
{
    unsigned __int128 size = 0;
    int c, count = 0;

    while ((c = peek(r)) >= 0 && one_of(c, "0123456789abcdefABCDEF")) {
        size = size * 16 + (unsigned)(c <= '9' ? c - '0' : (c | 0x20) - 'a' + 10);
        if (size > INT64_MAX) {
            trouble(r, LC_EPROTO, LC_H1_CHUNK_SIZE);
            return 0;
        }
        eat(r, LC_H1_CHUNK_SIZE);
        count++;
    }
    if (c >= 0 && count == 0)
        trouble(r, LC_EPROTO, LC_H1_CHUNK_SIZE);
    return size;
}

static void read_token(struct reader *r)
{
    if (peek(r) >= 0 && !is_token_char(peek(r)))
        trouble(r, LC_EPROTO, LC_H1_CHUNK_EXT);
    while (is_token_char(peek(r)))
        eat(r, LC_H1_CHUNK_EXT);
}

static void read_quoted(struct reader *r)
{
    int c;

    eat(r, LC_H1_CHUNK_EXT);
    while ((c = peek(r)) >= 0 && c != '"') {
        bool is_escape = c == '\\';

        if ((c < 0x20 && c != '\t') || c == 0x7f)
            trouble(r, LC_EPROTO, LC_H1_CHUNK_EXT);
        eat(r, LC_H1_CHUNK_EXT);
        if (!is_escape)
            continue;
        c = peek(r);
        if (c >= 0 && ((c < 0x20 && c != '\t') || c == 0x7f))
            trouble(r, LC_EPROTO, LC_H1_CHUNK_EXT);
        eat(r, LC_H1_CHUNK_EXT);
    }
    eat(r, LC_H1_CHUNK_EXT);
}

static bool skip_blanks(struct reader *r, enum lc_h1_err err)
{
    bool had_blank = false;

    while (one_of(peek(r), " \t")) {
        eat(r, err);
        had_blank = true;
    }
    return had_blank;
}

/* Everything between the size and CRLF; returns the error of a line that goes wrong after it. */
static enum lc_h1_err read_extensions(struct reader *r)
{
    enum lc_h1_err err = LC_H1_CHUNK_SIZE;
    bool had_blank = skip_blanks(r, err);

    for (;;) {
        if (peek(r) == '\r' && !had_blank)
            return err;
        if (peek(r) >= 0 && peek(r) != ';')
            trouble(r, LC_EPROTO, err);
        if (peek(r) < 0)
            return err;
        eat(r, err);
        err = LC_H1_CHUNK_EXT;
        skip_blanks(r, err);
        read_token(r);
        had_blank = skip_blanks(r, err);
        if (peek(r) != '=')
            continue;
        eat(r, err);
        skip_blanks(r, err);
        if (peek(r) == '"')
            read_quoted(r);
        else
            read_token(r);
        had_blank = skip_blanks(r, err);
    }
}

static void expect(struct reader *r, char c, enum lc_h1_err err)
{
    if (peek(r) >= 0 && peek(r) != c)
        trouble(r, LC_EPROTO, err);
    if (r->rc == LC_OK)
        r->at++;
}

void model_body(struct body_outcome *o, uint32_t line_max, struct lc_str in)
{
    struct reader r = {.in = in, .line_max = line_max};

    o->n = 0;
    while (r.rc == LC_OK) {
        unsigned __int128 size;
        enum lc_h1_err err;

        r.line_start = r.at;
        size = read_size(&r);
        err = read_extensions(&r);
        expect(&r, '\r', err);
        expect(&r, '\n', err);
        if (r.rc == LC_OK && size == 0)
            r.rc = LC_CLOSED;
        for (; size > 0 && peek(&r) >= 0; size--)
            o->data[o->n++] = in.p[r.at++];
        if (r.rc == LC_OK) {
            expect(&r, '\r', LC_H1_CHUNK_END);
            expect(&r, '\n', LC_H1_CHUNK_END);
        }
    }
    o->rc = r.rc;
    o->err = r.err;
    o->used = r.at;
}
