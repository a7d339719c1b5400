/* http1/test/model.h - slow, plain second readers of the same grammar, to hold the real ones
 * against.
 *
 * Written from the RFCs and the table of behaviours alone: they see the whole input at once, copy
 * what they look at and share no function with the room but the lists of names. */
#ifndef LC_HTTP1_TEST_MODEL_H
#define LC_HTTP1_TEST_MODEL_H

#include "feed.h"
#include "http/uri.h"

/* Fills o as feed_head() would (of ps only err; `where` is not modelled). */
void model_head(struct head_outcome *o, const struct lc_limits *limits, struct lc_str in);
/* Fills o as feed_body() would. */
void model_body(struct body_outcome *o, uint32_t line_max, struct lc_str in);
/* The parts of a target, as lc_uri_split() gives them. */
enum lc_rc model_uri(struct lc_str target, bool is_connect, bool is_options, struct lc_uri *out);

#endif
