/* log/log.h - the engine's own log lines, in Gunicorn's format, one write(2) a line.
 *
 *     [2026-11-21 05:08:28 +0000] [22548] [WARNING] Invalid request from ip=127.0.0.1: ...
 *
 * Lines that a peer can provoke go through lc_log_limited: at most one a second per call site's lc_log_limit, with
 * the number of those that were held back.  A log that cannot be written is given up silently: requests go on. */
#ifndef LC_LOG_LOG_H
#define LC_LOG_LOG_H

#include "base/base.h"

enum lc_level {
    LC_DEBUG_LEVEL = 10,
    LC_INFO = 20,
    LC_WARNING = 30,
    LC_ERROR = 40,
    LC_CRITICAL = 50
};

struct lc_log {
    int fd;    /* borrowed */
    int level; /* lines below are not written */
};

struct lc_log_limit {
    uint64_t next_ms; /* no line before this */
    uint32_t held;    /* lines not written since the last one */
};

void lc_log_write(const struct lc_log *l, enum lc_level level, const char *fmt, ...)
    LC_PRINTF(3, 4);
void lc_log_limited(const struct lc_log *l, struct lc_log_limit *lim, uint64_t now_ms,
                    enum lc_level level, const char *text);

#endif
