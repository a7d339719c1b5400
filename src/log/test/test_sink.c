/* Where log lines go when nothing may wait: files that are full, pipes that nobody reads, and what is said of it. */
#include "log/sink.h"

#include "base/test/support.h"
#include "os/fd.h"

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

struct desk {
    struct lc_sink s;
    struct lc_log log;
    FILE *said; /* what the error log was told */
    int fds[2]; /* [0] reads */
};

static void open_desk(struct desk *d, int fds0, int fds1)
{
    memset(d, 0, sizeof *d);
    d->fds[0] = fds0;
    d->fds[1] = fds1;
    d->said = tmpfile();
    assert_non_null(d->said);
    d->log = (struct lc_log){.fd = fileno(d->said), .level = LC_INFO};
    assert_int_equal(lc_sink_open(&d->s, fds1, "The log", &d->log), LC_OK);
}

static void close_desk(struct desk *d)
{
    lc_sink_close(&d->s, 100);
    fclose(d->said);
    lc_fd_close(&d->fds[0]);
    lc_fd_close(&d->fds[1]);
}

static const char *said(struct desk *d)
{
    static char text[4096];
    ssize_t n = pread(fileno(d->said), text, sizeof text - 1, 0);

    assert_true(n >= 0);
    text[n] = '\0';
    return text;
}

static int count(const char *text, const char *part)
{
    int n = 0;

    for (const char *at = text; (at = strstr(at, part)) != NULL; at++)
        n++;
    return n;
}

/* False: it was dropped. */
static bool add_line(struct desk *d, size_t len, char fill)
{
    char *at = lc_sink_room(&d->s);

    if (at == NULL)
        return false;
    assert_true(len <= lc_sink_line_max(&d->s));
    memset(at, fill, len - 1);
    at[len - 1] = '\n';
    lc_sink_add(&d->s, len);
    return true;
}

static void a_file_gets_its_lines_at_the_flush(void **state)
{
    FILE *f = tmpfile();
    struct desk d;
    char text[32];

    (void)state;
    open_desk(&d, -1, dup(fileno(f)));
    assert_int_equal(d.s.kind, LC_SINK_FILE);
    assert_true(add_line(&d, 4, 'a') && add_line(&d, 3, 'b'));
    assert_int_equal(pread(fileno(f), text, sizeof text, 0), 0);
    lc_sink_flush(&d.s, 1);
    assert_int_equal(pread(fileno(f), text, sizeof text, 0), 7);
    assert_memory_equal(text, "aaa\nbb\n", 7);
    assert_false(lc_sink_is_waiting(&d.s));
    for (int i = 0; i < 10; i++) /* more than fits: it is written on the way */
        assert_true(add_line(&d, 60000, 'c'));
    assert_true(lseek(fileno(f), 0, SEEK_END) > 300000);
    close_desk(&d);
    assert_int_equal(lseek(fileno(f), 0, SEEK_END), 600007);
    fclose(f);
}

/* A file may grow to so many bytes: what a full disk does, without one. */
static void limit_files(rlim_t most)
{
    struct rlimit lim;

    assert_int_equal(getrlimit(RLIMIT_FSIZE, &lim), 0);
    lim.rlim_cur = LC_MIN(most, lim.rlim_max);
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &lim), 0);
}

static void a_full_disk_loses_whole_lines_and_says_so(void **state)
{
    FILE *f = tmpfile();
    struct desk d;
    char text[1700];

    (void)state;
    open_desk(&d, -1, dup(fileno(f)));
    limit_files(1500);
    for (int i = 0; i < 4; i++) /* the second is torn */
        assert_true(add_line(&d, 1000, (char)('a' + i)));
    lc_sink_flush(&d.s, 1000);
    lc_sink_flush(&d.s, 2000);
    limit_files(RLIM_INFINITY);
    assert_int_equal(count(said(&d), "The log loses lines: no space is left (2 lost so far)"), 1);
    assert_true(add_line(&d, 100, 'z'));
    lc_sink_flush(&d.s, 3000);
    lc_sink_flush(&d.s, 3100);
    assert_int_equal(count(said(&d), "The log works again (2 lines were lost)"), 1);
    assert_int_equal(count(said(&d), "\n"), 2);
    assert_int_equal(lseek(fileno(f), 0, SEEK_END), 2100);
    assert_int_equal(pread(fileno(f), text, 1700, 400), 1700);
    assert_memory_equal(text + 598, "a\nbb", 4);
    assert_memory_equal(text + 1598, "b\nzz", 4); /* the torn one was finished first */
    close_desk(&d);
    fclose(f);
}

static void a_device_that_is_full_is_told_once_a_minute(void **state)
{
    struct desk d;

    (void)state;
    open_desk(&d, -1, open("/dev/full", O_WRONLY | O_CLOEXEC));
    for (uint64_t ms = 1000; ms < 181000; ms += 100) {
        assert_true(add_line(&d, 10, 'a'));
        lc_sink_flush(&d.s, ms);
    }
    lc_sink_flush(&d.s, 182000); /* nothing was tried since */
    assert_int_equal(count(said(&d), "loses lines: no space is left"), 3);
    assert_int_equal(count(said(&d), "(1201 lost so far)"), 1);
    assert_int_equal(count(said(&d), "works again"), 0);
    close_desk(&d);
}

static void open_pipe(struct desk *d)
{
    int fds[2];

    assert_int_equal(pipe(fds), 0);
    open_desk(d, fds[0], fds[1]);
    assert_int_equal(d->s.kind, LC_SINK_PIPE);
    assert_int_not_equal(d->s.fd, fds[1]);
    assert_int_equal(fcntl(fds[1], F_GETFL) & O_NONBLOCK, 0); /* others share it */
}

static void a_pipe_gets_whole_lines_in_small_writes(void **state)
{
    struct desk d;
    char text[8192];
    ssize_t n;

    (void)state;
    open_pipe(&d);
    for (int i = 0; i < 9; i++)
        assert_true(add_line(&d, 1000, 'a'));
    lc_sink_flush(&d.s, 1);
    n = read(d.fds[0], text, sizeof text);
    assert_int_equal(n, 8192);
    close_desk(&d);
}

static void each_write_to_a_pipe_ends_with_a_line(void **state)
{
    static const size_t pieces[] = {4000, 4000, 1000};
    int fds[2];
    struct desk d;
    char text[8192];

    (void)state;
    assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, fds), 0);
    open_desk(&d, fds[0], fds[1]);
    assert_int_equal(d.s.kind, LC_SINK_SOCKET);
    for (int i = 0; i < 9; i++)
        assert_true(add_line(&d, 1000, 'a'));
    lc_sink_flush(&d.s, 1);
    for (size_t i = 0; i < LC_ARRAY_LEN(pieces); i++) {
        assert_int_equal(read(fds[0], text, sizeof text), pieces[i]);
        assert_int_equal(text[pieces[i] - 1], '\n');
    }
    close_desk(&d);
}

/* Nobody reads: what waits is bounded, and comes when somebody does. */
static void stops_and_goes_on(struct desk *d)
{
    static char text[65536];
    size_t total = 0, added = 0, lost = 0;
    uint64_t now_ms = 1000;
    ssize_t n;

    while (lost < 5) {
        if (add_line(d, 4000, 'a'))
            added++;
        else
            lost++;
        lc_sink_flush(&d->s, now_ms++);
    }
    assert_true(d->s.len <= LC_SINK_MAX && d->s.cap <= LC_SINK_MAX && added > 200);
    assert_true(lc_sink_is_waiting(&d->s));
    assert_int_equal(count(said(d), "The log loses lines: its reader is too slow"), 1);
    assert_int_equal(fcntl(d->fds[0], F_SETFL, O_NONBLOCK), 0);
    while ((n = read(d->fds[0], text, sizeof text)) > 0) {
        total += (size_t)n;
        lc_sink_flush(&d->s, now_ms++);
    }
    assert_int_equal(total, added * 4000);
    assert_true(add_line(d, 10, 'b'));
    lc_sink_flush(&d->s, now_ms + 2000);
    assert_int_equal(count(said(d), "The log works again (5 lines were lost)"), 1);
}

static void a_pipe_that_nobody_reads_holds_up_nobody(void **state)
{
    struct desk d;

    (void)state;
    open_pipe(&d);
    stops_and_goes_on(&d);
    close_desk(&d);
}

static void a_socket_that_nobody_reads_holds_up_nobody(void **state)
{
    int fds[2];
    struct desk d;

    (void)state;
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds), 0);
    open_desk(&d, fds[0], fds[1]);
    stops_and_goes_on(&d);
    close_desk(&d);
}

static void a_closed_pipe_is_told_once(void **state)
{
    struct desk d;

    (void)state;
    open_pipe(&d);
    lc_fd_close(&d.fds[0]);
    for (uint64_t ms = 1000; ms < 200000; ms += 1000) {
        assert_true(add_line(&d, 10, 'a'));
        lc_sink_flush(&d.s, ms);
        assert_false(lc_sink_is_waiting(&d.s));
    }
    assert_int_equal(count(said(&d), "The log loses lines: nobody reads it any more"), 1);
    assert_int_equal(count(said(&d), "\n"), 1);
    close_desk(&d);
}

/* --- a thread of its own -------------------------------------------------------------------------------------- */

/* As if the pipe could not be opened anew. */
static void open_thread(struct desk *d)
{
    int fds[2];

    assert_int_equal(pipe(fds), 0);
    open_desk(d, fds[0], fds[1]);
    lc_sink_close(&d->s, 0);
    assert_int_equal(lc_sink_open_threaded(&d->s, fds[1], "The log", &d->log), LC_OK);
    assert_int_equal(d->s.kind, LC_SINK_THREAD);
}

static void a_thread_writes_what_could_block(void **state)
{
    struct desk d;
    char text[64];
    size_t got = 0;

    (void)state;
    open_thread(&d);
    for (int i = 0; i < 3; i++) {
        assert_true(add_line(&d, 5, (char)('a' + i)));
        lc_sink_flush(&d.s, 1);
    }
    lc_sink_close(&d.s, 5000);
    while (got < 15)
        got += (size_t)read(d.fds[0], text + got, sizeof text - got);
    assert_memory_equal(text, "aaaa\nbbbb\ncccc\n", 15);
    fclose(d.said);
    lc_fd_close(&d.fds[0]);
    lc_fd_close(&d.fds[1]);
}

static void a_thread_that_is_stuck_loses_lines_and_is_left(void **state)
{
    struct desk d;
    size_t lost = 0, added = 0;

    (void)state;
    open_thread(&d);
    assert_true(fcntl(d.fds[0], F_SETPIPE_SZ, 65536) > 0);
    while (added - d.s.len <= 65536) { /* until the thread has more than the pipe can take */
        assert_true(add_line(&d, 4000, 'a'));
        added += 4000;
        lc_sink_flush(&d.s, 1);
        usleep(1000);
    }
    for (uint64_t ms = 1000; lost < 5; ms++) {
        lost += !add_line(&d, 4000, 'a');
        lc_sink_flush(&d.s, ms);
    }
    assert_int_equal(count(said(&d), "The log loses lines: its reader is too slow"), 1);
    lc_sink_close(&d.s, 50);
    assert_int_equal(count(said(&d), "works again"), 0);
    assert_int_equal(count(said(&d), "loses lines"), 2); /* what waited at the end, too */
    assert_int_equal(count(said(&d), "The log was not written to its end"), 1);
    fclose(d.said); /* its descriptors stay: the thread still writes */
}

static void a_thread_hears_of_a_closed_pipe(void **state)
{
    struct desk d;

    (void)state;
    open_thread(&d);
    lc_fd_close(&d.fds[0]);
    for (uint64_t ms = 1000; count(said(&d), "\n") == 0; ms++) {
        assert_true(add_line(&d, 5, 'a') || d.s.len > 0);
        lc_sink_flush(&d.s, ms);
    }
    assert_int_equal(count(said(&d), "The log loses lines: nobody reads it any more"), 1);
    close_desk(&d);
}

static void without_a_descriptor_there_is_no_sink(void **state)
{
    struct lc_sink s;

    (void)state;
    assert_int_equal(lc_sink_open(&s, 9999, "x", NULL), LC_EIO);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_file_gets_its_lines_at_the_flush),
        cmocka_unit_test(a_full_disk_loses_whole_lines_and_says_so),
        cmocka_unit_test(a_device_that_is_full_is_told_once_a_minute),
        cmocka_unit_test(a_pipe_gets_whole_lines_in_small_writes),
        cmocka_unit_test(each_write_to_a_pipe_ends_with_a_line),
        cmocka_unit_test(a_pipe_that_nobody_reads_holds_up_nobody),
        cmocka_unit_test(a_socket_that_nobody_reads_holds_up_nobody),
        cmocka_unit_test(a_closed_pipe_is_told_once),
        cmocka_unit_test(a_thread_writes_what_could_block),
        cmocka_unit_test(a_thread_that_is_stuck_loses_lines_and_is_left),
        cmocka_unit_test(a_thread_hears_of_a_closed_pipe),
        cmocka_unit_test(without_a_descriptor_there_is_no_sink),
    };

    signal(SIGPIPE, SIG_IGN);
    signal(SIGXFSZ, SIG_IGN);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
