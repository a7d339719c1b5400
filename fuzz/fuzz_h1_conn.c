/* fuzz/fuzz_h1_conn.c - a whole connection: a client made of memory, the machine, and an application that misbehaves in
 * every way that an application may.
 *
 * Input: eight option bytes ('@': the default of each), then what the client sends.
 *
 *      0  limits     1 small head  2 no buffering  4 body_memory 16  8 body_file 64  16 body at most 200  32 out_memory 64
 *      1  wires      1 out_file 256  2 no out_file  4 reads of 1  8 reads of 7  16 no room to write at first  32 13 at a time
 *      2  end        0-3 end of file, reset, silence, drain  4 must_shut  8 held at first  16 no keep-alive  32 no rates
 *      3  answer     0-3 how the body is read, 4 x enum answer_kind
 *      4  answer     1 later  2 status 204  4 status 304  8 long reason  16 says close  32 another kind each request
 *      5  pieces     how the bytes are cut, 0: not at all
 *      6  time       0-7 how much passes between pieces  8 strict_host  16 folding  32 refuse underscores
 *      7  others     1 long Server  2 every peer trusted  4 called after the event, not within it  8 held without rest
 *                    16 dropped from the queue when the client resets
 *
 * Held against: the slow models of head and body (which requests there are, their targets and bodies), the strict reader
 * of answers, and the checks of host.h: nothing lost, no busy loop, nothing that hangs for ever. */
#include "../src/http1/test/answers.h"
#include "../src/http1/test/cuts.h"
#include "../src/http1/test/host.h"
#include "../src/http1/test/wire.h"
#include "os/fs.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { OPTIONS = 8, FILE_SIZE = 9000, BIG = 20000, INPUT_MAX = 1 << 16, ENDS_MAX = 64 };

enum answer_kind {
    ANSWER_LENGTH,
    ANSWER_CHUNK,
    ANSWER_CHUNKS,
    ANSWER_BIG_REF,
    ANSWER_BIG_COPIES,
    ANSWER_NOTHING,
    ANSWER_FILE,
    ANSWER_FILE_CHUNKED,
    ANSWER_SHORT,
    ANSWER_LONG,
    ANSWER_CUT,
    ANSWER_FAIL,
    ANSWER_DROP,
    ANSWER_HINTS,
    ANSWER_MANY_PIECES,
    ANSWER_EMPTY_PIECES,
};

enum app_phase { APP_NONE, APP_QUEUED, APP_BEGUN, APP_READING, APP_WRITING };

struct app {
    struct lc_exchange *x;
    enum app_phase phase;
    enum answer_kind kind;
    unsigned reading;
    size_t body_at;
    int index, nwritten;
    bool is_waiting_write;
};

struct fuzz {
    struct host host;
    struct host_client client;
    struct app app;
    const uint8_t *opt;
    struct wire wire;
    int ncalls;
    bool is_held;   /* no application may be called now */
    bool is_soon;   /* the handler said so, and has not called since */
    bool is_broken; /* an answer was cut on purpose, or the client, or time, got in between */
    int file;
    int nends;
    struct lc_exchange_end ends[ENDS_MAX];
    char big[BIG];
};

static struct fuzz *fuzz_of(struct lc_handler *h)
{
    return h->ctx;
}

/* --- the application ------------------------------------------------------------------------------------------ */

static const struct wire_request *expected_of(const struct fuzz *f)
{
    return &f->wire.requests[f->app.index];
}

static void begin_answer(struct fuzz *f, struct lc_exchange *x, int64_t length)
{
    struct lc_str line = f->opt[4] & 2   ? LC_STR("204 No Content")
                         : f->opt[4] & 4 ? LC_STR("304")
                                         : LC_STR("200 OK");
    char reason[LC_STATUS_MAX - 1], text[24];

    if (f->opt[4] & 8) {
        memset(reason, 'r', sizeof reason);
        memcpy(reason, "404 ", 4);
        line = lc_str_of(reason, sizeof reason);
    }
    LC_CHECK(lc_response_begin(&x->res, line, x->is_head) == LC_OK);
    if (length >= 0) {
        int n = snprintf(text, sizeof text, "%lld", (long long)length);

        LC_CHECK(lc_response_field(&x->res, LC_STR("Content-Length"), lc_str_of(text, (size_t)n)) ==
                 LC_OK);
    }
    LC_CHECK(lc_response_field(&x->res, LC_STR("X-Order"), LC_STR(" first ")) == LC_OK);
    if (f->opt[4] & 16)
        LC_CHECK(lc_response_field(&x->res, LC_STR("Connection"), LC_STR("close")) == LC_OK);
}

/* What an application knows after a write: it may go on, wait, or stop. */
static bool may_go_on(struct fuzz *f, enum lc_rc rc)
{
    LC_CHECK(rc == LC_OK || rc == LC_AGAIN || rc == LC_CLOSED);
    f->app.is_waiting_write = rc == LC_AGAIN;
    f->is_broken = f->is_broken || rc == LC_CLOSED;
    return rc == LC_OK;
}

static enum lc_rc write_one(struct fuzz *f, const char *p, size_t n, bool has_obj, bool is_last)
{
    struct lc_piece piece = {.p = p, .n = n, .is_whole = has_obj};

    if (has_obj)
        piece.obj = host_object(&f->host);
    return lc_exchange_write(f->app.x, &piece, 1, is_last);
}

static enum lc_rc write_many(struct fuzz *f, int n, size_t each)
{
    struct lc_piece v[40];

    LC_CHECK(n <= 40);
    for (int i = 0; i < n; i++)
        v[i] = (struct lc_piece){.p = f->big + i,
                                 .n = i % 5 == 4 ? 0 : each,
                                 .obj = host_object(&f->host),
                                 .is_whole = (i & 1) != 0};
    return lc_exchange_write(f->app.x, v, n, true);
}

static void end_app(struct fuzz *f, void (*how)(struct lc_exchange *))
{
    struct lc_exchange *x = f->app.x;

    f->app = (struct app){.phase = APP_NONE};
    how(x); /* may call the application again, with the next request */
}

static void fail_500(struct lc_exchange *x)
{
    lc_exchange_fail(x, 500, "");
}

/* The first write of a kind; true: there is more to come. */
static bool write_first(struct fuzz *f, struct lc_exchange *x, enum lc_rc *rc)
{
    switch (f->app.kind) {
    case ANSWER_LENGTH:
    case ANSWER_HINTS:
        begin_answer(f, x, 5);
        *rc = write_one(f, "hello", 5, false, true);
        return false;
    case ANSWER_CHUNK:
        begin_answer(f, x, -1);
        *rc = write_one(f, "hello", 5, true, true);
        return false;
    case ANSWER_BIG_REF:
        begin_answer(f, x, BIG);
        *rc = write_one(f, f->big, BIG, true, true);
        return false;
    case ANSWER_SHORT:
        begin_answer(f, x, 500);
        f->is_broken = true;
        *rc = write_one(f, f->big, 100, false, true);
        return false;
    case ANSWER_LONG:
        begin_answer(f, x, 7);
        *rc = write_one(f, "longer than promised", 20, true, true);
        return false;
    case ANSWER_MANY_PIECES:
        begin_answer(f, x, -1);
        *rc = write_many(f, 40, 11);
        return false;
    case ANSWER_EMPTY_PIECES:
        begin_answer(f, x, 0);
        *rc = write_many(f, 20, 0);
        return false;
    case ANSWER_NOTHING:
        begin_answer(f, x, -1);
        return false;
    default:
        begin_answer(f, x, f->app.kind == ANSWER_FILE ? FILE_SIZE - 100 : -1);
        return true;
    }
}

static bool write_next(struct fuzz *f, struct lc_exchange *x, enum lc_rc *rc)
{
    bool is_file = f->app.kind == ANSWER_FILE || f->app.kind == ANSWER_FILE_CHUNKED;

    if (is_file)
        *rc = lc_exchange_write_file(x, dup(f->file), 100, FILE_SIZE - 100);
    else
        *rc = write_one(f, f->big, f->app.kind == ANSWER_BIG_COPIES ? 3000 : 4, false, false);
    return !is_file && f->app.nwritten < 5;
}

static void step_write(struct fuzz *f)
{
    struct lc_exchange *x = f->app.x;
    bool has_more = true;
    enum lc_rc rc = LC_OK;

    f->app.is_waiting_write = false;
    while (has_more) {
        has_more = f->app.nwritten++ == 0 ? write_first(f, x, &rc) : write_next(f, x, &rc);
        if (has_more && !may_go_on(f, rc) && rc == LC_AGAIN)
            return;
        if (rc != LC_OK)
            break;
        if (f->app.kind == ANSWER_CUT && f->app.nwritten == 3) {
            f->is_broken = true;
            end_app(f, x->ops->cut);
            return;
        }
    }
    end_app(f, x->ops->finish);
}

static void begin_write(struct fuzz *f)
{
    static const char hints[] = "HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n";

    f->app.phase = APP_WRITING;
    if (f->app.kind == ANSWER_FAIL) {
        end_app(f, fail_500);
        return;
    }
    if (f->app.kind == ANSWER_DROP) {
        f->is_broken = true;
        LC_CHECK(f->app.x->ops->is_gone(f->app.x) ||
                 f->app.x->ops->lend_fd(f->app.x) == f->client.fd);
        end_app(f, f->app.x->ops->drop);
        return;
    }
    if (f->app.kind == ANSWER_HINTS)
        LC_CHECK(lc_exchange_informational(f->app.x, hints, sizeof hints - 1) != LC_EINVAL);
    step_write(f);
}

/* Reads on; what comes must be what the model saw. */
static void step_read(struct fuzz *f)
{
    const struct wire_request *e = expected_of(f);
    struct lc_exchange *x = f->app.x;
    char part[512];
    size_t cap = f->app.reading == 2 ? 7 : f->app.reading == 3 ? 5 : sizeof part, got;
    enum lc_rc rc;

    for (;;) {
        rc = lc_exchange_read(x, part, cap, &got);
        LC_CHECK(got <= cap && got <= e->body_len - f->app.body_at && (rc == LC_OK || got == 0));
        LC_CHECK(memcmp(e->body + f->app.body_at, part, got) == 0);
        f->app.body_at += got;
        if (rc == LC_AGAIN)
            return;
        if (rc != LC_OK || got == 0 || f->app.reading == 3)
            break;
    }
    LC_CHECK(rc != LC_OK || got > 0 || (e->is_whole && f->app.body_at == e->body_len));
    f->is_broken = f->is_broken || rc != LC_OK;
    begin_write(f);
}

static void begin_app(struct fuzz *f)
{
    f->app.phase = f->app.reading ? APP_READING : APP_WRITING;
    if (f->app.phase == APP_READING)
        step_read(f);
    else
        begin_write(f);
}

/* The application is called, now or (option) when it is poked. */
static void call_queued(struct fuzz *f)
{
    if (f->app.phase != APP_QUEUED || f->is_held)
        return;
    f->app.phase = APP_BEGUN;
    if (!(f->opt[4] & 1))
        begin_app(f);
}

static void give_room(struct fuzz *f)
{
    if (f->opt[1] & 32)
        f->client.mem.write_room =
            f->client.mem.write_room == SIZE_MAX ? 13 : f->client.mem.write_room + 13;
    else
        f->client.mem.write_room = SIZE_MAX;
}

static bool on_request(struct lc_handler *h, struct lc_exchange *x)
{
    struct fuzz *f = fuzz_of(h);
    struct lc_h1_conn *c = x->conn;
    const struct wire_request *e = &f->wire.requests[f->ncalls];
    unsigned plan = f->opt[3] + (f->opt[4] & 32 ? 13u * (unsigned)f->ncalls : 0);

    LC_CHECK(f->ncalls < f->wire.n); /* never more requests than the models count */
    LC_CHECK(lc_str_eq(lc_req_text(&x->req, x->req.method), e->method));
    LC_CHECK(lc_str_eq(lc_req_text(&x->req, x->req.target), e->target) && x->is_head == e->is_head);
    LC_CHECK(f->app.phase == APP_NONE);
    host_begun(&f->host, x);
    LC_CHECK(!c->want_close && !c->is_gone); /* none after a refusal, or after "close" was said */
    LC_CHECK(x->body.is_done || x->body.is_streamed);
    f->app = (struct app){.x = x,
                          .index = f->ncalls++,
                          .phase = APP_QUEUED,
                          .kind = (plan >> 2) & 15,
                          .reading = plan & 3};
    f->is_soon = (f->opt[7] & 4) && (!f->is_held || (f->opt[7] & 8));
    if (!(f->opt[7] & 4))
        call_queued(f);
    return !f->is_soon;
}

static void on_gone(struct lc_handler *h, struct lc_exchange *x)
{
    struct fuzz *f = fuzz_of(h);

    LC_CHECK(f->app.phase == APP_NONE || f->app.x == x); /* NONE: within the call that ends it */
    f->is_broken = true;
    if (f->app.phase == APP_QUEUED && (f->opt[7] & 16))
        end_app(f, x->ops->cut);
}

static void on_end(struct lc_handler *h, struct lc_exchange *x, const struct lc_exchange_end *end)
{
    struct fuzz *f = fuzz_of(h);

    host_ended(&f->host, x, end);
    f->ends[f->nends++ % ENDS_MAX] = *end;
    LC_CHECK(f->nends <= f->ncalls + 1); /* the last may be one that no application saw */
}

/* What the worker does between two events. */
static void after_event(struct host *host)
{
    struct fuzz *f = LC_CONTAINER_OF(host, struct fuzz, host);

    call_queued(f);
    if (f->is_soon && f->app.phase != APP_NONE)
        lc_exchange_rest(f->app.x);
    f->is_soon = false;
}

/* True: it did something. */
static bool poke_app(struct fuzz *f)
{
    struct lc_exchange *x = f->app.x;

    switch (f->app.phase) {
    case APP_BEGUN:
        begin_app(f);
        return true;
    case APP_READING:
        if (!x->ops->is_readable(x))
            return false;
        step_read(f);
        return true;
    case APP_WRITING:
        if (!x->ops->is_writable(x))
            return false;
        step_write(f);
        return true;
    default:
        return false;
    }
}

/* --- the client ----------------------------------------------------------------------------------------------- */

static void run(struct fuzz *f)
{
    do
        host_pump(&f->host);
    while (poke_app(f));
}

static void pass(struct fuzz *f, uint64_t ms)
{
    for (uint64_t step; ms > 0; ms -= step) {
        step = LC_MIN(ms, 1000);
        host_pass(&f->host, step);
        run(f);
    }
}

static void send_all(struct fuzz *f, struct lc_str wire)
{
    static const uint16_t waits[8] = {0, 1, 900, 3000, 6000, 21000, 31000, 60000};
    size_t cuts[CUTS_MAX], ncuts = f->opt[5] ? cuts_from(wire, f->opt[5], cuts) : 0, at = 0;
    uint64_t start_ms = f->host.loop.now_ms;

    for (size_t i = 0; i <= ncuts; i++) {
        size_t to = i < ncuts ? cuts[i] : wire.n;

        if (!f->client.mem.is_closed)
            host_send(&f->client, wire.p + at, to - at);
        at = to;
        if (i == 0)
            LC_CHECK(host_connect(&f->host, &f->client));
        run(f);
        give_room(f);
        pass(f, waits[f->opt[6] & 7]);
    }
    f->is_broken = f->is_broken ||
                   f->host.loop.now_ms - start_ms > 15000; /* limits of time may have been met */
}

static void end_connection(struct fuzz *f)
{
    struct lc_stream_mem *m = &f->client.mem;

    if (f->is_held) {
        f->is_held = false;
        call_queued(f);
    }
    if (host_state(&f->host, &f->client) == LC_H1_BODY)
        f->is_broken = true; /* a client that leaves inside its body loses the rest of a 100, too */
    switch (f->opt[2] & 3) {
    case 1:
        m->is_peer_gone = f->is_broken = true;
        break;
    case 2:
        break;
    case 3:
        lc_h1_drain(&f->host.h1);
        break;
    default:
        m->is_in_ended = true;
        break;
    }
    run(f);
    m->write_room = SIZE_MAX;
    run(f);
    if (f->opt[2] & 32)
        m->is_in_ended = true; /* without rates only this ends a body that stays away */
    pass(f, 200000);
    LC_CHECK(f->app.phase == APP_NONE && m->is_closed); /* nothing waits for ever */
}

/* What was told of an exchange is what its client heard. */
static void check_end(const struct fuzz *f, int i, const struct answer *a)
{
    const struct lc_exchange_end *end = &f->ends[i % ENDS_MAX];

    if (i >= f->nends || f->nends > ENDS_MAX)
        return; /* a refusal may have no exchange */
    LC_CHECK(f->is_broken || (end->status == a->status && (size_t)end->sent == a->body_len));
}

static void check_answers(struct fuzz *f)
{
    struct answers all = {.rest = {f->client.mem.out, f->client.mem.out_len}, .is_ended = true};
    const char *end = all.rest.n ? all.rest.p + all.rest.n : NULL;
    bool is_over = false;
    struct answer a;
    int nfinal = 0;

    while (all.rest.n > 0) {
        bool is_head = nfinal < f->ncalls && f->wire.requests[nfinal].is_head;
        enum lc_rc rc = answers_next(&all, is_head, &a);

        LC_CHECK(!is_over && rc != LC_EPROTO);
        if (rc == LC_AGAIN && nfinal == f->ncalls && a.status >= 400 && a.head.n > 0 &&
            a.head.p + a.head.n + 2 == end)
            rc = answers_next(&all, true, &a); /* a HEAD that was refused */
        if (rc == LC_AGAIN) {
            LC_CHECK(f->is_broken);
            return;
        }
        if (a.status < 200)
            continue;
        is_over = a.is_close;
        check_end(f, nfinal, &a);
        LC_CHECK(nfinal < f->ncalls ||
                 (a.is_close && a.status >= 400)); /* a refusal is the last word */
        nfinal++;
    }
}

/* --- one input ------------------------------------------------------------------------------------------------ */

static void set_limits(struct fuzz *f)
{
    struct lc_limits *l = &f->host.limits;
    const uint8_t *o = f->opt;

    if (o[0] & 1)
        l->request_line = 64, l->fields = 6, l->field_size = 60;
    l->is_body_buffered = !(o[0] & 2);
    if (o[0] & 4)
        l->body_memory = 16;
    if (o[0] & 8)
        l->body_file = 64;
    l->body = o[0] & 16 ? 200 : 0;
    if (o[0] & 32)
        l->out_memory = 64;
    if (o[1] & 3)
        l->out_file = o[1] & 2 ? 0 : 256;
    if (o[2] & 16)
        l->idle_ms = 0;
    if (o[2] & 32)
        l->body_min_rate = l->send_min_rate = 0;
    l->strict_host = (o[6] & 8) != 0;
    l->permit_obsolete_folding = (o[6] & 16) != 0;
    f->host.policy.header_map = o[6] & 32 ? LC_MAP_REFUSE : LC_MAP_DROP;
    f->host.policy.trust_all = (o[7] & 2) != 0;
}

static void set_up(struct fuzz *f)
{
    static char server[201];

    memset(server, 'S', sizeof server - 1);
    set_limits(f);
    f->host.handler = (struct lc_handler){
        .ctx = f, .on_request = on_request, .on_gone = on_gone, .on_end = on_end};
    f->host.after = after_event;
    host_start(&f->host);
    f->host.h1.must_shut = (f->opt[2] & 4) != 0;
    f->is_held = (f->opt[2] & 8) != 0;
    if (f->opt[7] & 1)
        f->host.h1.server = server;
    host_client_init(&f->client);
    f->client.mem.read_max = f->opt[1] & 4 ? 1 : f->opt[1] & 8 ? 7 : 0;
    if (f->opt[1] & 16)
        f->client.mem.write_room = 0;
}

static int open_file(void)
{
    char page[FILE_SIZE];
    int fd;

    memset(page, 'f', sizeof page);
    LC_CHECK(lc_tmpfile_open("/tmp", &fd) == LC_OK &&
             lc_pwrite_all(fd, page, sizeof page, 0) == LC_OK);
    return fd;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct fuzz f;
    static int file = -1;
    struct lc_str wire;
    uint8_t options[OPTIONS];

    if (size < OPTIONS || size > INPUT_MAX)
        return 0;
    if (file < 0)
        file = open_file();
    for (int i = 0; i < OPTIONS; i++)
        options[i] = data[i] & 63;
    wire = lc_str_of((const char *)data + OPTIONS, size - OPTIONS);
    f = (struct fuzz){.opt = options, .file = file};
    memset(f.big, 'b', sizeof f.big);
    host_init(&f.host);
    set_up(&f);
    wire_read(&f.wire, &f.host.limits, wire);
    send_all(&f, wire);
    end_connection(&f);
    check_answers(&f);
    host_end(&f.host);
    wire_free(&f.wire);
    return 0;
}
