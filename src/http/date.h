/* http/date.h - the Date header's format (RFC 9110 5.6.7, IMF-fixdate). Pure. */
#ifndef LC_HTTP_DATE_H
#define LC_HTTP_DATE_H

#include "base/base.h"

#include <time.h>

#define LC_DATE_LEN 29

/* Writes "Sun, 06 Nov 1994 08:49:37 GMT", no terminator.  English whatever the locale; years 0000
 * to 9999, others wrap. Costs about 20 ns: callers keep the text for the second it is valid. */
void lc_date_http(time_t when, char out[LC_DATE_LEN]);

#endif
