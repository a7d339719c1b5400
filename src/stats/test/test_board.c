/* The scoreboard: records that are read whole, cells that are exact, slots that begin anew. */
#include "base/test/support.h"

#include "os/thread.h"
#include "stats/board.h"

#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

enum { SLOTS = 1024, CALLS = 4 };

static struct lc_board board;

static int open_board(void **state)
{
    (void)state;
    return lc_board_open(&board, SLOTS, CALLS) == LC_OK ? 0 : -1;
}

static int close_board(void **state)
{
    (void)state;
    lc_board_close(&board);
    assert_null(board.map);
    return 0;
}

static struct lc_str text(const char *s)
{
    return lc_str_of(s, strlen(s));
}

/* --- calls ---------------------------------------------------------------------------------------------------- */

static void a_call_is_read_as_it_was_written(void **state)
{
    struct lc_board_call *c = lc_board_call_use(&board, 3, 2), out;

    (void)state;
    assert_false(lc_call_read(c, &out));
    lc_call_begin(c, 123, 77, text("GET"), text("/a?b=c"), "127.0.0.1:5000");
    assert_true(lc_call_read(c, &out));
    assert_int_equal(out.phase, LC_CALL_APP);
    assert_int_equal(out.since_ms, 123);
    assert_int_equal(out.tid, 77);
    assert_int_equal(out.target_len, 6);
    assert_string_equal(out.method, "GET");
    assert_string_equal(out.target, "/a?b=c");
    assert_string_equal(out.client, "127.0.0.1:5000");
    lc_call_phase(c, LC_CALL_OUTPUT);
    assert_true(lc_call_read(c, &out));
    assert_int_equal(out.phase, LC_CALL_OUTPUT);
    lc_call_end(c);
    assert_false(lc_call_read(c, &out));
}

/* Of every length: a shorter text after a longer one, a word's border, and one that does not fit. */
static void texts_end_where_they_ended(void **state)
{
    struct lc_board_call *c = lc_board_call_use(&board, 0, 0), out;
    char long_text[LC_BOARD_TARGET + 50];
    const char *end = long_text + sizeof long_text - 1;

    (void)state;
    for (size_t i = 0; i < sizeof long_text; i++)
        long_text[i] = (char)('a' + i % 26);
    long_text[sizeof long_text - 1] = '\0';
    for (size_t n = sizeof long_text; n-- > 0;) {
        size_t kept = LC_MIN(n, LC_BOARD_TARGET - 1);

        lc_call_begin(c, n, 1, lc_str_of(long_text, n), lc_str_of(long_text, n),
                      end - LC_MIN(n, sizeof long_text - 1));
        assert_true(lc_call_read(c, &out));
        assert_int_equal(strlen(out.target), kept);
        assert_memory_equal(out.target, long_text, kept);
        assert_int_equal(out.target_len, n);
        assert_int_equal(strlen(out.method), LC_MIN(n, LC_BOARD_METHOD - 1));
        assert_int_equal(strlen(out.client), LC_MIN(n, LC_BOARD_CLIENT - 1));
    }
}

static void the_last_client_may_be_meant_again(void **state)
{
    struct lc_board_call *c = lc_board_call_use(&board, 0, 0), out;

    (void)state;
    lc_call_begin(c, 1, 1, text("GET"), text("/"), "10.0.0.1");
    lc_call_begin(c, 2, 1, text("GET"), text("/"), NULL);
    assert_true(lc_call_read(c, &out));
    assert_string_equal(out.client, "10.0.0.1");
}

struct writer {
    struct lc_board_call *c;
    atomic_bool is_over;
};

/* Every part of a record tells its number. */
static void write_records(void *arg)
{
    struct writer *w = arg;
    char digits[LC_BOARD_TARGET];

    for (uint64_t no = 0; !atomic_load(&w->is_over); no++) {
        char d = (char)('0' + no % 10);
        size_t n = 1 + no * 7 % (LC_BOARD_TARGET - 1);

        memset(digits, d, n);
        digits[n] = '\0';
        digits[LC_MIN(n, LC_BOARD_CLIENT - 1)] = '\0';
        lc_call_begin(w->c, no, (int64_t)no, lc_str_of(digits, 1),
                      lc_str_of(digits, strlen(digits)), digits);
    }
}

static void is_of_one_call(const struct lc_board_call *r)
{
    char d = (char)('0' + r->since_ms % 10);

    assert_int_equal(r->tid, r->since_ms);
    assert_int_equal(r->method[0], d);
    assert_int_equal(strlen(r->target), r->target_len);
    assert_string_equal(r->client, r->target);
    for (const char *p = r->target; *p; p++)
        assert_int_equal(*p, d);
}

static void a_record_is_read_whole_while_it_is_written(void **state)
{
    struct writer w = {.c = lc_board_call_use(&board, 0, 1)};
    struct lc_thread thread;
    uint64_t last = 0;
    int n = 0;

    (void)state;
    assert_int_equal(lc_thread_start(&thread, write_records, &w), LC_OK);
    while (n < 20000) {
        struct lc_board_call out;

        if (!lc_call_read(w.c, &out))
            continue; /* none was written yet, or the writer does not run and is in the middle */
        is_of_one_call(&out);
        assert_true(out.since_ms >= last);
        last = out.since_ms;
        n++;
    }
    atomic_store(&w.is_over, true);
    lc_thread_join(&thread);
}

static void a_writer_that_died_leaves_no_record(void **state)
{
    struct lc_board_call *c = lc_board_call_use(&board, 0, 0), out;

    (void)state;
    lc_call_begin(c, 1, 1, text("GET"), text("/"), "");
    atomic_fetch_add(&c->seq, 1);
    assert_false(lc_call_read(c, &out));
    lc_board_take(&board, 0, 0, LC_LIFE_EMPTY);
    assert_false(lc_call_read(c, &out));
    lc_call_begin(c, 2, 1, text("GET"), text("/next"), "");
    assert_true(lc_call_read(c, &out));
    assert_string_equal(out.target, "/next");
}

static void a_writer_that_died_does_not_confuse_the_next(void **state)
{
    struct lc_board_call *c = lc_board_call_use(&board, 0, 0), out;

    (void)state;
    atomic_store(&c->seq, 7);
    lc_call_begin(c, 2, 1, text("GET"), text("/"), "");
    assert_true(lc_call_read(c, &out));
    assert_int_equal(atomic_load(&c->seq), 8);
}

/* --- slots ---------------------------------------------------------------------------------------------------- */

/* Sets every word of the slot but the ones that take writes itself. */
static void fill(struct lc_board_slot *s)
{
    atomic_store(&s->free, 3);
    lc_count_set(&s->beat_ms, 4);
    lc_count_set(&s->call_since_ms, 5);
    lc_count_set(&s->queued, 6);
    lc_count_set(&s->queued_since_ms, 7);
    for (size_t i = 0; i < LC_BOARD_STATES; i++)
        lc_count_set(&s->conns[i], 8 + i);
    lc_count_set(&s->requests, 20);
    for (size_t i = 0; i < LC_ARRAY_LEN(s->status); i++)
        lc_count_set(&s->status[i], 21 + i);
    lc_count_set(&s->handed_out, 31);
    lc_count_set(&s->handed_in, 32);
    lc_count_set(&s->handed_back, 33);
    for (size_t i = 0; i < LC_LATENCY_CELLS; i++)
        lc_count_set(&s->latency[i], 40 + i);
    lc_count_set(&s->latency_sum_us, 34);
    for (size_t i = 0; i < LC_RESTARTS; i++)
        lc_count_set(&s->restarts[i], 35 + i);
}

static void taking_a_slot_clears_what_was_the_last_process_s(void **state)
{
    struct lc_board_slot *s = lc_board_slot(&board, 5), before;
    struct lc_board_call out;

    (void)state;
    fill(s);
    lc_call_begin(lc_board_call_use(&board, 5, 0), 1, 1, text("GET"), text("/"), "");
    before = *s;
    lc_board_take(&board, 5, 99, LC_LIFE_BOOTING);
    assert_int_equal(atomic_load(&s->pid), 99);
    assert_int_equal(atomic_load(&s->life), LC_LIFE_BOOTING);
    assert_int_equal(atomic_load(&s->ncalls), 1);
    assert_int_equal(atomic_load(&s->free), 0);
    assert_int_equal(lc_count_get(&s->beat_ms), 0);
    assert_int_equal(lc_count_get(&s->call_since_ms), 0);
    assert_int_equal(lc_count_get(&s->queued), 0);
    assert_int_equal(lc_count_get(&s->queued_since_ms), 0);
    for (size_t i = 0; i < LC_BOARD_STATES; i++)
        assert_int_equal(lc_count_get(&s->conns[i]), 0);
    assert_false(lc_call_read(lc_board_call(&board, 5, 0), &out));
    /* All from `requests` on is the slot's. */
    assert_memory_equal((char *)s + offsetof(struct lc_board_slot, requests),
                        (char *)&before + offsetof(struct lc_board_slot, requests),
                        sizeof *s - offsetof(struct lc_board_slot, requests));
}

static void taking_a_slot_leaves_its_neighbours_alone(void **state)
{
    struct lc_board_slot *left = lc_board_slot(&board, 4), *right = lc_board_slot(&board, 6), copy;
    struct lc_board_call out;

    (void)state;
    fill(left);
    fill(right);
    copy = *left;
    lc_call_begin(lc_board_call_use(&board, 4, CALLS - 1), 1, 1, text("GET"), text("/left"), "");
    atomic_store(&copy.ncalls, CALLS);
    lc_board_take(&board, 5, 99, LC_LIFE_SERVING);
    lc_call_begin(lc_board_call_use(&board, 5, 0), 1, 1, text("GET"), text("/"), "");
    lc_call_begin(lc_board_call_use(&board, 5, CALLS - 1), 1, 1, text("GET"), text("/"), "");
    lc_board_take(&board, 5, 0, LC_LIFE_EMPTY);
    assert_memory_equal(left, &copy, sizeof copy);
    atomic_store(&copy.ncalls, 0);
    assert_memory_equal(right, &copy, sizeof copy);
    assert_true(lc_call_read(lc_board_call(&board, 4, CALLS - 1), &out));
    assert_string_equal(out.target, "/left");
}

static void the_last_record_is_the_last(void **state)
{
    (void)state;
    assert_non_null(lc_board_call_use(&board, 0, CALLS - 1));
    assert_int_equal(atomic_load(&lc_board_slot(&board, 0)->ncalls), CALLS);
    assert_non_null(lc_board_call_use(&board, 0, 0));
    assert_int_equal(atomic_load(&lc_board_slot(&board, 0)->ncalls), CALLS);
    assert_null(lc_board_call_use(&board, 0, CALLS));
}

static void it_tells_how_many_slots_were_used(void **state)
{
    (void)state;
    assert_int_equal(lc_board_used(&board), 0);
    lc_board_take(&board, 6, 9, LC_LIFE_BOOTING);
    assert_int_equal(lc_board_used(&board), 7);
    lc_board_take(&board, 2, 9, LC_LIFE_BOOTING);
    lc_board_take(&board, 6, 0, LC_LIFE_EMPTY);
    assert_int_equal(lc_board_used(&board), 7);
}

static void it_tells_that_the_server_ends(void **state)
{
    (void)state;
    assert_false(lc_board_is_ending(&board));
    lc_board_end(&board);
    assert_true(lc_board_is_ending(&board));
}

static void a_child_s_slot_is_seen(void **state)
{
    struct lc_board_call out;
    int status;
    pid_t pid = fork();

    (void)state;
    if (pid == 0) {
        lc_board_take(&board, 1, getpid(), LC_LIFE_SERVING);
        lc_count_add(&lc_board_slot(&board, 1)->requests, 2);
        lc_call_begin(lc_board_call_use(&board, 1, 0), 1, 1, text("PUT"), text("/"), "");
        _exit(0);
    }
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_int_equal(atomic_load(&lc_board_slot(&board, 1)->pid), pid);
    assert_int_equal(lc_count_get(&lc_board_slot(&board, 1)->requests), 2);
    assert_true(lc_call_read(lc_board_call(&board, 1, 0), &out));
    assert_string_equal(out.method, "PUT");
}

static void unused_slots_take_no_memory(void **state)
{
    size_t page = (size_t)sysconf(_SC_PAGESIZE), pages = (board.size + page - 1) / page, n = 0;
    unsigned char *in_core = malloc(pages);

    (void)state;
    lc_board_take(&board, 0, 1, LC_LIFE_BOOTING);
    assert_int_equal(mincore(board.map, board.size, (void *)in_core), 0);
    for (size_t i = 0; i < pages; i++)
        n += in_core[i] & 1;
    assert_int_equal(n, 1);
    free(in_core);
}

static void a_board_too_big_is_refused(void **state)
{
    struct lc_board b;

    (void)state;
    assert_int_equal(lc_board_open(&b, UINT32_MAX, UINT32_MAX), LC_ENOMEM);
    assert_null(b.map);
    lc_board_close(&b);
}

/* --- latency -------------------------------------------------------------------------------------------------- */

static void cells_are_exact_at_every_border(void **state)
{
    (void)state;
    for (uint32_t cell = 0; cell < LC_LATENCY_CELLS; cell++) {
        uint64_t least = lc_latency_least(cell);

        assert_int_equal(lc_latency_cell(least), cell);
        if (cell > 0)
            assert_int_equal(lc_latency_cell(least - 1), cell - 1);
        if (cell > 8)
            assert_true(least - lc_latency_least(cell - 1) <= least / 8);
    }
    assert_int_equal(lc_latency_least(7), 7);
    assert_int_equal(lc_latency_least(8), 8);
    assert_int_equal(lc_latency_least(16), 16);
    assert_int_equal(lc_latency_least(17), 18);
    assert_int_equal(lc_latency_least(24), 32);
    assert_int_equal(lc_latency_cell(UINT64_MAX), LC_LATENCY_CELLS - 1);
    assert_int_equal(lc_latency_cell(1ull << 34), LC_LATENCY_CELLS - 1);
}

static void slots_add_up(void **state)
{
    uint64_t sum[LC_LATENCY_CELLS] = {0};

    (void)state;
    for (uint32_t i = 0; i < 3; i++) {
        struct lc_board_slot *s = lc_board_slot(&board, i);

        lc_count_add(&s->latency[lc_latency_cell(5)], 10);
        lc_count_add(&s->latency[lc_latency_cell(1000 * i)], 1);
        lc_latency_merge(sum, s);
    }
    assert_int_equal(sum[5], 30);
    assert_int_equal(sum[0], 1);
    assert_int_equal(sum[lc_latency_cell(1000)], 1);
    assert_int_equal(sum[lc_latency_cell(2000)], 1);
}

static void a_part_is_no_longer_than(void **state)
{
    uint64_t sum[LC_LATENCY_CELLS] = {0};

    (void)state;
    assert_int_equal(lc_latency_part(sum, 0.99), 0);
    sum[3] = 50;
    sum[5] = 49;
    sum[lc_latency_cell(1000)] = 1; /* 960..1023 */
    assert_int_equal(lc_latency_part(sum, 0), 3);
    assert_int_equal(lc_latency_part(sum, 0.5), 3);
    assert_int_equal(lc_latency_part(sum, 0.51), 5);
    assert_int_equal(lc_latency_part(sum, 0.99), 5);
    assert_int_equal(lc_latency_part(sum, 0.995), 1023);
    assert_int_equal(lc_latency_part(sum, 1), 1023);
    assert_int_equal(lc_latency_part(sum, 2), 1023);
    sum[LC_LATENCY_CELLS - 1] = 1;
    assert_int_equal(lc_latency_part(sum, 1), lc_latency_least(LC_LATENCY_CELLS - 1));
}

#define ON_BOARD(test) cmocka_unit_test_setup_teardown(test, open_board, close_board)

int main(void)
{
    const struct CMUnitTest tests[] = {
        ON_BOARD(a_call_is_read_as_it_was_written),
        ON_BOARD(texts_end_where_they_ended),
        ON_BOARD(the_last_client_may_be_meant_again),
        ON_BOARD(a_record_is_read_whole_while_it_is_written),
        ON_BOARD(a_writer_that_died_leaves_no_record),
        ON_BOARD(a_writer_that_died_does_not_confuse_the_next),
        ON_BOARD(taking_a_slot_clears_what_was_the_last_process_s),
        ON_BOARD(taking_a_slot_leaves_its_neighbours_alone),
        ON_BOARD(the_last_record_is_the_last),
        ON_BOARD(it_tells_how_many_slots_were_used),
        ON_BOARD(it_tells_that_the_server_ends),
        ON_BOARD(a_child_s_slot_is_seen),
        ON_BOARD(unused_slots_take_no_memory),
        ON_BOARD(a_board_too_big_is_refused),
        cmocka_unit_test(cells_are_exact_at_every_border),
        ON_BOARD(slots_add_up),
        cmocka_unit_test(a_part_is_no_longer_than),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
