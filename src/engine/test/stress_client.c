/* The clients of the stress.  Each connection is played by a script: some requests, one by one or pipelined, whole or in
 * drips; then perhaps half a goodbye, a reset in the middle, or bytes that are no request.  Every answer is checked. */
#include "engine/test/stress.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#define PATIENCE_S 30
#define BATCH_MAX  6

/* How an answer came. */
enum came { WHOLE, NOTHING, BROKEN };

struct request {
    char kind;
    uint32_t id, n;
    bool is_last; /* its answer ends the connection, or nothing may be said after it */
};

struct head {
    int status;
    int64_t length; /* -1: not told */
    long long id;
    bool is_chunked, is_close;
};

/* --- receiving ------------------------------------------------------------------------------------------------ */

/* More bytes behind those that wait.  False: there are none. */
static bool fill(struct client *c)
{
    ssize_t got;

    if (c->is_slow && rng_one_in(&c->rng, 4))
        pause_us(rng_below(&c->rng, 2000));
    memmove(c->in, c->in + c->off, c->len - c->off);
    c->len -= c->off;
    c->off = 0;
    if (c->len == sizeof c->in)
        house_fail(c->h, "a head without an end", 0, (int64_t)c->len);
    got = recv(c->fd, c->in + c->len, sizeof c->in - c->len, 0);
    if (got < 0 && errno == EAGAIN)
        house_fail(c->h, "no answer", 0, PATIENCE_S);
    c->len += got > 0 ? (size_t)got : 0;
    return got > 0;
}

/* The text up to and with `end`, taken out of what was received; NULL: it does not come. */
static char *take_until(struct client *c, const char *end, size_t *n)
{
    char *at;

    while ((at = memmem(c->in + c->off, c->len - c->off, end, strlen(end))) == NULL) {
        if (!fill(c))
            return NULL;
    }
    *n = (size_t)(at - (c->in + c->off)) + strlen(end);
    at = c->in + c->off;
    c->off += *n;
    return at;
}

static enum came hear_head(struct client *c, struct head *head)
{
    char *text, *save = NULL;
    size_t n = 0;

    do {
        if ((text = take_until(c, "\r\n\r\n", &n)) == NULL)
            return c->len > c->off ? BROKEN : NOTHING;
        text[n - 2] = '\0';
        *head = (struct head){.length = -1, .id = -1};
        if (strncmp(text, "HTTP/1.1 ", 9) == 0)
            head->status = (int)strtol(text + 9, NULL, 10);
        if (head->status < 100)
            house_fail(c->h, "no status line", 0, (int64_t)n);
    } while (head->status < 200);
    for (char *line = strtok_r(text, "\r\n", &save); line; line = strtok_r(NULL, "\r\n", &save)) {
        if (strncasecmp(line, "Content-Length:", 15) == 0)
            head->length = strtoll(line + 15, NULL, 10);
        if (strncasecmp(line, "X-Id:", 5) == 0)
            head->id = strtoll(line + 5, NULL, 10);
        if (strcasecmp(line, "Transfer-Encoding: chunked") == 0)
            head->is_chunked = true;
        if (strcasecmp(line, "Connection: close") == 0)
            head->is_close = true;
    }
    return WHOLE;
}

/* n bytes of the body from `at` on; NULL: a page of the server's own. */
static bool hear_bytes(struct client *c, const struct request *r, uint32_t at, uint32_t n)
{
    while (n > 0) {
        uint32_t here;

        if (c->len == c->off && !fill(c))
            return false;
        here = (uint32_t)LC_MIN((size_t)n, c->len - c->off);
        if (r && memcmp(c->in + c->off, c->h->sea + r->id % SEA_PERIOD + at % SEA_PERIOD, here))
            house_fail(c->h, "an answer's body is not its own", r->id, at);
        c->off += here;
        at += here;
        n -= here;
    }
    return true;
}

static enum came hear_chunks(struct client *c, const struct request *r, uint32_t *got)
{
    size_t n;
    char *line;
    uint32_t size;

    *got = 0;
    do {
        if ((line = take_until(c, "\r\n", &n)) == NULL)
            return BROKEN;
        size = (uint32_t)strtoul(line, NULL, 16);
        if (*got + size > r->n)
            house_fail(c->h, "an answer is longer than it should be", r->id, *got + size);
        if (!hear_bytes(c, r, *got, size) || take_until(c, "\r\n", &n) == NULL)
            return BROKEN;
        *got += size;
    } while (size > 0);
    return WHOLE;
}

/* --- what answers may be -------------------------------------------------------------------------------------- */

static uint32_t length_of(const struct request *r)
{
    return r->kind == 'u' ? r->id % 50 : r->n;
}

static enum came hear_page(struct client *c, const struct head *head, int status, uint32_t id)
{
    if (head->status != status || !head->is_close)
        house_fail(c->h, "not the page that was due", id, head->status);
    return hear_bytes(c, NULL, 0, (uint32_t)LC_MAX(head->length, 0)) ? WHOLE : BROKEN;
}

static enum came hear_answer(struct client *c, const struct request *r, struct head *head)
{
    struct request due = *r;
    enum came came;
    uint32_t got;

    if ((came = hear_head(c, head)) != WHOLE)
        return came;
    if (r->kind == '!')
        return hear_page(c, head, 400, r->id);
    if (r->kind == 'e')
        return hear_page(c, head, 500, r->id);
    if (head->status == 500 && r->kind == 'u' && atomic_load(&c->h->is_quick))
        return hear_page(c, head, 500, r->id); /* its call was told that the engine has ended */
    if (head->status != 200 || head->id != r->id)
        house_fail(c->h, "an answer is another's", r->id, head->id >= 0 ? head->id : head->status);
    due.n = got = length_of(r);
    if (head->is_chunked)
        came = hear_chunks(c, &due, &got);
    else if (head->length != due.n)
        house_fail(c->h, "an answer's length is wrong", r->id, head->length);
    else
        came = hear_bytes(c, r, 0, due.n) ? WHOLE : BROKEN;
    if (came == WHOLE && got != due.n)
        house_fail(c->h, "an answer ends early", r->id, got);
    return came;
}

/* A connection that ends before its answer, or in it: when is that no fault? */
static void judge_loss(struct client *c, const struct request *r, bool has_more, enum came came)
{
    struct house *h = c->h;
    bool is_ending = atomic_load(&h->is_ending);
    /* One closed for a newcomer while its next request was arriving is reset, whatever its client has read by then. */
    bool is_excused = atomic_load(&h->is_quick) || r->kind == 'c' || h->plan.is_tight;

    /* So is, while the worker drains, one that is closed after an answer with the next request unread in the kernel. */
    is_excused = is_excused || (is_ending && has_more);
    if (came == NOTHING) {
        is_excused = is_excused || is_ending; /* closed at rest, as this was sent */
        atomic_fetch_add(&h->figures.unanswered, 1);
    } else {
        atomic_fetch_add(&h->figures.broken, 1);
    }
    if (!is_excused)
        house_fail(h, came == NOTHING ? "no answer came" : "an answer broke off", r->id, r->kind);
}

/* has_more: others were asked behind it.  True: the connection goes on. */
static bool hear(struct client *c, const struct request *r, bool has_more, uint64_t asked_ns)
{
    struct figures *f = &c->h->figures;
    struct head head;
    enum came came = hear_answer(c, r, &head);
    uint64_t took_us = (lc_loop_ns() - asked_ns) / 1000;

    if (came != WHOLE) {
        judge_loss(c, r, has_more, came);
        return false;
    }
    if (r->kind == 'c' && r->n > 0)
        house_fail(c->h, "what was cut came whole", r->id, r->n);
    atomic_fetch_add(&f->answers, 1);
    if (!c->is_slow)
        figure_most(&f->slowest_us, took_us);
    /* Where connections wait for a free thread, or for room, so do their answers. */
    if (c->is_prober && !c->h->plan.is_tight && !c->h->conf.is_multiprocess)
        figure_most(&f->page_us, took_us);
    return !head.is_close;
}

/* --- asking --------------------------------------------------------------------------------------------------- */

static bool dial(struct client *c)
{
    struct timeval patience = {.tv_sec = PATIENCE_S};
    struct sockaddr_in to = {.sin_family = AF_INET,
                             .sin_port = htons(c->h->port),
                             .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    int small = 8192;

    c->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    LC_CHECK(c->fd >= 0);
    c->off = c->len = 0;
    c->is_slow = rng_one_in(&c->rng, 4);
    setsockopt(c->fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
    if (c->is_slow)
        setsockopt(c->fd, SOL_SOCKET, SO_RCVBUF, &small, sizeof small);
    if (connect(c->fd, (struct sockaddr *)&to, sizeof to) == 0)
        return true;
    close(c->fd);
    if (!atomic_load(&c->h->is_ending))
        house_fail(c->h, "cannot connect", 0, errno);
    pause_us(1000);
    return false;
}

/* False: the server does not listen any more; what it said may still be read. */
static bool say(struct client *c, const char *p, size_t n, bool in_drips)
{
    while (n > 0) {
        size_t drip = 1 + rng_below(&c->rng, 40);
        ssize_t sent = send(c->fd, p, in_drips ? LC_MIN(n, drip) : n, MSG_NOSIGNAL);

        if (sent <= 0)
            return false;
        p += sent;
        n -= (size_t)sent;
        if (in_drips)
            pause_us(rng_below(&c->rng, 300));
    }
    return true;
}

static bool ask(struct client *c, const struct request *r, bool in_drips)
{
    const char *from = c->h->sea + r->id % SEA_PERIOD;
    char text[200], size[16];
    bool in_chunks = r->id % 2;
    int n;

    if (r->kind == '!')
        return say(c, "BAD\r\n\r\n", 7, in_drips);
    n = snprintf(text, sizeof text, "%s /%c/%u/%u HTTP/1.1\r\nHost: stress\r\n",
                 r->kind == 'u' ? "POST" : "GET", r->kind, r->id, r->n);
    if (r->kind == 'u' && in_chunks)
        n += snprintf(text + n, sizeof text - (size_t)n, "Transfer-Encoding: chunked\r\n");
    else if (r->kind == 'u')
        n += snprintf(text + n, sizeof text - (size_t)n, "Content-Length: %u\r\n", r->n);
    n += snprintf(text + n, sizeof text - (size_t)n, "\r\n");
    if (!say(c, text, (size_t)n, in_drips) || r->kind != 'u')
        return r->kind != 'u';
    for (uint32_t at = 0, part; at < r->n; at += part) {
        part = 1 + rng_below(&c->rng, LC_MIN(r->n - at, 30000u));
        n = snprintf(size, sizeof size, "%x\r\n", part);
        if (rng_one_in(&c->rng, 8))
            pause_us(rng_below(&c->rng, 1000));
        if ((in_chunks && !say(c, size, (size_t)n, false)) ||
            !say(c, from + at % SEA_PERIOD, part, in_drips && at + part < 2000) ||
            (in_chunks && !say(c, "\r\n", 2, false)))
            return false;
    }
    return !in_chunks || say(c, "0\r\n\r\n", 5, false);
}

/* --- scripts -------------------------------------------------------------------------------------------------- */

static struct request choose(struct client *c, bool is_last)
{
    static const char kinds[] = "ssssppugfhol", endings[] = "jec!";
    struct request r = {.id = (uint32_t)atomic_fetch_add(&c->h->figures.requests, 1)};

    if (is_last && rng_one_in(&c->rng, 4)) {
        r.kind = endings[rng_below(&c->rng, sizeof endings - 1)];
        r.is_last = true;
    } else {
        r.kind = kinds[rng_below(&c->rng, sizeof kinds - 1)];
    }
    if (r.kind == 's' || r.kind == 'g' || r.kind == 'h' || r.kind == 'l')
        r.n = rng_below(&c->rng, 8000);
    else if (rng_one_in(&c->rng, 3))
        r.n = rng_below(&c->rng, SEA_MOST);
    else
        r.n = rng_below(&c->rng, 30000);
    return r;
}

/* Goes away in the middle: with a reset, or just so. */
static void die(struct client *c)
{
    struct linger reset = {.l_onoff = 1};

    pause_us(rng_below(&c->rng, 3000));
    if (rng_one_in(&c->rng, 2))
        (void)recv(c->fd, c->in, 1 + rng_below(&c->rng, sizeof c->in - 1), MSG_DONTWAIT);
    if (rng_one_in(&c->rng, 2))
        setsockopt(c->fd, SOL_SOCKET, SO_LINGER, &reset, sizeof reset);
}

/* What needs no call: how long it takes tells whether a call held the engine. */
static void probe(struct client *c)
{
    struct request r = {.kind = '!', .id = (uint32_t)atomic_fetch_add(&c->h->figures.requests, 1)};
    uint64_t asked_ns = lc_loop_ns();

    c->is_slow = false;
    (void)ask(c, &r, false);
    (void)hear(c, &r, false, asked_ns);
    pause_us(rng_below(&c->rng, 4000));
}

/* One batch.  True: the connection goes on. */
static bool talk(struct client *c)
{
    struct request batch[BATCH_MAX];
    uint32_t n = rng_one_in(&c->rng, 3) ? 1 + rng_below(&c->rng, BATCH_MAX) : 1;
    bool in_drips = rng_one_in(&c->rng, 8), will_die = rng_one_in(&c->rng, 10);
    bool is_half = false, is_heard = true, is_said = true;
    uint64_t asked_ns;

    for (uint32_t i = 0; i < n && is_said; i++) {
        batch[i] = choose(c, i == n - 1);
        if (n > 1 && batch[i].kind == 'u')
            batch[i].n %= 5000; /* or both sides would wait for the other to read */
        is_said = ask(c, &batch[i], in_drips);
        if (!is_said || batch[i].is_last)
            n = i + 1;
    }
    if (will_die) {
        die(c);
        return false;
    }
    if (rng_one_in(&c->rng, 10))
        is_half = shutdown(c->fd, SHUT_WR) == 0;
    asked_ns = lc_loop_ns();
    for (uint32_t i = 0; i < n && is_heard; i++)
        is_heard = hear(c, &batch[i], i + 1 < n, asked_ns);
    return is_heard && is_said && !is_half;
}

void client_run(void *client)
{
    struct client *c = client;

    while (!atomic_load(&c->h->is_over)) {
        uint32_t left = 1 + rng_below(&c->rng, 12);

        if (!dial(c))
            continue;
        if (c->is_prober)
            probe(c);
        while (!c->is_prober && talk(c) && --left > 0) {
        }
        close(c->fd);
    }
}
