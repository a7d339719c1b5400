/* http/test/test_date.c - the Date header against known days and against the C library's calendar. */
#include "http/date.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

static void assert_date(time_t when, const char *text)
{
    char got[LC_DATE_LEN + 1] = {0};

    lc_date_http(when, got);
    assert_string_equal(got, text);
}

static void known_seconds(void **state)
{
    (void)state;
    assert_date(784111777, "Sun, 06 Nov 1994 08:49:37 GMT");
    assert_date(0, "Thu, 01 Jan 1970 00:00:00 GMT");
    assert_date(-1, "Wed, 31 Dec 1969 23:59:59 GMT");
    assert_date(951782400, "Tue, 29 Feb 2000 00:00:00 GMT");
    assert_date(951868799, "Tue, 29 Feb 2000 23:59:59 GMT");
    assert_date(4107542400, "Mon, 01 Mar 2100 00:00:00 GMT");
    assert_date(253402300799, "Fri, 31 Dec 9999 23:59:59 GMT");
}

/* Every 41 hours and some from 1600 to 2500. */
static void agrees_with_gmtime(void **state)
{
    static const char *const days[] = {"Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"};
    static const char *const months[] = {"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                         "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};

    (void)state;
    for (time_t t = -11676096000; t < 16725225600; t += 41 * 3600 + 1861) {
        char want[LC_DATE_LEN + 1], got[LC_DATE_LEN + 1] = {0};
        struct tm tm;

        gmtime_r(&t, &tm);
        strftime(want, sizeof want, "Day, %d Mon %Y %H:%M:%S GMT", &tm);
        memcpy(want, days[tm.tm_wday], 3);
        memcpy(want + 8, months[tm.tm_mon], 3);
        lc_date_http(t, got);
        assert_string_equal(got, want);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(known_seconds),
        cmocka_unit_test(agrees_with_gmtime),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
