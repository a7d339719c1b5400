/* http1/test/host.c - see host.h. */
#include "host.h"

#include "http1/parcel.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define START_MS   1000000u
#define QUIET_MAX  3      /* deliveries without effect before it is called a busy loop */
#define DELIVERIES 200000 /* for all clients of one pump */

static char begun, ended; /* what an exchange's `call` points to: it is the handler's */

static void release(void *ctx, void *obj)
{
    struct host *h = ctx;

    LC_CHECK(obj == h);
    h->nreleased++;
}

static void on_room(struct lc_h1 *h1)
{
    ((struct host *)h1->on_room_ctx)->nroom++;
}

/* The lowest free descriptor: the same before and after, or one was lost. */
static int lowest_fd(void)
{
    int fd = dup(STDERR_FILENO);

    LC_CHECK(fd >= 0);
    close(fd);
    return fd;
}

void host_init(struct host *h)
{
    *h = (struct host){.log = {.fd = -1, .level = LC_CRITICAL + 1}};
    h->limits = (struct lc_limits){
        .request_line = 4094,
        .fields = 100,
        .field_size = 8190,
        .body_memory = 65536,
        .body_file = 16 << 20,
        .is_body_buffered = true,
        .out_memory = 1 << 20,
        .out_file = 256 << 20,
        .header_ms = 30000,
        .idle_ms = 75000,
        .rate_window_ms = 20000,
        .body_min_rate = 240,
        .send_min_rate = 240,
        .linger_ms = 5000,
    };
    h->nfds = lowest_fd();
}

void host_start(struct host *h)
{
    h->guest = (struct lc_host){.ctx = h, .release = release};
    LC_CHECK(lc_loop_open(&h->loop, NULL) == LC_OK);
    h->loop.is_clock_told = true;
    h->loop.now_ms = START_MS;
    h->loop.wall_s = 784111777; /* Sun, 06 Nov 1994 08:49:37 GMT */
    lc_timers_init(&h->loop.timers, h->loop.now_ms);
    h->h1 = (struct lc_h1){
        .loop = &h->loop,
        .limits = &h->limits,
        .policy = &h->policy,
        .handler = &h->handler,
        .log = &h->log,
        .host = &h->guest,
        .tmp_dir = "/tmp",
        .server = "licorne",
        .conns_max = 1000,
        .nlisteners = 1,
        .on_room = on_room,
        .on_room_ctx = h,
    };
    lc_h1_init(&h->h1);
}

void host_begun(struct host *h, struct lc_exchange *x)
{
    LC_CHECK(x->call == NULL);
    x->call = &begun;
    h->nbegun++;
}

void host_ended(struct host *h, struct lc_exchange *x, const struct lc_exchange_end *end)
{
    struct lc_h1_conn *c = x->conn;

    LC_CHECK(x->magic == LC_MAGIC_EXCHANGE && &c->req->x == x && x->call != &ended);
    LC_CHECK(end->sent >= 0 && (end->sent == 0 || end->status > 0));
    LC_CHECK(end->fields.n == 0 ||
             memcmp(end->fields.p + end->fields.n - 2, "\r\n", 2) == 0); /* reads them, too */
    if (x->call == &begun)
        h->nbegun--;
    x->call = &ended;
    h->nended++;
    h->last_end = *end;
}

void *host_object(struct host *h)
{
    h->nkept++;
    return h;
}

void host_client_init(struct host_client *cl)
{
    *cl = (struct host_client){
        .fd = -1, .mem = {.write_room = SIZE_MAX}, .peer = {.family = LC_ADDR_IP4}};
    cl->peer.u.ip4.sin_family = AF_INET;
    cl->peer.u.ip4.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
}

void host_send(struct host_client *cl, const char *p, size_t n)
{
    struct lc_stream_mem *m = &cl->mem;

    if (n == 0)
        return;
    if (m->in_len + n > cl->wire_cap) {
        cl->wire_cap = 2 * (m->in_len + n);
        cl->wire = realloc(cl->wire, cl->wire_cap);
        LC_CHECK(cl->wire != NULL);
    }
    memcpy(cl->wire + m->in_len, p, n);
    m->in = cl->wire;
    m->in_len += n;
}

void host_say(struct host_client *cl, const char *text)
{
    host_send(cl, text, strlen(text));
}

static void after(struct host *h)
{
    if (h->after)
        h->after(h);
}

static struct lc_stream stream_of(struct host *h, struct host_client *cl)
{
    size_t room = cl->mem.write_room;
    struct lc_stream s;

    LC_CHECK(h->nclients < HOST_CLIENTS_MAX);
    lc_stream_mem_init(&s, &cl->mem);
    cl->mem.write_room = room;     /* 0 means 0 here */
    cl->fd = dup(h->loop.wake.fd); /* any that can be watched */
    LC_CHECK(cl->fd >= 0);
    s.fd = cl->fd;
    h->clients[h->nclients++] = cl;
    return s;
}

bool host_connect(struct host *h, struct host_client *cl)
{
    struct lc_stream s = stream_of(h, cl);
    bool is_open = lc_h1_open(&h->h1, &s, &cl->peer, 0);

    after(h);
    return is_open;
}

enum lc_rc host_receive(struct host *h, struct host_client *cl, int file_fd, const char *p,
                        size_t n)
{
    struct lc_stream s = stream_of(h, cl);
    enum lc_rc rc = lc_parcel_open(&h->h1, &s, file_fd, p, n);

    after(h);
    return rc;
}

void host_forget(struct host *h, struct host_client *cl)
{
    for (int i = 0; i < h->nclients; i++) {
        if (h->clients[i] == cl)
            h->clients[i--] = h->clients[--h->nclients];
    }
    if (cl->fd >= 0)
        close(cl->fd);
    cl->fd = -1;
    lc_stream_mem_fini(&cl->mem);
    free(cl->wire);
    cl->wire = NULL;
}

static struct lc_h1_conn *find_in(struct lc_list *l, const struct host_client *cl)
{
    for (struct lc_list *e = l->next; e != l; e = e->next) {
        struct lc_h1_conn *c = LC_CONTAINER_OF(e, struct lc_h1_conn, link);

        if (c->stream.impl == &cl->mem)
            return c;
    }
    return NULL;
}

struct lc_h1_conn *host_conn(struct host *h, const struct host_client *cl)
{
    struct lc_list *lists[] = {&h->h1.idle, &h->h1.reading, &h->h1.other};
    struct lc_h1_conn *c = NULL;

    for (size_t i = 0; i < LC_ARRAY_LEN(lists) && c == NULL; i++)
        c = find_in(lists[i], cl);
    return c;
}

enum lc_h1_state host_state(struct host *h, const struct host_client *cl)
{
    struct lc_h1_conn *c = host_conn(h, cl);

    LC_CHECK(c != NULL || cl->mem.is_closed);
    return c ? (enum lc_h1_state)c->state : LC_H1_CLOSED;
}

static void run_deferred(struct host *h)
{
    struct lc_list batch;

    lc_list_init(&batch);
    while (!lc_list_is_empty(&h->loop.deferred)) {
        struct lc_list *e = h->loop.deferred.next;

        lc_list_remove(e);
        lc_list_append(&batch, e);
    }
    while (!lc_list_is_empty(&batch)) {
        struct lc_task *t = LC_CONTAINER_OF(batch.next, struct lc_task, link);

        lc_list_remove(&t->link);
        t->fn(t);
        after(h);
    }
}

/* What epoll would report for this interest. */
static uint32_t events_for(const struct lc_h1_conn *c, const struct lc_stream_mem *m)
{
    bool is_hung_up = m->is_peer_gone || (m->is_write_shut && m->is_in_ended);
    uint32_t events = 0;

    if (c->watch.events == 0)
        return 0;
    if ((c->watch.events & LC_READ) && (m->in_at < m->in_len || m->is_in_ended || is_hung_up))
        events |= LC_READ;
    if ((c->watch.events & LC_WRITE) && (m->write_room > 0 || is_hung_up))
        events |= LC_WRITE;
    return is_hung_up ? events | LC_HUP : events;
}

struct trace {
    size_t in_at, out_len;
    uint32_t events;
    uint8_t state;
    bool is_write_shut, is_gone;
};

static struct trace trace_of(const struct lc_h1_conn *c, const struct lc_stream_mem *m)
{
    return (struct trace){m->in_at, m->out_len,       c->watch.events,
                          c->state, m->is_write_shut, c->is_gone};
}

static bool same_trace(struct trace a, struct trace b)
{
    return a.in_at == b.in_at && a.out_len == b.out_len && a.events == b.events &&
           a.state == b.state && a.is_write_shut == b.is_write_shut && a.is_gone == b.is_gone;
}

/* False: nothing to deliver. */
static bool deliver(struct host *h, struct host_client *cl, int *quiet)
{
    struct lc_h1_conn *c = host_conn(h, cl);
    uint32_t events = c ? events_for(c, &cl->mem) : 0;
    struct trace before;

    if (events == 0)
        return false;
    before = trace_of(c, &cl->mem);
    c->watch.fn(&c->watch, events);
    after(h);
    c = host_conn(h, cl);
    *quiet = c && same_trace(before, trace_of(c, &cl->mem)) ? *quiet + 1 : 0;
    LC_CHECK(*quiet < QUIET_MAX); /* I2 */
    return true;
}

void host_pump(struct host *h)
{
    int quiet[HOST_CLIENTS_MAX] = {0}, left = DELIVERIES;
    bool is_busy = true;

    while (is_busy) {
        is_busy = !lc_list_is_empty(&h->loop.deferred);
        run_deferred(h);
        for (int i = 0; i < h->nclients; i++)
            is_busy = deliver(h, h->clients[i], &quiet[i]) || is_busy;
        LC_CHECK(left-- > 0);
    }
}

void host_pass(struct host *h, uint64_t ms)
{
    uint64_t until = h->loop.now_ms + ms;

    host_pump(h);
    while (h->loop.now_ms < until) {
        int next = lc_timers_next_ms(&h->loop.timers, h->loop.now_ms);
        uint64_t step = next < 0 ? ms : (uint64_t)LC_MAX(next, 1);

        h->loop.now_ms = LC_MIN(until, h->loop.now_ms + step);
        lc_timers_run(&h->loop.timers, h->loop.now_ms);
        after(h);
        host_pump(h);
    }
}

void host_end(struct host *h)
{
    lc_h1_fini(&h->h1); /* stops when a pool misses a block */
    LC_CHECK(h->h1.nconns == 0 && h->nbegun == 0);
    while (h->nclients > 0) {
        LC_CHECK(h->clients[0]->mem.is_closed);
        host_forget(h, h->clients[0]);
    }
    lc_loop_close(&h->loop);
    LC_CHECK(h->nkept == h->nreleased);
    LC_CHECK(h->nfds < 0 || lowest_fd() == h->nfds);
}
