/* A master with real children: each runs a small C program instead of an application.
 *
 * The master runs in a child of the test, too, and everybody tells what happens in lines through one pipe: the test waits
 * for lines, never for time. */
#include "base/test/support.h"

#include "super/master.h"

#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

enum work {
    WORK_WAITS,
    WORK_IS_EARLY,
    WORK_IS_STUBBORN,
    WORK_CANNOT_BOOT,
    WORK_HAS_NO_APP,
    WORK_CRASHES
};

struct house {
    struct lc_master_conf conf;
    enum work work;
    int forks_to_fail;
    int out; /* where the lines go */
    int in;  /* the test's end */
    pid_t master;
    char text[16384]; /* all lines so far */
    size_t len, at;   /* at: what was not looked at yet */
};

static int worker_out; /* for the signal handler of a worker */

static void tell(int fd, const char *word, long a, long b)
{
    char line[80];
    int n = snprintf(line, sizeof line, "%s %ld %ld\n", word, a, b);

    if (write(fd, line, (size_t)n) != n)
        _exit(99);
}

/* --- the master's side ---------------------------------------------------------------------------------------- */

static pid_t host_fork(void *ctx)
{
    struct house *h = ctx;

    return h->forks_to_fail-- > 0 ? -1 : fork();
}

static void on_worker_signal(int signo)
{
    tell(worker_out, "signal", signo, getpid());
    if (signo != SIGUSR1)
        _exit(0);
}

static int run_worker(void *ctx, int slot)
{
    struct house *h = ctx;
    bool is_stubborn = h->work == WORK_IS_STUBBORN;

    alarm(60); /* a test that fails leaves nobody behind */
    worker_out = h->out;
    if (h->work == WORK_IS_EARLY) { /* no handler of its own yet */
        tell(h->out, "worker", slot, getpid());
        for (;;)
            pause();
    }
    signal(SIGTERM, is_stubborn ? SIG_IGN : on_worker_signal);
    signal(SIGQUIT, is_stubborn ? SIG_IGN : on_worker_signal);
    signal(SIGUSR1, on_worker_signal);
    tell(h->out, "worker", slot, getpid());
    if (h->work == WORK_CANNOT_BOOT)
        return LC_EXIT_BOOT;
    if (h->work == WORK_HAS_NO_APP)
        return LC_EXIT_APP;
    if (h->work == WORK_CRASHES)
        return 1;
    for (;;)
        pause();
}

static void leave_process(void *ctx LC_UNUSED, int status)
{
    _exit(status);
}

static void started(void *ctx)
{
    tell(((struct house *)ctx)->out, "started", 0, 0);
}

static void reopen(void *ctx)
{
    tell(((struct house *)ctx)->out, "reopen", 0, 0);
}

static void say(void *ctx, int level, const char *line)
{
    char text[400];
    int n = snprintf(text, sizeof text, "say %d %s\n", level, line);

    if (write(((struct house *)ctx)->out, text, (size_t)n) != n)
        _exit(99);
}

static void be_master(struct house *h)
{
    static struct lc_master m;
    int status;
    const struct lc_super_host host = {.ctx = h,
                                       .fork = host_fork,
                                       .run_worker = run_worker,
                                       .leave_process = leave_process,
                                       .started = started,
                                       .reopen = reopen,
                                       .say = say};

    alarm(60);
    status = lc_master_run(&m, &h->conf, &host);
    raise(SIGTERM); /* too late for any effect */
    raise(SIGINT);
    raise(SIGQUIT);
    _exit(status);
}

static void house_open(struct house *h, enum work work, int workers, uint32_t graceful_ms,
                       int forks_to_fail)
{
    int fds[2];

    memset(h, 0, sizeof *h);
    h->work = work;
    h->conf = (struct lc_master_conf){.workers = workers, .graceful_ms = graceful_ms};
    h->forks_to_fail = forks_to_fail;
    assert_int_equal(pipe2(fds, O_CLOEXEC), 0);
    h->in = fds[0];
    h->out = fds[1];
    if ((h->master = fork()) == 0)
        be_master(h);
    assert_true(h->master > 0);
    close(h->out);
}

/* --- the test's side ------------------------------------------------------------------------------------------ */

/* False: all have gone. */
static bool hear_more(struct house *h)
{
    struct pollfd p = {.fd = h->in, .events = POLLIN};
    ssize_t n;

    assert_int_equal(poll(&p, 1, 30000), 1);
    n = read(h->in, h->text + h->len, sizeof h->text - 1 - h->len);
    assert_true(n >= 0);
    h->len += (size_t)n;
    h->text[h->len] = '\0';
    return n > 0;
}

/* Waits for a line that holds these words; what stands before it is passed over. */
static void await(struct house *h, const char *words)
{
    const char *found, *end;

    while ((found = strstr(h->text + h->at, words)) == NULL ||
           (end = strchr(found, '\n')) == NULL) {
        if (!hear_more(h))
            fail_msg("'%s' never came; all lines:\n%s", words, h->text);
    }
    h->at = (size_t)(end + 1 - h->text);
}

/* Waits for a worker's beginning; its pid. */
static pid_t await_worker(struct house *h, int slot)
{
    const char *at;
    char words[32];

    snprintf(words, sizeof words, "worker %d ", slot);
    await(h, words);
    at = h->text + h->at - 2;
    while (at[-1] != ' ')
        at--;
    return (pid_t)strtol(at, NULL, 10);
}

static void tell_master(struct house *h, int signo)
{
    assert_int_equal(kill(h->master, signo), 0);
}

/* The master's exit status, once it and all workers have gone. */
static int house_end(struct house *h)
{
    int status;

    while (hear_more(h))
        ;
    assert_int_equal(waitpid(h->master, &status, 0), h->master);
    close(h->in);
    assert_true(WIFEXITED(status));
    return WEXITSTATUS(status);
}

static void it_starts_its_workers_and_stops_them_gracefully(void **state)
{
    struct house h;

    (void)state;
    house_open(&h, WORK_WAITS, 2, 10000, 0);
    await(&h, "started");
    await_worker(&h, 0);
    h.at = 0; /* they begin in any order */
    await_worker(&h, 1);
    tell_master(&h, SIGTERM);
    await(&h, "Handling signal: term");
    await(&h, "signal 15 ");
    await(&h, "signal 15 ");
    await(&h, "say 20 Shutting down: Master"); /* when all have gone */
    assert_int_equal(house_end(&h), 0);
}

static void int_and_quit_stop_quickly(void **state)
{
    static const int signals[] = {SIGINT, SIGQUIT};

    (void)state;
    for (size_t i = 0; i < LC_ARRAY_LEN(signals); i++) {
        struct house h;

        house_open(&h, WORK_WAITS, 1, 10000, 0);
        await_worker(&h, 0);
        tell_master(&h, signals[i]);
        await(&h, "signal 3 ");
        assert_int_equal(house_end(&h), 0);
    }
}

static void a_worker_without_handlers_yet_leaves_without_a_word(void **state)
{
    static const int signals[] = {SIGTERM, SIGINT, SIGQUIT};

    (void)state;
    for (size_t i = 0; i < LC_ARRAY_LEN(signals); i++) {
        struct house h;

        house_open(&h, WORK_IS_EARLY, 1, 10000, 0);
        assert_int_equal(kill(await_worker(&h, 0), signals[i]), 0);
        await_worker(&h, 0);
        tell_master(&h, signals[i]);
        assert_int_equal(house_end(&h), 0);
        assert_null(strstr(h.text, "was sent"));
        assert_null(strstr(h.text, "exited with code"));
    }
}

static void a_worker_that_dies_is_replaced(void **state)
{
    struct house h;
    pid_t first, second;

    (void)state;
    house_open(&h, WORK_WAITS, 1, 10000, 0);
    first = await_worker(&h, 0);
    assert_int_equal(kill(first, SIGKILL), 0);
    await(&h, "was sent SIGKILL!");
    second = await_worker(&h, 0);
    assert_int_not_equal(first, second);
    tell_master(&h, SIGTERM);
    assert_int_equal(house_end(&h), 0);
}

static void who_does_not_stop_in_time_is_killed(void **state)
{
    struct house h;

    (void)state;
    house_open(&h, WORK_IS_STUBBORN, 2, 200, 0);
    await_worker(&h, 0);
    h.at = 0;
    await_worker(&h, 1);
    tell_master(&h, SIGTERM);
    await(&h, "was sent SIGKILL!");
    await(&h, "was sent SIGKILL!");
    assert_int_equal(house_end(&h), 0);
}

static void a_second_quick_signal_does_not_wait_for_the_graceful_time(void **state)
{
    struct house h;

    (void)state;
    house_open(&h, WORK_IS_STUBBORN, 1, 600000, 0);
    await_worker(&h, 0);
    tell_master(&h, SIGTERM);
    await(&h, "Handling signal: term");
    tell_master(&h, SIGINT);
    await(&h, "was sent SIGKILL!");
    assert_int_equal(house_end(&h), 0);
}

static void a_worker_that_cannot_boot_halts_the_house(void **state)
{
    struct house h;

    (void)state;
    house_open(&h, WORK_CANNOT_BOOT, 2, 10000, 0);
    await(&h, "exited with code 3.");
    await(&h, "say 40 Shutting down: Master");
    await(&h, "say 40 Reason: Worker failed to boot.");
    assert_int_equal(house_end(&h), LC_EXIT_BOOT);
}

static void an_application_that_cannot_be_loaded_halts_the_house(void **state)
{
    struct house h;

    (void)state;
    house_open(&h, WORK_HAS_NO_APP, 1, 10000, 0);
    await(&h, "say 40 Reason: App failed to load.");
    assert_int_equal(house_end(&h), LC_EXIT_APP);
}

static void ttin_adds_a_worker_and_ttou_takes_the_oldest(void **state)
{
    struct house h;
    pid_t oldest;
    char words[32];

    (void)state;
    house_open(&h, WORK_WAITS, 1, 10000, 0);
    oldest = await_worker(&h, 0);
    tell_master(&h, SIGTTIN);
    await(&h, "Handling signal: ttin");
    await_worker(&h, 1);
    tell_master(&h, SIGTTOU);
    snprintf(words, sizeof words, "signal 15 %ld", (long)oldest);
    await(&h, words);
    tell_master(&h, SIGTTOU); /* the last one stays */
    await(&h, "Handling signal: ttou");
    tell_master(&h, SIGTTIN);
    await(&h, "worker ");
    tell_master(&h, SIGTERM);
    await(&h, "signal 15 ");
    await(&h, "signal 15 ");
    assert_int_equal(house_end(&h), 0);
}

static void usr1_reopens_everywhere(void **state)
{
    struct house h;

    (void)state;
    house_open(&h, WORK_WAITS, 1, 10000, 0);
    await_worker(&h, 0);
    tell_master(&h, SIGUSR1);
    await(&h, "reopen");
    await(&h, "signal 10 ");
    tell_master(&h, SIGTERM);
    assert_int_equal(house_end(&h), 0);
}

static void what_is_not_offered_yet_says_so(void **state)
{
    struct house h;

    (void)state;
    house_open(&h, WORK_WAITS, 1, 10000, 0);
    await_worker(&h, 0);
    tell_master(&h, SIGHUP);
    await(&h, "say 30 SIGHUP is not offered by this version");
    tell_master(&h, SIGTERM);
    assert_int_equal(house_end(&h), 0);
}

static void a_fork_that_fails_is_tried_again(void **state)
{
    struct house h;

    (void)state;
    house_open(&h, WORK_WAITS, 1, 10000, 2);
    await(&h, "could not be forked");
    await(&h, "could not be forked");
    await_worker(&h, 0);
    tell_master(&h, SIGTERM);
    assert_int_equal(house_end(&h), 0);
}

/* Or a worker that dies at once would eat a core. */
static void a_crash_loop_is_slowed(void **state)
{
    struct timespec from, to;
    struct house h;

    (void)state;
    clock_gettime(CLOCK_MONOTONIC, &from);
    house_open(&h, WORK_CRASHES, 1, 10000, 0);
    for (int i = 0; i < 3; i++) {
        await_worker(&h, 0);
        await(&h, "say 40 Worker (pid:");
        await(&h, "exited with code 1.");
    }
    clock_gettime(CLOCK_MONOTONIC, &to);
    assert_true((to.tv_sec - from.tv_sec) * 1000 + (to.tv_nsec - from.tv_nsec) / 1000000 >= 900);
    tell_master(&h, SIGTERM);
    assert_int_equal(house_end(&h), 0);
}

#define EACH(name) cmocka_unit_test(name)

int main(void)
{
    const struct CMUnitTest tests[] = {
        EACH(it_starts_its_workers_and_stops_them_gracefully),
        EACH(int_and_quit_stop_quickly),
        EACH(a_worker_without_handlers_yet_leaves_without_a_word),
        EACH(a_worker_that_dies_is_replaced),
        EACH(who_does_not_stop_in_time_is_killed),
        EACH(a_second_quick_signal_does_not_wait_for_the_graceful_time),
        EACH(a_worker_that_cannot_boot_halts_the_house),
        EACH(an_application_that_cannot_be_loaded_halts_the_house),
        EACH(ttin_adds_a_worker_and_ttou_takes_the_oldest),
        EACH(usr1_reopens_everywhere),
        EACH(what_is_not_offered_yet_says_so),
        EACH(a_fork_that_fails_is_tried_again),
        EACH(a_crash_loop_is_slowed),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
