/* What a worker tells the scoreboard: the words themselves, and when it is alive.
 *
 * The worker is a struct without an engine behind it, so that the test says what has happened and what time it is. */
#include "engine/worker.h"
#include "os/fd.h"

/* After the seam: cmocka has a macro named fail. */
#include "base/test/support.h"

#include <arpa/inet.h>
#include <unistd.h>

enum { THREADS = 4, RECORDS = 3, SLOT = 1 };

static struct lc_board board;
static struct lc_engine_conf conf;
static struct lc_worker w;
static struct lc_server servers[THREADS];
static struct lc_addr peer;
static struct lc_exchange x = {.peer = &peer};
static const char head[] = "POST /path?query HTTP/1.1";

static int set_up(void **state)
{
    (void)state;
    memset(&w, 0, sizeof w);
    w.state = LC_WORKER_RUNNING;
    memset(&servers, 0, sizeof servers);
    conf = (struct lc_engine_conf){.board = &board, .slot = SLOT, .threads = THREADS};
    if (lc_board_open(&board, 4, RECORDS) != LC_OK)
        return -1;
    lc_board_take(&board, SLOT, getpid(), LC_LIFE_BOOTING);
    w.conf = &conf;
    w.loop.now_ms = 5000;
    lc_list_init(&w.ready);
    lc_list_init(&w.owner.idle);
    lc_account_open(&w);
    peer = (struct lc_addr){.family = LC_ADDR_IP4};
    peer.u.ip4.sin_family = AF_INET;
    peer.u.ip4.sin_addr.s_addr = htonl(0x0a000102);
    x.req.base = head;
    x.req.method = (struct lc_span){0, 4};
    x.req.target = (struct lc_span){5, 11};
    for (int i = 0; i < THREADS; i++)
        lc_account_join(&w, &servers[i]);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    lc_board_close(&board);
    return 0;
}

static struct lc_board_slot *slot(void)
{
    return lc_board_slot(&board, SLOT);
}

static void begin(int thread, uint64_t at_ms)
{
    w.owner.nbusy++;
    x.called_ns = at_ms * 1000000;
    lc_account_begin(&w, &servers[thread], &x);
}

static void end(int thread, uint64_t took_ns)
{
    w.owner.nbusy--;
    lc_account_end(&w, &servers[thread], took_ns);
}

static bool read_call(uint32_t i, struct lc_board_call *out)
{
    return lc_call_read(lc_board_call(&board, SLOT, i), out);
}

/* --- calls ---------------------------------------------------------------------------------------------------- */

static void a_call_is_told(void **state)
{
    struct lc_board_call call;

    (void)state;
    begin(1, 4321);
    assert_true(read_call(1, &call));
    assert_string_equal(call.method, "POST");
    assert_string_equal(call.target, "/path?query");
    assert_string_equal(call.client, "10.0.1.2");
    assert_int_equal(call.since_ms, 4321);
    assert_int_equal(call.tid, getpid());
    lc_account_phase(&servers[1], LC_CALL_INPUT);
    assert_true(read_call(1, &call));
    assert_int_equal(call.phase, LC_CALL_INPUT);
    end(1, 9000);
    assert_false(read_call(1, &call));
    assert_int_equal(lc_count_get(&slot()->latency[lc_latency_cell(9)]), 1);
    assert_int_equal(lc_count_get(&slot()->latency_sum_us), 9);
}

static const char *client_now(struct lc_board_call *call)
{
    begin(0, 1);
    assert_true(read_call(0, call));
    end(0, 1);
    return call->client;
}

static void the_client_is_the_one_that_asks_now(void **state)
{
    struct lc_board_call call;

    (void)state;
    assert_string_equal(client_now(&call), "10.0.1.2");
    peer.u.ip4.sin_addr.s_addr = htonl(0xc0a80001);
    assert_string_equal(client_now(&call), "192.168.0.1");
    peer = (struct lc_addr){.family = LC_ADDR_IP6};
    peer.u.ip6.sin6_family = AF_INET6;
    peer.u.ip6.sin6_addr.s6_addr[15] = 1;
    assert_string_equal(client_now(&call), "::1");
    peer.u.ip6.sin6_addr.s6_addr[15] = 2;
    assert_string_equal(client_now(&call), "::2");
    peer = (struct lc_addr){.family = LC_ADDR_UNIX};
    assert_string_equal(client_now(&call), "");
}

static void the_oldest_call_is_the_one_that_still_runs(void **state)
{
    (void)state;
    begin(0, 100);
    begin(1, 200);
    begin(2, 300);
    assert_int_equal(lc_count_get(&slot()->call_since_ms), 100);
    end(1, 0);
    assert_int_equal(lc_count_get(&slot()->call_since_ms), 100);
    end(0, 0);
    assert_int_equal(lc_count_get(&slot()->call_since_ms), 300);
    end(2, 0);
    assert_int_equal(lc_count_get(&slot()->call_since_ms), 0);
}

static void a_thread_without_a_record_is_counted_all_the_same(void **state)
{
    (void)state;
    assert_null(servers[RECORDS].account.call);
    begin(RECORDS, 100);
    assert_int_equal(lc_count_get(&slot()->call_since_ms), 100);
    assert_int_equal(atomic_load(&slot()->free), THREADS - 1);
    lc_account_phase(&servers[RECORDS], LC_CALL_OUTPUT);
    end(RECORDS, 5000);
    assert_int_equal(lc_count_get(&slot()->latency[5]), 1);
}

static void a_record_goes_to_the_next_thread(void **state)
{
    struct lc_board_call *second = servers[1].account.call;

    (void)state;
    lc_account_quit(&w, &servers[1]);
    lc_account_quit(&w, &servers[RECORDS]);
    lc_account_join(&w, &servers[RECORDS]);
    assert_ptr_equal(servers[RECORDS].account.call, second);
}

static void free_threads_are_neither_busy_nor_spoken_for(void **state)
{
    (void)state;
    assert_int_equal(atomic_load(&slot()->free), THREADS);
    begin(0, 1);
    assert_int_equal(atomic_load(&slot()->free), THREADS - 1);
    w.owner.nready = 2;
    lc_account_look(&w);
    assert_int_equal(atomic_load(&slot()->free), THREADS - 3);
    w.owner.nready = 20;
    lc_account_look(&w);
    assert_int_equal(atomic_load(&slot()->free), 0);
    w.owner.nready = 0;
    end(0, 1);
    assert_int_equal(atomic_load(&slot()->free), THREADS);
    w.state = LC_WORKER_DRAINING;
    lc_account_look(&w);
    assert_int_equal(atomic_load(&slot()->free), 0);
    assert_int_equal(atomic_load(&slot()->life), LC_LIFE_DRAINING);
}

static void answer(int status, bool is_broken, bool was_called)
{
    x.called_ns = was_called;
    lc_account_answer(&w, &x, &(struct lc_exchange_end){.status = status, .is_broken = is_broken});
}

static void answers_are_counted_by_class(void **state)
{
    static const uint64_t want[] = {3, 1, 2, 0, 1, 1};

    (void)state;
    answer(200, false, true);
    answer(204, false, true);
    answer(200, true, true);
    answer(101, false, true);
    answer(404, false, false);
    answer(503, false, false);
    answer(500, true, true);
    answer(0, true, true);
    answer(0, true, false); /* nobody ever saw it as a request */
    for (size_t i = 0; i < LC_ARRAY_LEN(want); i++)
        assert_int_equal(lc_count_get(&slot()->status[i]), want[i]);
    assert_int_equal(lc_count_get(&slot()->requests), 8);
}

/* --- the whole ------------------------------------------------------------------------------------------------ */

static void the_queue_and_the_connections_are_told(void **state)
{
    (void)state;
    for (uint32_t i = 0; i < LC_H1_CLOSED; i++)
        w.h1.counts[i] = 10 + i;
    x.ready_ms = 777;
    lc_list_append(&w.ready, &x.link);
    w.owner.nready = 1;
    lc_account_turn(&w);
    for (uint32_t i = 0; i < LC_H1_CLOSED; i++)
        assert_int_equal(lc_count_get(&slot()->conns[i]), 10 + i);
    assert_int_equal(lc_count_get(&slot()->queued), 1);
    assert_int_equal(lc_count_get(&slot()->queued_since_ms), 777);
    lc_list_remove(&x.link);
    w.owner.nready = 0;
    lc_account_turn(&w);
    assert_int_equal(lc_count_get(&slot()->queued_since_ms), 0);
}

static uint64_t beat_at(uint64_t now_ms)
{
    w.loop.now_ms = now_ms;
    lc_account_turn(&w);
    return lc_count_get(&slot()->beat_ms);
}

static void it_beats_now_and_then(void **state)
{
    (void)state;
    assert_int_equal(lc_count_get(&slot()->beat_ms), 5000); /* from its first thread on */
    assert_int_equal(beat_at(5050), 5000);
    assert_int_equal(beat_at(5100), 5100);
    begin(0, 5100);
    assert_int_equal(beat_at(5900), 5900);
}

static void a_sync_worker_beats_while_no_call_is_older_than_timeout(void **state)
{
    (void)state;
    conf.is_main_called = true;
    conf.timeout_ms = 30000;
    begin(0, 6000);
    assert_int_equal(beat_at(35999), 35999);
    assert_int_equal(beat_at(36200), 35999);
    assert_int_equal(beat_at(60000), 35999);
    end(0, 1);
    assert_int_equal(beat_at(60001), 60001);
    conf.timeout_ms = 0;
    begin(0, 60001);
    assert_int_equal(beat_at(900000), 900000);
}

static void others_beat_while_the_guest_can_be_had(void **state)
{
    struct lc_seat attendant = {.owner = &w.owner};

    (void)state;
    lc_cond_init(&attendant.wake);
    w.main_seat = &attendant;
    begin(0, 6000);
    assert_int_equal(beat_at(6999), 6999);
    assert_false(atomic_load(&w.has_signal));
    assert_int_equal(beat_at(9000), 9000); /* the call is old: the main thread is asked */
    assert_true(atomic_load(&w.has_signal) && attendant.is_nudged);
    assert_int_equal(beat_at(9200), 9000);
    assert_int_equal(beat_at(99000), 9000);
    lc_account_guest_came(&w);
    assert_int_equal(beat_at(99100), 99100);
    assert_int_equal(beat_at(99300), 99100); /* asked again */
    end(0, 1);
    assert_int_equal(beat_at(99400), 99400);
    lc_cond_fini(&attendant.wake);
}

static void without_a_board_nothing_is_written(void **state)
{
    (void)state;
    conf.board = NULL;
    memset(&w.account, 0, sizeof w.account);
    lc_account_open(&w);
    lc_account_join(&w, &servers[0]);
    begin(0, 1);
    lc_account_phase(&servers[0], LC_CALL_INPUT);
    answer(200, false, true);
    end(0, 1);
    lc_account_turn(&w);
    lc_account_quit(&w, &servers[0]);
    assert_int_equal(lc_count_get(&slot()->requests), 0);
    assert_int_equal(lc_count_get(&slot()->latency_sum_us), 0);
}

static void is_spent_after(uint64_t calls, uint64_t now_ms, bool is_spent)
{
    w.ncalls = calls;
    beat_at(now_ms);
    assert_int_equal(atomic_load(&slot()->is_spent), is_spent);
}

static void it_asks_for_a_successor_once_it_is_spent(void **state)
{
    int bell[2];
    char rings[4];

    (void)state;
    assert_int_equal(lc_fd_pipe(bell), LC_OK);
    conf.bell = &bell[1];
    conf.max_requests = 10;
    conf.log.fd = -1;
    lc_account_open(&w);
    is_spent_after(9, 10000, false);
    assert_int_equal(read(bell[0], rings, sizeof rings), -1);
    is_spent_after(10, 20000, true);
    assert_int_equal(read(bell[0], rings, sizeof rings), 1);
    is_spent_after(11, 30000, true);
    assert_int_equal(read(bell[0], rings, sizeof rings), -1); /* once */
    lc_fd_close(&bell[0]);
    lc_fd_close(&bell[1]);
}

static void who_leaves_asks_for_nobody(void **state)
{
    (void)state;
    conf.max_requests = 1;
    lc_account_open(&w);
    w.state = LC_WORKER_DRAINING;
    is_spent_after(5, 10000, false);
}

static void jitter_adds_by_chance_and_within_its_bound(void **state)
{
    uint64_t least = UINT64_MAX, most = 0;

    (void)state;
    conf.max_requests = 100;
    conf.max_requests_jitter = 50;
    for (int i = 0; i < 1000; i++) {
        lc_account_open(&w);
        least = LC_MIN(least, w.account.spent_at);
        most = LC_MAX(most, w.account.spent_at);
    }
    assert_true(least >= 100 && most <= 150 && most - least >= 10);
    conf.max_requests = 0;
    lc_account_open(&w);
    assert_true(w.account.spent_at == UINT64_MAX);
}

#define ON_WORKER(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        ON_WORKER(a_call_is_told),
        ON_WORKER(the_client_is_the_one_that_asks_now),
        ON_WORKER(the_oldest_call_is_the_one_that_still_runs),
        ON_WORKER(a_thread_without_a_record_is_counted_all_the_same),
        ON_WORKER(a_record_goes_to_the_next_thread),
        ON_WORKER(free_threads_are_neither_busy_nor_spoken_for),
        ON_WORKER(answers_are_counted_by_class),
        ON_WORKER(the_queue_and_the_connections_are_told),
        ON_WORKER(it_beats_now_and_then),
        ON_WORKER(a_sync_worker_beats_while_no_call_is_older_than_timeout),
        ON_WORKER(others_beat_while_the_guest_can_be_had),
        ON_WORKER(without_a_board_nothing_is_written),
        ON_WORKER(it_asks_for_a_successor_once_it_is_spent),
        ON_WORKER(who_leaves_asks_for_nobody),
        ON_WORKER(jitter_adds_by_chance_and_within_its_bound),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
