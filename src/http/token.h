/* http/token.h - header names, methods and statuses that the server knows by number, and the
 * character classes.
 *
 * The lists live in tokens.def, methods.def and status.def; everything else here follows from them.
 */
#ifndef LC_HTTP_TOKEN_H
#define LC_HTTP_TOKEN_H

#include "base/base.h"
#include "base/str.h"

enum lc_token {
    LC_TOKEN_NONE = 0,
#define X(id, text) LC_TOKEN_##id,
#include "http/tokens.def"
#undef X
    LC_TOKEN_COUNT
};

enum lc_method {
    LC_METHOD_OTHER = 0,
#define X(id) LC_METHOD_##id,
#include "http/methods.def"
#undef X
    LC_METHOD_COUNT
};

/* The token of a header name, in any case; LC_TOKEN_NONE if unknown.  One multiplication and one
 * compare. */
enum lc_token lc_token_find(const char *name, size_t n);
const char *lc_token_name(enum lc_token t);             /* lower case, "content-length" */
enum lc_method lc_method_find(const char *p, size_t n); /* exact case */
const char *lc_method_name(enum lc_method m);
/* "200 OK" for 200; NULL when the table has no such status. */
const char *lc_status_line(int code);

/* RFC 9110 5.6.2 tchar, as a table. */
extern const uint8_t lc_tchar[256];
/* True if p[0..n) is a token (n > 0). */
bool lc_is_token(const char *p, size_t n);
/* True if the value has no control characters: HTAB and 0x20..0xff but 0x7f. */
bool lc_is_field_value(const char *p, size_t n);

#endif
