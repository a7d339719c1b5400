/* Every result code has a name of its own. */
#include "base/test/support.h"

#include "base/base.h"

#include <string.h>

static void every_code_has_its_own_name(void **state)
{
    (void)state;
    for (int i = 0; i < LC_RC_COUNT; i++) {
        assert_non_null(lc_rc_name((enum lc_rc)i));
        for (int k = 0; k < i; k++)
            assert_string_not_equal(lc_rc_name((enum lc_rc)i), lc_rc_name((enum lc_rc)k));
    }
    assert_string_equal(lc_rc_name(LC_AGAIN), "again");
}

static void a_code_out_of_range_is_unknown(void **state)
{
    (void)state;
    assert_string_equal(lc_rc_name(LC_RC_COUNT), "unknown");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_code_has_its_own_name),
        cmocka_unit_test(a_code_out_of_range_is_unknown),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
