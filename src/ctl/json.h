/* ctl/json.h - as much of JSON (RFC 8259) as the control protocol needs: a strict reader over bytes, and a writer.
 *
 * The reader hands out pieces of the text it was given and allocates nothing.  The writer grows up to a bound that its
 * owner sets; past it, or without memory, it says is_full and swallows the rest, so that who writes need not look after
 * every word. */
#ifndef LC_CTL_JSON_H
#define LC_CTL_JSON_H

#include "base/base.h"
#include "base/str.h"

#define LC_JSON_DEPTH 16 /* nesting beyond it is refused */

/* --- reading: [p, end) is what is left */
struct lc_json_in {
    const char *p, *end;
};

struct lc_json_in lc_json_in(struct lc_str text);
/* Passes this character, after white space; false, and nothing is passed, if another one is next. */
bool lc_json_take(struct lc_json_in *in, char c);
/* Passes one value of any kind; *raw is its text. */
LC_MUST_USE enum lc_rc lc_json_value(struct lc_json_in *in, struct lc_str *raw);
/* Passes a string and puts its bytes, as UTF-8, at out; they are never more than those between its quotes.  LC_EPROTO: it
 * is no string, or a broken one; LC_ELIMIT: cap is too small. */
LC_MUST_USE enum lc_rc lc_json_string(struct lc_json_in *in, char *out, size_t cap, size_t *n);
/* Is there nothing but white space? */
bool lc_json_is_over(struct lc_json_in *in);

/* --- writing */
struct lc_json {
    char *p; /* owned; NULL until the first byte */
    size_t n, cap, max;
    bool is_full;
    bool has_element; /* what comes next wants a comma */
};

void lc_json_init(struct lc_json *j, size_t max);
void lc_json_free(struct lc_json *j);
/* Forgets all but the first n bytes, and that it was full; the next element begins. */
void lc_json_rewind(struct lc_json *j, size_t n);
/* Bytes as they are, outside of any grammar. */
void lc_json_bytes(struct lc_json *j, const char *p, size_t n);

void lc_json_open(struct lc_json *j, char bracket);  /* { or [ */
void lc_json_close(struct lc_json *j, char bracket); /* } or ] */
void lc_json_key(struct lc_json *j, const char *name);
void lc_json_str(struct lc_json *j, struct lc_str s); /* what is no UTF-8 becomes U+FFFD */
void lc_json_text(struct lc_json *j, const char *s);
void lc_json_number(struct lc_json *j, int64_t v);
void lc_json_seconds(struct lc_json *j, uint64_t ms); /* 1.25 */
void lc_json_bool(struct lc_json *j, bool v);
void lc_json_null(struct lc_json *j);
void lc_json_raw(struct lc_json *j, struct lc_str value); /* a value that is JSON already */

/* How many bytes the first character of [p, p+n) has, 0 if they are no UTF-8.  n > 0. */
size_t lc_utf8_len(const char *p, size_t n);

#endif
