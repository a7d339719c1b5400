/* http/uri.h - request targets (RFC 9112 3.2) and percent-decoding. Pure. */
#ifndef LC_HTTP_URI_H
#define LC_HTTP_URI_H

#include "base/base.h"
#include "base/str.h"

enum lc_target_form {
    LC_TARGET_ORIGIN,
    LC_TARGET_ABSOLUTE,
    LC_TARGET_AUTHORITY,
    LC_TARGET_ASTERISK
};

struct lc_uri {
    enum lc_target_form form;
    struct lc_str path;  /* undecoded, from '/', without query and fragment; "" for authority; "*"
                            for asterisk */
    struct lc_str query; /* after the first '?', without fragment */
    struct lc_str authority; /* absolute- and authority-form */
};

/* Splits a target. Bytes outside 0x21..0x7e, and forms that do not fit, are LC_EPROTO: asterisk
 * only with OPTIONS (is_options), authority only with CONNECT (is_connect), else origin or absolute
 * (http/https; an empty path is "/").
 * "//x" is a path. */
LC_MUST_USE enum lc_rc lc_uri_split(struct lc_str target, bool is_connect, bool is_options,
                                    struct lc_uri *out);

/* Percent-decodes [s] into dst (room for s.n bytes); returns the count.  A '%' without two hex
 * digits stays as it is (what urllib's unquote does).  dst may equal s.p. */
size_t lc_uri_decode(struct lc_str s, char *dst);

#endif
