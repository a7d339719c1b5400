/* bench/micro/bench_parse.c - nanoseconds a request head costs the parser alone.
 *
 * Two inputs: what wrk sends, and what a browser sends with twenty fields.  The second differs from
 * round to round (cookie and path), so that no cache of whole requests could help.  Build with -O2,
 * -Isrc and these beside it: src/http1/{parse,framing,errtext}.c src/http/{token,uri}.c
 * src/base/{base,str}.c */
#include "base/base.h"
#include "http1/parse.h"

#include <stdio.h>
#include <stdlib.h>
#include <time.h>

enum { ROUNDS = 400000, REPEATS = 9, VARIANTS = 64, HEAD_MAX = 2048 };

static const char wrk_head[] = "GET / HTTP/1.1\r\nHost: 127.0.0.1:8000\r\n\r\n";

static const char browser_head[] =
    "GET /articles/%08x/comments?page=%u&sort=new HTTP/1.1\r\n"
    "Host: www.example.com\r\n"
    "Connection: keep-alive\r\n"
    "Cache-Control: max-age=0\r\n"
    "sec-ch-ua: \"Chromium\";v=\"130\", \"Google Chrome\";v=\"130\", \"Not?A_Brand\";v=\"99\"\r\n"
    "sec-ch-ua-mobile: ?0\r\n"
    "sec-ch-ua-platform: \"Linux\"\r\n"
    "Upgrade-Insecure-Requests: 1\r\n"
    "User-Agent: Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) "
    "Chrome/130.0.0.0 Safari/537.36\r\n"
    "Accept: "
    "text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,image/webp,*/*;q=0.8\r\n"
    "Sec-Fetch-Site: same-origin\r\n"
    "Sec-Fetch-Mode: navigate\r\n"
    "Sec-Fetch-User: ?1\r\n"
    "Sec-Fetch-Dest: document\r\n"
    "Referer: https://www.example.com/articles/\r\n"
    "Accept-Encoding: gzip, deflate, br, zstd\r\n"
    "Accept-Language: en-GB,en;q=0.9,de;q=0.8\r\n"
    "Cookie: session=%08x%08x; theme=dark; consent=yes; _ga=GA1.2.%u.1700000000\r\n"
    "If-None-Match: W/\"%08x\"\r\n"
    "X-Request-Id: %08x-1111-2222-3333-444455556666\r\n"
    "Priority: u=0, i\r\n"
    "\r\n";

struct input {
    char text[VARIANTS][HEAD_MAX];
    size_t len[VARIANTS];
};

static void parse_one(const struct lc_limits *limits, const char *p, size_t n,
                      struct lc_field *fields)
{
    struct lc_request req = {.base = p, .fields = fields, .fields_cap = 64};
    struct lc_h1_parser ps;
    size_t head_len = 0;

    lc_h1_parse_init(&ps, limits, &req);
    LC_CHECK(lc_h1_parse(&ps, &req, n, &head_len) == LC_OK && head_len == n);
}

static double now_ns(void)
{
    struct timespec t;

    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
    return (double)t.tv_sec * 1e9 + (double)t.tv_nsec;
}

static void measure(const char *name, const struct input *in)
{
    static const struct lc_limits limits = {
        .request_line = 4094, .fields = 100, .field_size = 8190};
    struct lc_field fields[64];
    double best = 1e18;

    for (int repeat = 0; repeat < REPEATS; repeat++) {
        double start = now_ns();

        for (unsigned i = 0; i < ROUNDS; i++)
            parse_one(&limits, in->text[i % VARIANTS], in->len[i % VARIANTS], fields);
        best = LC_MIN(best, (now_ns() - start) / ROUNDS);
    }
    printf("%-8s %5zu bytes  %7.1f ns a head\n", name, in->len[0], best);
}

int main(void)
{
    struct input *in = calloc(1, sizeof *in);
    unsigned r = 12345;

    LC_CHECK(in != NULL);
    for (unsigned v = 0; v < VARIANTS; v++) {
        memcpy(in->text[v], wrk_head, sizeof wrk_head);
        in->len[v] = sizeof wrk_head - 1;
    }
    measure("wrk", in);
    for (unsigned v = 0; v < VARIANTS; v++) {
        r = r * 1664525 + 1013904223;
        in->len[v] = (size_t)snprintf(in->text[v], HEAD_MAX, browser_head, r, r % 1000, r,
                                      r ^ 0x5555u, r, r, r);
    }
    measure("browser", in);
    free(in);
    return 0;
}
