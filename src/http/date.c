/* http/date.c - days since 1970 turned into the words of a Date header.
 *
 * Why not gmtime_r and strftime: the names follow the process's locale there, and an application
 * may set one. The calendar is counted in years that begin in March, so that the leap day is the
 * last one. */
#include "http/date.h"

#include <string.h>

enum { DAYS_PER_ERA = 146097 /* 400 years */, DAYS_TO_1970 = 719468 /* from 0000-03-01 */ };

static void put2(char *at, unsigned v)
{
    at[0] = (char)('0' + v / 10);
    at[1] = (char)('0' + v % 10);
}

static void put_clock(char *at, unsigned second)
{
    put2(at, second / 3600);
    put2(at + 3, second / 60 % 60);
    put2(at + 6, second % 60);
}

void lc_date_http(time_t when, char out[LC_DATE_LEN])
{
    static const char week[] = "ThuFriSatSunMonTueWed"; /* 1970-01-01 was a Thursday */
    static const char months[] = "MarAprMayJunJulAugSepOctNovDecJanFeb";
    int64_t t = (int64_t)when;
    int64_t second = ((t % 86400) + 86400) % 86400;
    int64_t days = (t - second) / 86400;
    int64_t shifted = days + DAYS_TO_1970;
    int64_t era = (shifted >= 0 ? shifted : shifted - (DAYS_PER_ERA - 1)) / DAYS_PER_ERA;
    unsigned doe = (unsigned)(shifted - era * DAYS_PER_ERA);
    unsigned yoe = (doe - doe / 1460 + doe / 36524 - doe / 146096) / 365;
    unsigned doy = doe - (365 * yoe + yoe / 4 - yoe / 100);
    unsigned month = (5 * doy + 2) / 153; /* 0 is March */
    int64_t year = era * 400 + yoe + (month >= 10);
    unsigned y = (unsigned)(((year % 10000) + 10000) % 10000);

    memcpy(out, "Day, 00 Mon 0000 00:00:00 GMT", LC_DATE_LEN);
    memcpy(out, week + 3 * (((days % 7) + 7) % 7), 3);
    put2(out + 5, doy - (153 * month + 2) / 5 + 1);
    memcpy(out + 8, months + (size_t)3 * month, 3);
    put2(out + 12, y / 100);
    put2(out + 14, y % 100);
    put_clock(out + 17, (unsigned)second);
}
