/* http/errorpage.c - the answer that needs no request, no arena and no application.
 *
 * Monitoring and proxies match on Gunicorn's bytes, so layout and order of the head are its own;
 * 503, which Gunicorn never sends, says Retry-After;
 * the reason phrases are right for 500 and 501 too, where Gunicorn says "Bad Request".  No Server,
 * no Date: nothing is cached here. */
#include "http/errorpage.h"

#include "http/token.h"

#include <stdio.h>

struct out {
    char *at, *end;
    size_t n; /* bytes wanted so far, also those that found no room */
};

static void put(struct out *o, struct lc_str s)
{
    o->n += s.n;
    if (s.n > (size_t)(o->end - o->at)) {
        o->end = o->at; /* nothing after a gap */
        return;
    }
    memcpy(o->at, s.p, s.n);
    o->at += s.n;
}

static struct lc_str escaped(const char *c)
{
    switch (*c) {
    case '&':
        return LC_STR("&amp;");
    case '<':
        return LC_STR("&lt;");
    case '>':
        return LC_STR("&gt;");
    case '"':
        return LC_STR("&quot;");
    case '\'':
        return LC_STR("&#x27;");
    default:
        return lc_str_of(c, 1);
    }
}

static void put_body(struct out *o, struct lc_str phrase, struct lc_str message)
{
    put(o, LC_STR("<html>\n  <head>\n    <title>"));
    put(o, phrase);
    put(o, LC_STR("</title>\n  </head>\n  <body>\n    <h1><p>"));
    put(o, phrase);
    put(o, LC_STR("</p></h1>\n    "));
    for (size_t i = 0; i < message.n; i++)
        put(o, escaped(message.p + i));
    put(o, LC_STR("\n  </body>\n</html>\n"));
}

size_t lc_errorpage_write(int status, struct lc_str message, char *out, size_t cap)
{
    const char *line = lc_status_line(status);
    const char *phrase = line != NULL ? line + 4 : "Error";
    struct lc_str reason = lc_str_of(phrase, strlen(phrase));
    struct out counted = {.at = out, .end = out};
    struct out o = {.at = out, .end = out + cap};
    char head[160];
    int n;

    put_body(&counted, reason, message);
    n = snprintf(head, sizeof head,
                 "HTTP/1.1 %d %s\r\nConnection: close\r\nContent-Type: "
                 "text/html\r\nContent-Length: %zu\r\n%s\r\n",
                 status, phrase, counted.n, status == 503 ? "Retry-After: 1\r\n" : "");
    LC_CHECK(n > 0 && (size_t)n < sizeof head);
    put(&o, lc_str_of(head, (size_t)n));
    put_body(&o, reason, message);
    return o.n <= cap ? o.n : 0;
}
