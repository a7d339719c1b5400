/* The queue of unsent bytes: order, bounds, references, files. */
#include "base/test/support.h"

#include "net/outq.h"
#include "net/stream_mem.h"
#include "os/fs.h"

#include <string.h>

struct room {
    struct lc_host guest;
    struct lc_outq_conf conf;
    struct lc_outq q;
    struct lc_stream s;
    struct lc_stream_mem mem;
    int nreleased;
};

static void release(void *ctx, void *obj)
{
    struct room *r = ctx;

    assert_ptr_equal(obj, r);
    r->nreleased++;
}

static void room_open(struct room *r, size_t mem_max, int64_t spool_max)
{
    memset(r, 0, sizeof *r);
    r->guest = (struct lc_host){.ctx = r, .release = release};
    r->conf = (struct lc_outq_conf){
        .host = &r->guest, .spool_dir = "/tmp", .mem_max = mem_max, .spool_max = spool_max};
    lc_outq_init(&r->q, &r->conf);
    lc_stream_mem_init(&r->s, &r->mem);
}

static void room_close(struct room *r)
{
    lc_outq_fini(&r->q);
    assert_int_equal(r->q.pending, 0);
    lc_stream_mem_fini(&r->mem);
}

static enum lc_rc push(struct room *r, const char *text)
{
    struct lc_piece piece = {.p = text, .n = strlen(text)};

    return lc_outq_push(&r->q, &piece, 0);
}

static void push_ref(struct room *r, const char *text, size_t skip)
{
    struct lc_piece piece = {.p = text, .n = strlen(text), .obj = r, .is_whole = true};

    assert_int_equal(lc_outq_push(&r->q, &piece, skip), LC_OK);
}

static void push_file(struct room *r, const char *text, int64_t off)
{
    int fd;

    assert_int_equal(lc_tmpfile_open("/tmp", &fd), LC_OK);
    assert_int_equal(lc_pwrite_all(fd, text, strlen(text), 0), LC_OK);
    assert_int_equal(lc_outq_push_file(&r->q, fd, off, (int64_t)strlen(text) - off), LC_OK);
}

static void assert_out(struct room *r, const char *text)
{
    assert_int_equal(r->mem.out_len, strlen(text));
    assert_memory_equal(r->mem.out, text, strlen(text));
}

static void flush_all(struct room *r)
{
    size_t sent;

    assert_int_equal(lc_outq_flush(&r->q, &r->s, &sent), LC_OK);
    assert_true(lc_outq_is_empty(&r->q));
    assert_int_equal(r->q.pending + (int64_t)r->q.mem_pending + r->q.spool_pending, 0);
}

/* Each kind after each other, sent in gulps of every size. */
static void kinds_leave_in_the_order_they_came(void **state)
{
    static const char all[] = "copy1 ref1 spool1 spool2 file1 ref2 spool3 file2 ref3 ";

    (void)state;
    for (size_t gulp = 1; gulp <= sizeof all; gulp++) {
        struct room r;
        size_t sent;

        room_open(&r, 6, 1000);
        assert_int_equal(push(&r, "copy1 "), LC_OK);
        push_ref(&r, "##ref1 ", 2);
        assert_int_equal(push(&r, "spool1 "), LC_OK);
        assert_int_equal(push(&r, "spool2 "), LC_OK);
        push_file(&r, "#file1 ", 1);
        push_ref(&r, "ref2 ", 0);
        assert_int_equal(push(&r, "spool3 "), LC_OK);
        push_file(&r, "file2 ", 0);
        push_ref(&r, "ref3 ", 0);
        assert_int_equal(r.q.pending, sizeof all - 1);
        assert_int_equal(r.q.mem_pending, 6);
        assert_int_equal(r.q.spool_pending, 21);
        do
            r.mem.write_room = gulp;
        while (lc_outq_flush(&r.q, &r.s, &sent) == LC_AGAIN);
        assert_out(&r, all);
        assert_int_equal(r.nreleased, 3);
        assert_int_equal(r.q.spool.fd, -1); /* drained: the disk is given back */
        room_close(&r);
    }
}

static void empty_pieces_are_released_at_once(void **state)
{
    struct room r;

    (void)state;
    room_open(&r, 100, 100);
    push_ref(&r, "", 0);
    push_ref(&r, "abc", 3);
    assert_int_equal(r.nreleased, 2);
    assert_true(lc_outq_is_empty(&r.q));
    room_close(&r);
}

/* What is yielded is copied, so that the application's object lives no longer than its turn. */
static void pieces_of_a_stream_are_copied_and_released(void **state)
{
    char text[] = "yielded";
    struct lc_piece piece = {.p = text, .n = 7};
    struct room r;

    (void)state;
    room_open(&r, 100, 100);
    piece.obj = &r;
    assert_int_equal(lc_outq_push(&r.q, &piece, 0), LC_OK);
    assert_int_equal(r.nreleased, 1);
    memset(text, '#', 7);
    flush_all(&r);
    assert_out(&r, "yielded");
    room_close(&r);
}

static void dropping_releases_what_waits(void **state)
{
    struct room r;

    (void)state;
    room_open(&r, 4, 100);
    push_ref(&r, "ref", 0);
    assert_int_equal(push(&r, "copy"), LC_OK);
    assert_int_equal(push(&r, "spool"), LC_OK);
    push_file(&r, "file", 0);
    room_close(&r);
    assert_int_equal(r.nreleased, 1);
}

static void a_full_spool_holds_the_application(void **state)
{
    struct room r;
    size_t sent;

    (void)state;
    room_open(&r, 4, 10);
    assert_int_equal(push(&r, "1234"), LC_OK);
    assert_int_equal(push(&r, "123456789"), LC_OK);
    assert_false(lc_outq_is_full(&r.q));
    assert_int_equal(push(&r, "0"), LC_OK);
    assert_true(lc_outq_is_full(&r.q));
    assert_int_equal(push(&r, "still taken"), LC_OK);
    r.mem.write_room = 16;
    assert_int_equal(lc_outq_flush(&r.q, &r.s, &sent), LC_AGAIN);
    assert_int_equal(sent, 16);
    assert_false(lc_outq_is_full(&r.q));
    r.mem.write_room = SIZE_MAX;
    flush_all(&r);
    assert_out(&r, "12341234567890still taken");
    room_close(&r);
}

static void without_a_spool_memory_is_the_bound(void **state)
{
    struct room r;

    (void)state;
    room_open(&r, 10, 0);
    assert_int_equal(push(&r, "123456789"), LC_OK);
    assert_false(lc_outq_is_full(&r.q));
    assert_int_equal(push(&r, "0abc"), LC_OK);
    assert_true(lc_outq_is_full(&r.q));
    flush_all(&r);
    room_close(&r);
}

/* References are the application's own memory: no bound, no copy. */
static void references_are_not_counted(void **state)
{
    struct room r;

    (void)state;
    room_open(&r, 1, 1);
    for (int i = 0; i < 100; i++)
        push_ref(&r, "reference", 0);
    assert_false(lc_outq_is_full(&r.q));
    assert_int_equal(r.q.pending, 900);
    flush_all(&r);
    assert_int_equal(r.nreleased, 100);
    room_close(&r);
}

static void a_million_small_writes_are_one_item(void **state)
{
    struct room r;

    (void)state;
    room_open(&r, 0, 1 << 20);
    for (int i = 0; i < 1000; i++)
        assert_int_equal(push(&r, "x"), LC_OK);
    assert_ptr_equal(r.q.items.next, r.q.items.prev);
    flush_all(&r);
    assert_int_equal(r.mem.out_len, 1000);
    room_close(&r);
}

/* The disk says no: from then on memory, held sooner; once drained it is tried again. */
static void a_broken_spool_falls_back_to_memory_and_recovers(void **state)
{
    struct room r;

    (void)state;
    room_open(&r, 8, 1000);
    r.conf.spool_dir = "/nowhere";
    assert_int_equal(push(&r, "12345678"), LC_OK);
    assert_int_equal(push(&r, "abc"), LC_OK);
    assert_true(r.q.is_spool_broken && lc_outq_is_full(&r.q));
    flush_all(&r);
    assert_out(&r, "12345678abc");
    assert_false(r.q.is_spool_broken || lc_outq_is_full(&r.q));
    r.conf.spool_dir = "/tmp";
    assert_int_equal(push(&r, "more than eight"), LC_OK);
    assert_false(r.q.is_spool_broken);
    assert_int_equal(r.q.spool_pending, 15);
    room_close(&r);
}

static void a_file_shorter_than_promised_ends_the_connection(void **state)
{
    struct room r;
    size_t sent;
    int fd;

    (void)state;
    room_open(&r, 8, 1000);
    assert_int_equal(lc_tmpfile_open("/tmp", &fd), LC_OK);
    assert_int_equal(lc_pwrite_all(fd, "abc", 3, 0), LC_OK);
    assert_int_equal(lc_outq_push_file(&r.q, fd, 0, 5), LC_OK);
    assert_int_equal(lc_outq_flush(&r.q, &r.s, &sent), LC_CLOSED);
    assert_out(&r, "abc");
    room_close(&r);
}

static void a_lost_client_is_told(void **state)
{
    struct room r;
    size_t sent;

    (void)state;
    room_open(&r, 8, 1000);
    push_ref(&r, "x", 0);
    r.mem.is_peer_gone = true;
    assert_int_equal(lc_outq_flush(&r.q, &r.s, &sent), LC_CLOSED);
    room_close(&r);
    assert_int_equal(r.nreleased, 1);
}

#define EACH(name) cmocka_unit_test(name)

int main(void)
{
    const struct CMUnitTest tests[] = {
        EACH(kinds_leave_in_the_order_they_came),
        EACH(empty_pieces_are_released_at_once),
        EACH(pieces_of_a_stream_are_copied_and_released),
        EACH(dropping_releases_what_waits),
        EACH(a_full_spool_holds_the_application),
        EACH(without_a_spool_memory_is_the_bound),
        EACH(references_are_not_counted),
        EACH(a_million_small_writes_are_one_item),
        EACH(a_broken_spool_falls_back_to_memory_and_recovers),
        EACH(a_file_shorter_than_promised_ends_the_connection),
        EACH(a_lost_client_is_told),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
