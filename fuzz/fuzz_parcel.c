/* fuzz/fuzz_parcel.c - a request that a sibling worker hands over, and that may be anything.
 *
 * Input: one option byte ('@': the default of each), then the parcel as http1/parcel.h has it.
 *
 *      1 small limits  2 a file of FILE_SIZE bytes comes with it  4 its lengths are mended  8 answered later
 *      16 the client has left  32 body_memory 16
 *
 * Held against: the checks of host.h (nothing lost, no busy loop, nothing that hangs for ever), and what an application
 * may rely on: the body is complete, as long as it says, and no request is handed on twice. */
#include "../src/http1/test/host.h"
#include "http1/parcel.h"
#include "os/fs.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { FILE_SIZE = 64 };

struct fuzz {
    struct host host;
    struct host_client client;
    struct lc_exchange *kept;
    int ncalls;
    bool is_later;
};

static void answer(struct lc_exchange *x)
{
    struct lc_piece piece = {.p = "hello", .n = 5};
    char part[100];
    int64_t all = 0;
    size_t got = 1;

    while (lc_exchange_read(x, part, sizeof part, &got) == LC_OK && got > 0)
        all += (int64_t)got;
    LC_CHECK(all <= x->body.received);
    LC_CHECK(lc_response_begin(&x->res, LC_STR("200 OK"), x->is_head) == LC_OK);
    LC_CHECK(lc_exchange_write(x, &piece, 1, true) != LC_EINVAL);
    lc_exchange_finish(x);
}

static bool on_request(struct lc_handler *h, struct lc_exchange *x)
{
    struct fuzz *f = h->ctx;
    struct lc_parcel parcel;

    host_begun(&f->host, x);
    LC_CHECK(x->is_handed == (f->ncalls++ == 0));
    LC_CHECK(x->body.is_done && (x->body.length < 0 || x->body.length == x->body.received));
    if (x->is_handed)
        LC_CHECK(lc_parcel_wrap(x, &parcel) == LC_EUNSUP);
    f->kept = x;
    if (!f->is_later) {
        f->kept = NULL;
        answer(x);
    }
    return true;
}

static void on_end(struct lc_handler *h, struct lc_exchange *x, const struct lc_exchange_end *end)
{
    host_ended(&((struct fuzz *)h->ctx)->host, x, end);
}

static int file_of(bool is_wanted)
{
    char page[FILE_SIZE];
    int fd = -1;

    if (!is_wanted)
        return -1;
    memset(page, 'f', sizeof page);
    LC_CHECK(lc_tmpfile_open("/tmp", &fd) == LC_OK &&
             lc_pwrite_all(fd, page, sizeof page, 0) == LC_OK);
    return fd;
}

/* Random lengths are nearly always refused: what they leave of the bytes follows the request. */
static void mend(char *p, size_t n)
{
    struct lc_parcel_head h;
    uint32_t left;

    if (n <= sizeof h)
        return;
    left = (uint32_t)(n - sizeof h);
    memcpy(&h, p, sizeof h);
    h.head_len = LC_MIN(h.head_len, left);
    h.body_len = LC_MIN(h.body_len, left - h.head_len);
    h.rest_len = left - h.head_len - h.body_len;
    h.listener = h.reserved = 0;
    memcpy(p, &h, sizeof h);
}

static void run(struct fuzz *f)
{
    struct lc_exchange *x;

    host_pump(&f->host);
    while ((x = f->kept) != NULL) {
        f->kept = NULL;
        answer(x);
        host_pump(&f->host);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct fuzz f;
    size_t n = size - 1;
    char *parcel;
    enum lc_rc rc;
    uint8_t opt;

    if (size < 1 || size > LC_PARCEL_MAX)
        return 0;
    opt = data[0] & 63;
    parcel = malloc(n ? n : 1);
    LC_CHECK(parcel != NULL);
    memcpy(parcel, data + 1, n);
    if (opt & 4)
        mend(parcel, n);
    f = (struct fuzz){.is_later = (opt & 8) != 0};
    host_init(&f.host);
    if (opt & 1)
        f.host.limits.request_line = 64, f.host.limits.fields = 6, f.host.limits.body = 20;
    if (opt & 32)
        f.host.limits.body_memory = 16;
    f.host.handler = (struct lc_handler){.ctx = &f, .on_request = on_request, .on_end = on_end};
    host_start(&f.host);
    host_client_init(&f.client);
    rc = host_receive(&f.host, &f.client, file_of(opt & 2), parcel, n);
    LC_CHECK(rc == LC_OK || (rc == LC_EPROTO && f.client.mem.is_closed && f.ncalls == 0));
    free(parcel); /* nothing points into it */
    if (opt & 16)
        f.client.mem.is_peer_gone = true;
    run(&f);
    host_pass(&f.host, 200000);
    LC_CHECK(f.client.mem.is_closed);
    host_end(&f.host);
    return 0;
}
