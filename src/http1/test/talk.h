/* http1/test/talk.h - what the connection tests share: a host, a few clients, applications by name, and short words for
 * saying and hearing. */
#ifndef LC_HTTP1_TEST_TALK_H
#define LC_HTTP1_TEST_TALK_H

/* First: cmocka has a macro named fail, and so has the seam a member. */
#include "answers.h"
#include "host.h"

#include "base/test/support.h"

#include <stdio.h>
#include <string.h>

#define TALK_GET(target) "GET " target " HTTP/1.1\r\nHost: h\r\n\r\n"

struct talk {
    struct host h;
    struct host_client c[4];
    size_t heard[4]; /* bytes of the output */
    void (*app)(struct talk *t, struct lc_exchange *x);
    struct lc_exchange *x; /* what app_keep keeps */
    int ncalls;
    char calls[512]; /* "/a /b ": the targets in order of the calls */
    char body[8192]; /* what app_echo read last */
    size_t body_len;
};

static inline bool talk_on_request(struct lc_handler *h, struct lc_exchange *x)
{
    struct talk *t = h->ctx;
    struct lc_str target = lc_req_text(&x->req, x->req.target);
    size_t n = strlen(t->calls);

    host_begun(&t->h, x);
    t->ncalls++;
    snprintf(t->calls + n, sizeof t->calls - n, "%.*s ", (int)target.n, target.p);
    t->app(t, x);
    return true;
}

static inline void talk_on_end(struct lc_handler *h, struct lc_exchange *x,
                               const struct lc_exchange_end *end)
{
    struct talk *t = h->ctx;

    host_ended(&t->h, x, end);
}

/* Then the test may change t->h.limits, and calls talk_start. */
static inline void talk_init(struct talk *t, void (*app)(struct talk *t, struct lc_exchange *x))
{
    memset(t, 0, sizeof *t);
    t->app = app;
    host_init(&t->h);
    t->h.handler =
        (struct lc_handler){.ctx = t, .on_request = talk_on_request, .on_end = talk_on_end};
    for (size_t i = 0; i < LC_ARRAY_LEN(t->c); i++)
        host_client_init(&t->c[i]);
}

static inline void talk_start(struct talk *t)
{
    host_start(&t->h);
}

static inline void talk_open(struct talk *t, void (*app)(struct talk *t, struct lc_exchange *x))
{
    talk_init(t, app);
    talk_start(t);
}

static inline void talk_end(struct talk *t)
{
    host_end(&t->h);
}

/* Says it, connecting first at need, and lets the engine work. */
static inline void talk_say(struct talk *t, int i, const char *text)
{
    host_say(&t->c[i], text);
    if (t->c[i].fd < 0)
        assert_true(host_connect(&t->h, &t->c[i]));
    host_pump(&t->h);
}

/* The next answer, which must be there, whole. */
static inline struct answer talk_hear(struct talk *t, int i, bool is_head)
{
    struct lc_stream_mem *m = &t->c[i].mem;
    struct answers got = {.is_ended = m->is_closed || m->is_write_shut};
    struct answer a;

    assert_true(t->heard[i] < m->out_len);
    got.rest = lc_str_of(m->out + t->heard[i], m->out_len - t->heard[i]);
    assert_int_equal(answers_next(&got, is_head, &a), LC_OK);
    t->heard[i] = m->out_len - got.rest.n;
    return a;
}

static inline bool talk_is_silent(struct talk *t, int i)
{
    return t->heard[i] == t->c[i].mem.out_len;
}

static inline int talk_status(struct talk *t, int i)
{
    return talk_hear(t, i, false).status;
}

/* --- applications --------------------------------------------------------------------------------------------- */

static inline void talk_begin(struct lc_exchange *x, const char *line, const char *length)
{
    assert_int_equal(lc_response_begin(&x->res, lc_str_of(line, strlen(line)), x->is_head), LC_OK);
    if (length)
        assert_int_equal(
            lc_response_field(&x->res, LC_STR("Content-Length"), lc_str_of(length, strlen(length))),
            LC_OK);
}

static inline enum lc_rc talk_write(struct lc_exchange *x, const char *p, size_t n, bool is_last)
{
    struct lc_piece piece = {.p = p, .n = n};

    return lc_exchange_write(x, &piece, 1, is_last);
}

static inline void app_hello(struct talk *t LC_UNUSED, struct lc_exchange *x)
{
    talk_begin(x, "200 OK", "5");
    assert_int_not_equal(talk_write(x, "hello", 5, true), LC_EINVAL);
    lc_exchange_finish(x);
}

/* Keeps the exchange for the test. */
static inline void app_keep(struct talk *t, struct lc_exchange *x)
{
    t->x = x;
}

/* Reads what is here; true at the end of the body. */
static inline bool talk_read(struct talk *t, struct lc_exchange *x)
{
    enum lc_rc rc;
    size_t got;

    do {
        assert_true(t->body_len < sizeof t->body);
        rc = lc_exchange_read(x, t->body + t->body_len, sizeof t->body - t->body_len, &got);
        t->body_len += got;
    } while (rc == LC_OK && got > 0);
    return rc == LC_OK;
}

/* Reads the whole body, which must be here, then says how long it was. */
static inline void app_count(struct talk *t, struct lc_exchange *x)
{
    char text[24];
    int n;

    t->body_len = 0;
    assert_true(talk_read(t, x));
    n = snprintf(text, sizeof text, "%zu", t->body_len);
    talk_begin(x, "200 OK", NULL);
    assert_int_equal(talk_write(x, text, (size_t)n, true), LC_OK);
    lc_exchange_finish(x);
}

#endif
