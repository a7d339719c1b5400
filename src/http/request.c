/* http/request.c - what a request's texts need before an application may see them. */
#include "http/request.h"

static bool is_fold_byte(char c)
{
    return c == '\r' || c == '\n' || c == ' ' || c == '\t';
}

size_t lc_field_unfold(struct lc_str raw, char *dst)
{
    char *at = dst;

    for (size_t i = 0; i < raw.n; i++) {
        if (raw.p[i] != '\r') {
            *at++ = raw.p[i];
            continue;
        }
        while (at > dst && is_fold_byte(at[-1]))
            at--;
        while (i + 1 < raw.n && is_fold_byte(raw.p[i + 1]))
            i++;
        *at++ = ' ';
    }
    return (size_t)(at - dst);
}
