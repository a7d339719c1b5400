/* Which slots get a process again, and when. */
#include "house.h"

#include <stdio.h>
#include <string.h>

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

static void a_boot_that_succeeds_makes_the_others_due(void **state)
{
    struct house h;

    (void)state;
    house_open(&h, WORK_SECOND_BOOTS, 3, 10000, 0);
    await_worker(&h, 0);
    await(&h, "boot ");
    await(&h, "boot ");
    await(&h, "worker ");
    await(&h, "worker ");
    tell_master(&h, SIGTERM);
    assert_int_equal(house_end(&h), 0);
}

#define EACH(name) cmocka_unit_test(name)

int main(void)
{
    const struct CMUnitTest tests[] = {
        EACH(a_fork_that_fails_is_tried_again),
        EACH(a_boot_that_succeeds_makes_the_others_due),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
