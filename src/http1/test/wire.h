/* http1/test/wire.h - which requests lie in a run of bytes, by the slow models: what a connection may hand to an
 * application, at most. */
#ifndef LC_HTTP1_TEST_WIRE_H
#define LC_HTTP1_TEST_WIRE_H

#include "model.h"

enum { WIRE_REQUESTS_MAX = 256 };

struct wire_request {
    struct lc_str method, target;
    const char *body;
    size_t body_len;
    bool is_whole; /* all of the body is there */
    bool is_head;
};

struct wire {
    struct wire_request requests[WIRE_REQUESTS_MAX];
    int n;
    char *bodies; /* all of them, decoded */
};

/* Stops after a request that ends the connection, at trouble, or when there is no more.  limits->fields must not exceed
 * FEED_FIELDS_MAX. */
void wire_read(struct wire *w, const struct lc_limits *limits, struct lc_str in);
void wire_free(struct wire *w);

#endif
