/* http1/parse_int.h - what the files of the head parser share; nobody else includes it. */
#ifndef LC_HTTP1_PARSE_INT_H
#define LC_HTTP1_PARSE_INT_H

#include "http1/parse.h"

/* Settings with 0 and absurd values resolved.  The product fields * field_size stays below 1 GiB,
 * so that offsets of 32 bits hold any head. */
uint32_t lc_h1_request_line_max(const struct lc_limits *l);
uint32_t lc_h1_fields_max(const struct lc_limits *l);
uint32_t lc_h1_field_size_max(const struct lc_limits *l);

/* Notes why and where; returns the rc that lc_h1_parse() gives for it.  A name is quoted in
 * capitals, as Gunicorn does once it took it for a name. */
LC_COLD enum lc_rc lc_h1_fail(struct lc_h1_parser *ps, enum lc_h1_err err, struct lc_span where);
LC_COLD enum lc_rc lc_h1_fail_name(struct lc_h1_parser *ps, enum lc_h1_err err,
                                   struct lc_span name);

/* What a complete head's fields mean: body framing, persistence, expectations (framing.c). */
LC_MUST_USE enum lc_rc lc_h1_framing(struct lc_h1_parser *ps, struct lc_request *req);

#endif
