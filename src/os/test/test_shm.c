/* Memory shared with children. */
#include "base/test/support.h"

#include "os/shm.h"

#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

static void a_child_writes_what_the_parent_reads(void **state)
{
    void *map;
    char *bytes;
    int status;
    pid_t pid;

    (void)state;
    assert_int_equal(lc_shm_open(100, &map), LC_OK);
    bytes = map;
    assert_int_equal(bytes[0] | bytes[99], 0);
    pid = fork();
    if (pid == 0) {
        bytes[99] = 'x';
        _exit(0);
    }
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_int_equal(bytes[99], 'x');
    lc_shm_close(map, 100);
}

static void what_is_not_touched_takes_no_memory(void **state)
{
    enum { PAGES = 1024 };
    size_t page = (size_t)sysconf(_SC_PAGESIZE), size = PAGES * page;
    unsigned char in_core[PAGES];
    unsigned n = 0;
    void *map;

    (void)state;
    assert_int_equal(lc_shm_open(size, &map), LC_OK);
    ((char *)map)[5 * page] = 'x';
    assert_int_equal(mincore(map, size, (void *)in_core), 0);
    for (size_t i = 0; i < PAGES; i++)
        n += in_core[i] & 1;
    assert_int_equal(n, 1);
    lc_shm_close(map, size);
}

static void too_much_is_refused(void **state)
{
    void *map;

    (void)state;
    assert_int_equal(lc_shm_open(SIZE_MAX / 2, &map), LC_ENOMEM);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_child_writes_what_the_parent_reads),
        cmocka_unit_test(what_is_not_touched_takes_no_memory),
        cmocka_unit_test(too_much_is_refused),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
