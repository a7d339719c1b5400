/* What is told of workers and requests: from a board that the test has written. */
#include "base/test/support.h"

#include "super/control_int.h"

#include "os/clock.h"

#include <stdio.h>
#include <string.h>

struct place {
    struct lc_master m;
    struct lc_json out;
};

static struct place p;

static void place_open(int nslots, uint32_t ncalls)
{
    memset(&p.m, 0, sizeof p.m);
    assert_int_equal(lc_board_open(&p.m.board, LC_WORKERS_MAX, ncalls), LC_OK);
    p.m.pid = 99;
    p.m.nslots = nslots;
    p.m.want = nslots;
    p.m.began_ms = lc_clock_mono_ms() - 61000;
    lc_json_init(&p.out, LC_CTL_REPLY_MAX);
}

static void place_close(void)
{
    lc_json_free(&p.out);
    lc_board_close(&p.m.board);
}

static void worker(int slot, pid_t pid, uint32_t age, enum lc_board_life life, uint64_t beat_ago_ms)
{
    p.m.slots[slot].pid = pid;
    p.m.slots[slot].age = age;
    lc_board_take(&p.m.board, (uint32_t)slot, pid, life);
    if (beat_ago_ms)
        lc_count_set(&lc_board_slot(&p.m.board, (uint32_t)slot)->beat_ms,
                     lc_clock_mono_ms() - beat_ago_ms);
}

static void call(uint32_t slot, uint32_t i, uint64_t ago_ms, const char *target)
{
    struct lc_board_call *c = lc_board_call_use(&p.m.board, slot, i);

    assert_non_null(c);
    lc_call_begin(c, lc_clock_mono_ms() - ago_ms, 1000 + i, LC_STR("GET"),
                  lc_str_of(target, strlen(target)), "127.0.0.1:9");
}

/* The answer, once more as text. */
static const char *text(void)
{
    lc_json_bytes(&p.out, "", 1);
    assert_false(p.out.is_full);
    return p.out.p;
}

static const char *at(const char *words)
{
    const char *found = strstr(text(), words);

    if (found == NULL)
        fail_msg("no %s in %s", words, p.out.p);
    return found;
}

static void workers_are_listed_by_age_and_say_themselves_whether_they_booted(void **state)
{
    (void)state;
    place_open(4, 1);
    worker(0, 10, 7, LC_LIFE_BOOTING, 0);
    worker(1, 11, 3, LC_LIFE_SERVING, 1500);
    worker(3, 13, 5, LC_LIFE_DRAINING, 2500);
    p.m.slots[3].stuck = LC_STUCK_ABORTED;
    lc_control_show_workers(&p.m, &p.out);
    assert_true(
        at("\"pid\":11,\"age\":3,\"booted\":true,\"aborted\":false,\"last_heartbeat\":1.5") <
        at("\"pid\":13,\"age\":5,\"booted\":true,\"aborted\":true,\"last_heartbeat\":2.5"));
    assert_true(
        at("\"pid\":13,") <
        at("\"pid\":10,\"age\":7,\"booted\":false,\"aborted\":false,\"last_heartbeat\":null"));
    (void)at("\"index\":3,\"state\":\"draining\"");
    (void)at("\"count\":3}");
    place_close();
}

static void what_the_last_process_left_in_a_slot_is_not_taken_for_the_next_ones(void **state)
{
    (void)state;
    place_open(1, 1);
    worker(0, 10, 1, LC_LIFE_SERVING, 100);
    p.m.slots[0].pid = 20; /* forked, and has not said anything yet */
    lc_control_show_workers(&p.m, &p.out);
    (void)at("\"pid\":20,\"age\":1,\"booted\":false,\"aborted\":false,\"last_heartbeat\":null");
    place_close();
}

static void all_tells_of_the_master_too(void **state)
{
    (void)state;
    place_open(1, 1);
    worker(0, 10, 1, LC_LIFE_SERVING, 100);
    lc_control_show_all(&p.m, &p.out);
    (void)at("{\"arbiter\":{\"pid\":99,\"type\":\"arbiter\",\"role\":\"master\"},\"web_workers\":[{"
             "\"pid\":10,\"type\":\"web\",\"age\":1,\"booted\":true,\"last_heartbeat\":0.1");
    (void)at("}],\"web_worker_count\":1,\"dirty_arbiter\":null,\"dirty_workers\":[],"
             "\"dirty_worker_count\":0}");
    place_close();
}

static void stats_count(void **state)
{
    (void)state;
    place_open(2, 1);
    worker(1, 10, 4, LC_LIFE_SERVING, 100);
    p.m.next_age = 4;
    p.m.nkilled = 2;
    p.m.nreloads = 1;
    lc_control_show_stats(&p.m, &p.out);
    (void)at("{\"uptime\":61.");
    (void)at(",\"pid\":99,\"workers_current\":1,\"workers_target\":2,\"workers_spawned\":4,"
             "\"workers_killed\":2,\"reloads\":1,\"dirty_arbiter_pid\":null}");
    place_close();
}

static void requests_are_listed_longest_first(void **state)
{
    char target[LC_BOARD_TARGET + 20];

    (void)state;
    place_open(2, 4);
    worker(0, 10, 1, LC_LIFE_SERVING, 100);
    worker(1, 11, 2, LC_LIFE_SERVING, 100);
    memset(target, 'x', sizeof target - 1);
    target[sizeof target - 1] = '\0';
    call(0, 0, 20, "/young");
    call(0, 2, 90000, "/old?a=\"b\"\xff");
    call(1, 1, 5000, target);
    call(1, 3, 7000, "/over");
    lc_call_end(lc_board_call(&p.m.board, 1, 3));
    lc_call_phase(lc_board_call(&p.m.board, 1, 1), LC_CALL_OUTPUT);
    lc_control_show_requests(&p.m, &p.out);
    assert_true(at("\"worker\":10,\"index\":0,\"thread\":1002,\"method\":\"GET\",\"path\":\"/old?a="
                   "\\\"b\\\"\xef\xbf\xbd\",\"path_cut\":false,\"client\":\"127.0.0.1:9\","
                   "\"phase\":\"app\",\"seconds\":90.") < at("\"worker\":11,"));
    assert_true(at("xx\",\"path_cut\":true,\"client\":\"127.0.0.1:9\",\"phase\":\"output\"") <
                at("\"path\":\"/young\""));
    assert_null(strstr(text(), "/over"));
    (void)at("\"since\":\"20");
    (void)at("],\"count\":3}");
    place_close();
}

static void of_very_many_requests_the_longest_are_listed(void **state)
{
    const char *found;
    int n = 0;

    (void)state;
    place_open(2, 700);
    for (uint32_t slot = 0; slot < 2; slot++) {
        worker((int)slot, 10 + (pid_t)slot, slot, LC_LIFE_SERVING, 100);
        for (uint32_t i = 0; i < 700; i++)
            call(slot, i, 1000 + 10 * i, slot == 1 && i == 699 ? "/longest" : "/x");
    }
    lc_control_show_requests(&p.m, &p.out);
    for (found = text(); (found = strstr(found, "\"worker\":")) != NULL; found++)
        n++;
    assert_int_equal(n, LC_CONTROL_REQUESTS_MAX);
    (void)at("\"/longest\"");
    (void)at("\"count\":1400}");
    place_close();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(workers_are_listed_by_age_and_say_themselves_whether_they_booted),
        cmocka_unit_test(what_the_last_process_left_in_a_slot_is_not_taken_for_the_next_ones),
        cmocka_unit_test(all_tells_of_the_master_too),
        cmocka_unit_test(stats_count),
        cmocka_unit_test(requests_are_listed_longest_first),
        cmocka_unit_test(of_very_many_requests_the_longest_are_listed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
