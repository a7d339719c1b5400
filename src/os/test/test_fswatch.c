/* What happens to the files of a directory. */
#include "base/test/support.h"

#include "os/fd.h"
#include "os/fswatch.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct place {
    char dir[32];
    int fd, id;
    int heard_id;
    char heard[512]; /* the names, each with a space behind it */
};

static void on_event(void *ctx, int id, const char *name)
{
    struct place *p = ctx;
    size_t n = strlen(p->heard);

    p->heard_id = id;
    snprintf(p->heard + n, sizeof p->heard - n, "%s ", name);
}

static bool open_place(struct place *p)
{
    memset(p, 0, sizeof *p);
    snprintf(p->dir, sizeof p->dir, "/tmp/lc-fswatch-XXXXXX");
    assert_non_null(mkdtemp(p->dir));
    if (lc_fswatch_open(&p->fd) == LC_EUNSUP) {
        rmdir(p->dir);
        return false;
    }
    assert_int_equal(lc_fswatch_add(p->fd, p->dir, &p->id), LC_OK);
    return true;
}

static const char *in(const struct place *p, const char *name, char *path)
{
    snprintf(path, 128, "%s/%s", p->dir, name);
    return path;
}

static void make(const struct place *p, const char *name)
{
    char path[128];
    int fd = open(in(p, name, path), O_WRONLY | O_CREAT | O_CLOEXEC, 0600);

    assert_true(fd >= 0);
    assert_int_equal(write(fd, "x", 1), 1);
    close(fd);
}

static void end_place(struct place *p)
{
    lc_fd_close(&p->fd);
    assert_int_equal(rmdir(p->dir), 0);
}

static void files_that_are_made_moved_and_removed_are_told_by_name(void **state)
{
    struct place p;
    char from[128], to[128];

    (void)state;
    if (!open_place(&p))
        return;
    assert_int_equal(lc_fswatch_wait(p.fd, 0, on_event, &p), LC_AGAIN);
    make(&p, "a");
    assert_int_equal(lc_fswatch_wait(p.fd, 5000, on_event, &p), LC_OK);
    assert_int_equal(p.heard_id, p.id);
    assert_string_equal(p.heard, "a a "); /* made, and written */
    p.heard[0] = '\0';
    assert_int_equal(rename(in(&p, "a", from), in(&p, "b", to)), 0);
    assert_int_equal(unlink(to), 0);
    assert_int_equal(lc_fswatch_wait(p.fd, 5000, on_event, &p), LC_OK);
    assert_string_equal(p.heard, "a b b ");
    end_place(&p);
}

static void a_directory_has_one_id(void **state)
{
    struct place p;
    int id = -1;

    (void)state;
    if (!open_place(&p))
        return;
    assert_int_equal(lc_fswatch_add(p.fd, p.dir, &id), LC_OK);
    assert_int_equal(id, p.id);
    assert_int_equal(lc_fswatch_add(p.fd, "/nosuch", &id), LC_CLOSED);
    assert_int_equal(lc_fswatch_add(p.fd, "/proc/self/stat", &id), LC_CLOSED);
    end_place(&p);
}

static void reading_alone_is_no_event(void **state)
{
    struct place p;
    char path[128];
    int fd;

    (void)state;
    if (!open_place(&p))
        return;
    make(&p, "a");
    assert_int_equal(lc_fswatch_wait(p.fd, 5000, on_event, &p), LC_OK);
    fd = open(in(&p, "a", path), O_RDONLY | O_CLOEXEC);
    close(fd);
    assert_int_equal(lc_fswatch_wait(p.fd, 20, on_event, &p), LC_AGAIN);
    assert_int_equal(unlink(path), 0);
    end_place(&p);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(files_that_are_made_moved_and_removed_are_told_by_name),
        cmocka_unit_test(a_directory_has_one_id),
        cmocka_unit_test(reading_alone_is_no_event),
    };

    return cmocka_run_group_tests_name("fswatch", tests, NULL, NULL);
}
