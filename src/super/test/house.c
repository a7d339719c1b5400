/* A master with real children, for the tests of it. */
#include "house.h"

#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>

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

/* The master counts a fork once it is back from it: in the child the number is that of those before. */
static bool is_first_generation(const struct house *h)
{
    return h->m->next_age < (uint32_t)h->conf.workers;
}

static void be_ready(struct house *h, int slot, uint64_t beat_ms)
{
    struct lc_board_slot *b = lc_board_slot(&h->m->board, (uint32_t)slot);

    lc_count_set(&b->beat_ms, beat_ms);
    if (h->work == WORK_IS_SPENT && is_first_generation(h))
        atomic_store(&b->is_spent, 1);
    atomic_store(&b->life, LC_LIFE_SERVING);
    if (h->work == WORK_IS_SPENT)
        tell(h->out, "place", (int)atomic_load(&b->place), getpid());
    tell(h->out, "worker", slot, getpid());
    if (write(h->m->bell[1], "", 1) != 1)
        _exit(99);
}

static void await_ready_slot(struct house *h, uint32_t slot)
{
    struct lc_board_slot *b = lc_board_slot(&h->m->board, slot);

    while (atomic_load(&b->life) != LC_LIFE_SERVING)
        usleep(1000);
}

static int report_fd; /* for the signal handler of a stuck worker */

static void on_dump(int signo LC_UNUSED)
{
    static const char words[] = "Stack of the only thread\n  in a test\n";

    if (write(report_fd, words, sizeof words - 1) < 0)
        _exit(99);
}

/* Returns its status, or that it is to serve (-1). */
static int boot(struct house *h, int slot)
{
    struct lc_board_slot *b = lc_board_slot(&h->m->board, (uint32_t)slot);

    switch (h->work) {
    case WORK_CANNOT_BOOT:
        tell(h->out, "boot", slot, getpid());
        return LC_EXIT_BOOT;
    case WORK_HAS_NO_APP:
        return LC_EXIT_APP;
    case WORK_FAULTS:
        atomic_store(&b->step, LC_BOOT_IMPORT);
        dprintf(h->m->slots[slot].report_fd, "last words\n");
        signal(SIGSEGV, SIG_DFL); /* a sanitizer has its own */
        raise(SIGSEGV);
        return 0;
    case WORK_FIRST_BOOTS:
    case WORK_SECOND_BOOTS:
        if (slot == 0 || (h->work == WORK_SECOND_BOOTS && h->m->next_age >= 3))
            return -1;
        await_ready_slot(h, 0);
        tell(h->out, "boot", slot, getpid());
        dprintf(h->m->slots[slot].report_fd, "why it failed\n");
        return LC_EXIT_BOOT;
    case WORK_IS_SPENT:
        if (is_first_generation(h))
            return -1;
        tell(h->out, "boot", slot, getpid());
        usleep(30000); /* whoever is told to leave too early has the time to say so first */
        return -1;
    default:
        return -1;
    }
}

static int run_worker(void *ctx, int slot)
{
    struct house *h = ctx;
    bool is_stubborn = h->work == WORK_IS_STUBBORN || h->work == WORK_IS_STUCK ||
                       (h->work == WORK_WILL_NOT_LEAVE && is_first_generation(h));
    int status;

    alarm(60); /* a test that fails leaves nobody behind */
    worker_out = h->out;
    report_fd = h->m->slots[slot].report_fd;
    if (h->work == WORK_IS_EARLY) { /* no handler of its own yet */
        tell(h->out, "worker", slot, getpid());
        for (;;)
            pause();
    }
    signal(SIGTERM, is_stubborn ? SIG_IGN : on_worker_signal);
    signal(SIGQUIT, is_stubborn ? SIG_IGN : on_worker_signal);
    signal(SIGABRT, is_stubborn ? SIG_IGN : on_worker_signal);
    signal(SIGUSR1, on_worker_signal);
    signal(SIGUSR2, on_dump);
    if ((status = boot(h, slot)) >= 0)
        return status;
    be_ready(h, slot, h->work == WORK_IS_STUCK ? 1 : 0);
    if (h->work == WORK_ENDS)
        return LC_EXIT_BOOT;
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

static bool reload(void *ctx, struct lc_master_conf *conf)
{
    struct house *h = ctx;
    struct house_reload next = h->reloads ? *h->reloads++ : (struct house_reload){0};

    tell(h->out, "reload", next.workers, 0);
    if (next.workers == 0)
        return false;
    conf->workers = next.workers;
    h->now = next;
    h->work = next.work;
    return true;
}

static void reload_ended(void *ctx, enum lc_reload_end end)
{
    struct house *h = ctx;

    if (end == LC_RELOAD_PROVEN)
        h->good = h->now;
    else if (end == LC_RELOAD_FAILED)
        h->now = h->good;
    h->work = h->now.work;
    tell(h->out,
         end == LC_RELOAD_PROVEN   ? "proven"
         : end == LC_RELOAD_FAILED ? "failed"
                                   : "settled",
         0, 0);
}

static pid_t upgrade(void *ctx)
{
    pid_t pid = fork();

    if (pid == 0) {
        signal(SIGTERM, SIG_DFL);
        alarm(60);
        for (;;)
            pause();
    }
    tell(((struct house *)ctx)->out, "upgrade", (long)pid, 0);
    return pid;
}

static void upgrade_ended(void *ctx)
{
    tell(((struct house *)ctx)->out, "alone", 0, 0);
}

static void promoted(void *ctx)
{
    tell(((struct house *)ctx)->out, "promoted", 0, 0);
}

static void say(void *ctx, int level, const char *line)
{
    char text[8192];
    int n = snprintf(text, sizeof text, "say %d %s\n", level, line);

    if (write(((struct house *)ctx)->out, text, (size_t)n) != n)
        _exit(99);
}

/* --- hooks ---------------------------------------------------------------------------------------------------- */

static int hook(struct house *h, const char *name, long a, long b)
{
    char word[40];

    snprintf(word, sizeof word, "hook %s", name);
    tell(h->out, word, a, b);
    return h->refuses && strcmp(h->refuses, name) == 0 ? 7 : LC_HOOK_GO_ON;
}

static int on_ready(void *ctx)
{
    return hook(ctx, "ready", 0, 0);
}

static int on_fork(void *ctx, int slot, uint32_t age)
{
    return hook(ctx, "fork", slot, age);
}

static int on_forked(void *ctx, pid_t pid)
{
    return hook(ctx, "forked", pid, 0);
}

static int on_reaped(void *ctx, const struct lc_reaped *r)
{
    return hook(ctx, r->halts ? "halting" : r->was_stuck ? "stuck" : "reaped", r->pid, r->status);
}

static int on_resized(void *ctx, int want, int was)
{
    return hook(ctx, "resized", want, was);
}

static bool show(void *ctx LC_UNUSED, const char *what, struct lc_json *out)
{
    lc_json_text(out, what);
    return true;
}

static bool inherit_control(void *ctx)
{
    struct house *h = ctx;

    tell(h->out, "inherit", 0, 0);
    return h->inherits-- <= 0;
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
                                       .reload = reload,
                                       .reload_ended = reload_ended,
                                       .upgrade = upgrade,
                                       .upgrade_ended = upgrade_ended,
                                       .promoted = promoted,
                                       .say = say,
                                       .show = show,
                                       .inherit_control = inherit_control,
                                       .hooks = {.ready = on_ready,
                                                 .about_to_fork = on_fork,
                                                 .forked = on_forked,
                                                 .reaped = on_reaped,
                                                 .resized = on_resized}};

    alarm(60);
    h->m = &m;
    status = lc_master_run(&m, &h->conf, &host);
    raise(SIGTERM); /* too late for any effect */
    raise(SIGINT);
    raise(SIGQUIT);
    _exit(status);
}

static void start(struct house *h, enum work work, const struct lc_master_conf *conf)
{
    int fds[2];

    h->work = work;
    h->conf = *conf;
    h->now = h->good = (struct house_reload){work, conf->workers};
    assert_int_equal(pipe2(fds, O_CLOEXEC), 0);
    h->in = fds[0];
    h->out = fds[1];
    if ((h->master = fork()) == 0)
        be_master(h);
    assert_true(h->master > 0);
    close(h->out);
}

void house_open_with(struct house *h, enum work work, const struct lc_master_conf *conf,
                     int forks_to_fail)
{
    memset(h, 0, sizeof *h);
    h->forks_to_fail = forks_to_fail;
    start(h, work, conf);
}

void house_open_refusing(struct house *h, const char *hook, int workers)
{
    struct lc_master_conf conf = {.workers = workers, .graceful_ms = 10000};

    memset(h, 0, sizeof *h);
    h->refuses = hook;
    start(h, WORK_WAITS, &conf);
}

void house_open_reloading(struct house *h, enum work work, const struct lc_master_conf *conf,
                          const struct house_reload *reloads)
{
    memset(h, 0, sizeof *h);
    h->reloads = reloads;
    start(h, work, conf);
}

void house_open(struct house *h, enum work work, int workers, uint32_t graceful_ms,
                int forks_to_fail)
{
    struct lc_master_conf conf = {.workers = workers, .graceful_ms = graceful_ms};

    house_open_with(h, work, &conf, forks_to_fail);
}

/* --- the test's side ------------------------------------------------------------------------------------------ */

/* False: all have gone. */
static bool hear_more(struct house *h)
{
    struct pollfd p = {.fd = h->in, .events = POLLIN};
    ssize_t n;

    if (poll(&p, 1, 30000) != 1)
        fail_msg("nothing more was heard; all lines:\n%s", h->text);
    n = read(h->in, h->text + h->len, sizeof h->text - 1 - h->len);
    assert_true(n >= 0);
    h->len += (size_t)n;
    h->text[h->len] = '\0';
    return n > 0;
}

static size_t *cursor(struct house *h, const char *words)
{
    static const char *const of_workers[] = {"worker ", "boot ", "place ", "signal "};

    for (size_t i = 0; i < LC_ARRAY_LEN(of_workers); i++) {
        if (strncmp(words, of_workers[i], strlen(of_workers[i])) == 0)
            return &h->worker_at;
    }
    return &h->at;
}

void look_again(struct house *h)
{
    h->at = h->worker_at = 0;
}

void await(struct house *h, const char *words)
{
    size_t *at = cursor(h, words);
    const char *found, *end;

    while ((found = strstr(h->text + *at, words)) == NULL || (end = strchr(found, '\n')) == NULL) {
        if (!hear_more(h))
            fail_msg("'%s' never came; all lines:\n%s", words, h->text);
    }
    *at = (size_t)(end + 1 - h->text);
}

pid_t await_worker(struct house *h, int slot)
{
    const char *at;
    char words[32];

    snprintf(words, sizeof words, "worker %d ", slot);
    await(h, words);
    at = h->text + h->worker_at - 2;
    while (at[-1] != ' ')
        at--;
    return (pid_t)strtol(at, NULL, 10);
}

void tell_master(struct house *h, int signo)
{
    assert_int_equal(kill(h->master, signo), 0);
}

int house_end(struct house *h)
{
    int status;

    while (hear_more(h))
        ;
    assert_int_equal(waitpid(h->master, &status, 0), h->master);
    close(h->in);
    assert_true(WIFEXITED(status));
    return WEXITSTATUS(status);
}
