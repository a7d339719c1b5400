/* super/control_show.c - the master and its workers, as the control socket tells of them.   Runs in: master.
 *
 * What a worker says of itself stands in the board, whatever it is busy with; nobody is asked. */
#include "super/control_int.h"

#include "os/clock.h"

#include <stdlib.h>
#include <time.h>

static uint64_t age_ms(uint64_t since_ms, uint64_t now_ms)
{
    return now_ms > since_ms ? now_ms - since_ms : 0;
}

static void put_number(struct lc_json *out, const char *key, int64_t v)
{
    lc_json_key(out, key);
    lc_json_number(out, v);
}

static void put_text(struct lc_json *out, const char *key, const char *s)
{
    lc_json_key(out, key);
    lc_json_text(out, s);
}

static void put_flag(struct lc_json *out, const char *key, bool v)
{
    lc_json_key(out, key);
    lc_json_bool(out, v);
}

static void put_seconds(struct lc_json *out, const char *key, uint64_t ms)
{
    lc_json_key(out, key);
    lc_json_seconds(out, ms);
}

static uint32_t ncalls(const struct lc_board *b, struct lc_board_slot *s)
{
    return LC_MIN(atomic_load_explicit(&s->ncalls, memory_order_relaxed), b->ncalls);
}

/* --- workers -------------------------------------------------------------------------------------------------- */

static int by_age(const void *a, const void *b)
{
    const struct lc_worker_slot *x = *(struct lc_worker_slot *const *)a,
                                *y = *(struct lc_worker_slot *const *)b;

    return (x->age > y->age) - (x->age < y->age);
}

/* Those that run, oldest first. */
static int collect(struct lc_master *m, struct lc_worker_slot *out[LC_WORKERS_MAX])
{
    int n = 0;

    for (int i = 0; i < m->nslots; i++) {
        if (m->slots[i].pid > 0)
            out[n++] = &m->slots[i];
    }
    qsort(out, (size_t)n, sizeof out[0], by_age);
    return n;
}

/* What the worker said; the process that was in the slot before may have left its words while the next one is born. */
static unsigned life_of(const struct lc_worker_slot *w, struct lc_board_slot *s)
{
    return atomic_load(&s->pid) == w->pid ? atomic_load(&s->life) : LC_LIFE_BOOTING;
}

static void put_beat(struct lc_json *out, struct lc_board_slot *s, bool has_booted, uint64_t now_ms)
{
    uint64_t beat = lc_count_get(&s->beat_ms);

    lc_json_key(out, "last_heartbeat");
    if (has_booted && beat > 0)
        lc_json_seconds(out, age_ms(beat, now_ms));
    else
        lc_json_null(out);
}

static int64_t busy_calls(const struct lc_board *b, uint32_t slot, struct lc_board_slot *s)
{
    int64_t busy = 0;

    for (uint32_t i = 0; i < ncalls(b, s); i++) {
        struct lc_board_call c;

        busy += lc_call_read(lc_board_call(b, slot, i), &c);
    }
    return busy;
}

/* What Gunicorn does not tell. */
static void put_more(struct lc_master *m, struct lc_worker_slot *w, struct lc_json *out,
                     uint64_t now_ms)
{
    static const char *const lives[] = {[LC_LIFE_EMPTY] = "booting",
                                        [LC_LIFE_BOOTING] = "booting",
                                        [LC_LIFE_SERVING] = "serving",
                                        [LC_LIFE_DRAINING] = "draining"};
    struct lc_board_slot *s = lc_master_board_slot(m, w);
    unsigned life = life_of(w, s);
    uint64_t conns = 0;

    for (size_t i = 0; i < LC_BOARD_STATES; i++)
        conns += lc_count_get(&s->conns[i]);
    put_number(out, "index", w - m->slots);
    put_text(out, "state", life < LC_ARRAY_LEN(lives) ? lives[life] : "?");
    put_seconds(out, "uptime", age_ms(w->forked_ms, now_ms));
    put_number(out, "busy", busy_calls(&m->board, (uint32_t)(w - m->slots), s));
    put_number(out, "queued", (int64_t)lc_count_get(&s->queued));
    put_number(out, "connections", (int64_t)conns);
    put_number(out, "requests", (int64_t)lc_count_get(&s->requests));
}

static void put_worker(struct lc_master *m, struct lc_worker_slot *w, struct lc_json *out,
                       bool is_of_all)
{
    struct lc_board_slot *s = lc_master_board_slot(m, w);
    unsigned life = life_of(w, s);
    bool has_booted = life == LC_LIFE_SERVING || life == LC_LIFE_DRAINING;
    uint64_t now_ms = lc_clock_mono_ms();

    lc_json_open(out, '{');
    put_number(out, "pid", w->pid);
    if (is_of_all)
        put_text(out, "type", "web");
    put_number(out, "age", w->age);
    put_flag(out, "booted", has_booted);
    if (!is_of_all)
        put_flag(out, "aborted", w->stuck >= LC_STUCK_ABORTED);
    put_beat(out, s, has_booted, now_ms);
    if (!is_of_all)
        put_more(m, w, out, now_ms);
    lc_json_close(out, '}');
}

static int put_workers(struct lc_master *m, struct lc_json *out, const char *key, bool is_of_all)
{
    struct lc_worker_slot *workers[LC_WORKERS_MAX];
    int n = collect(m, workers);

    lc_json_key(out, key);
    lc_json_open(out, '[');
    for (int i = 0; i < n; i++)
        put_worker(m, workers[i], out, is_of_all);
    lc_json_close(out, ']');
    return n;
}

void lc_control_show_workers(struct lc_master *m, struct lc_json *out)
{
    lc_json_open(out, '{');
    put_number(out, "count", put_workers(m, out, "workers", false));
    lc_json_close(out, '}');
}

void lc_control_show_all(struct lc_master *m, struct lc_json *out)
{
    lc_json_open(out, '{');
    lc_json_key(out, "arbiter");
    lc_json_open(out, '{');
    put_number(out, "pid", m->pid);
    put_text(out, "type", "arbiter");
    put_text(out, "role", "master");
    lc_json_close(out, '}');
    put_number(out, "web_worker_count", put_workers(m, out, "web_workers", true));
    lc_json_key(out, "dirty_arbiter");
    lc_json_null(out);
    lc_json_key(out, "dirty_workers");
    lc_json_open(out, '[');
    lc_json_close(out, ']');
    put_number(out, "dirty_worker_count", 0);
    lc_json_close(out, '}');
}

/* --- counters ------------------------------------------------------------------------------------------------- */

void lc_control_show_stats(struct lc_master *m, struct lc_json *out)
{
    struct lc_worker_slot *workers[LC_WORKERS_MAX];

    lc_json_open(out, '{');
    put_seconds(out, "uptime", age_ms(m->began_ms, lc_clock_mono_ms()));
    put_number(out, "pid", m->pid);
    put_number(out, "workers_current", collect(m, workers));
    put_number(out, "workers_target", m->want);
    put_number(out, "workers_spawned", m->next_age);
    put_number(out, "workers_killed", m->nkilled);
    put_number(out, "reloads", m->nreloads);
    lc_json_key(out, "dirty_arbiter_pid");
    lc_json_null(out);
    lc_json_close(out, '}');
}

/* --- requests ------------------------------------------------------------------------------------------------- */

struct running {
    uint64_t since_ms;
    uint32_t slot, i;
};

static int longest_first(const void *a, const void *b)
{
    const struct running *x = a, *y = b;

    return (x->since_ms > y->since_ms) - (x->since_ms < y->since_ms);
}

static size_t count_records(const struct lc_board *b)
{
    size_t n = 0;

    for (uint32_t slot = 0; slot < lc_board_used(b); slot++)
        n += ncalls(b, lc_board_slot(b, slot));
    return n;
}

static size_t find_running(const struct lc_board *b, struct running *out, size_t max)
{
    size_t n = 0;

    for (uint32_t slot = 0; slot < lc_board_used(b); slot++) {
        for (uint32_t i = 0; i < ncalls(b, lc_board_slot(b, slot)); i++) {
            struct lc_board_call c;

            if (n < max && lc_call_read(lc_board_call(b, slot, i), &c))
                out[n++] = (struct running){c.since_ms, slot, i};
        }
    }
    qsort(out, n, sizeof *out, longest_first);
    return n;
}

/* When it began, by the wall clock: 2026-11-21T05:08:28Z. */
static void put_since(struct lc_json *out, uint64_t ms)
{
    time_t at = lc_clock_wall() - (time_t)(ms / 1000);
    struct tm tm;
    char text[32];

    lc_json_key(out, "since");
    if (gmtime_r(&at, &tm) != NULL && strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%SZ", &tm) > 0)
        lc_json_text(out, text);
    else
        lc_json_null(out);
}

static void put_call(struct lc_master *m, const struct running *r, const struct lc_board_call *c,
                     struct lc_json *out)
{
    static const char *const phases[] = {[LC_CALL_NONE] = "none",
                                         [LC_CALL_APP] = "app",
                                         [LC_CALL_INPUT] = "input",
                                         [LC_CALL_OUTPUT] = "output"};
    uint64_t ms = age_ms(c->since_ms, lc_clock_mono_ms());

    lc_json_open(out, '{');
    put_number(out, "worker", atomic_load(&lc_board_slot(&m->board, r->slot)->pid));
    put_number(out, "index", r->slot);
    put_number(out, "thread", c->tid);
    put_text(out, "method", c->method);
    put_text(out, "path", c->target);
    put_flag(out, "path_cut", c->target_len > strlen(c->target));
    put_text(out, "client", c->client);
    put_text(out, "phase", c->phase < LC_ARRAY_LEN(phases) ? phases[c->phase] : "?");
    put_seconds(out, "seconds", ms);
    put_since(out, ms);
    lc_json_close(out, '}');
}

bool lc_control_show_requests(struct lc_master *m, struct lc_json *out)
{
    size_t max = count_records(&m->board), n;
    struct running *all = malloc(LC_MAX(max, 1) * sizeof *all);

    if (all == NULL)
        return false;
    n = find_running(&m->board, all, max);
    lc_json_open(out, '{');
    lc_json_key(out, "requests");
    lc_json_open(out, '[');
    for (size_t i = 0; i < LC_MIN(n, LC_CONTROL_REQUESTS_MAX); i++) {
        struct lc_board_call c;

        /* The next call of that thread may have begun meanwhile: it stands where the old one would. */
        if (lc_call_read(lc_board_call(&m->board, all[i].slot, all[i].i), &c))
            put_call(m, &all[i], &c, out);
    }
    lc_json_close(out, ']');
    put_number(out, "count", (int64_t)n);
    lc_json_close(out, '}');
    free(all);
    return true;
}
