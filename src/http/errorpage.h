/* http/errorpage.h - the small HTML answer to a request that never reached the application. Pure.
 */
#ifndef LC_HTTP_ERRORPAGE_H
#define LC_HTTP_ERRORPAGE_H

#include "base/base.h"
#include "base/str.h"

/* Enough for any message of lc_h1_err_text(). */
#define LC_ERRORPAGE_MAX 2048

/* Writes head and body as Gunicorn does: HTTP/1.1, Connection: close, text/html, the message
 * escaped.  An unknown status has the phrase "Error".  Returns the count, no terminator; 0 when cap
 * is too small (nothing useful is there then). */
size_t lc_errorpage_write(int status, struct lc_str message, char *out, size_t cap);

#endif
