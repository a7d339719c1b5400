/* log/log.c - engine log lines.   Runs in: master and worker, any thread (a line is one write). */
#include "log/log.h"

#include <stdarg.h>
#include <stdio.h>
#include <time.h>
#include <unistd.h>

#define LINE_MAX_BYTES 2048

static const char *level_name(enum lc_level level)
{
    switch (level) {
    case LC_DEBUG_LEVEL:
        return "DEBUG";
    case LC_INFO:
        return "INFO";
    case LC_WARNING:
        return "WARNING";
    case LC_ERROR:
        return "ERROR";
    default:
        return "CRITICAL";
    }
}

static size_t write_prefix(char *line, size_t cap, enum lc_level level)
{
    time_t now = time(NULL);
    struct tm tm;
    char stamp[40];
    int n;

    localtime_r(&now, &tm);
    if (strftime(stamp, sizeof stamp, "%Y-%m-%d %H:%M:%S %z", &tm) == 0)
        stamp[0] = '\0';
    n = snprintf(line, cap, "[%s] [%ld] [%s] ", stamp, (long)getpid(), level_name(level));
    return n > 0 ? (size_t)n : 0;
}

void lc_log_write(const struct lc_log *l, enum lc_level level, const char *fmt, ...)
{
    char line[LINE_MAX_BYTES];
    size_t at;
    va_list ap;
    int n;

    if (l == NULL || (int)level < l->level)
        return;
    at = write_prefix(line, sizeof line, level);
    va_start(ap, fmt);
    n = vsnprintf(line + at, sizeof line - at - 1, fmt, ap);
    va_end(ap);
    if (n < 0)
        return;
    at = LC_MIN(at + (size_t)n, sizeof line - 2);
    line[at++] = '\n';
    if (write(l->fd, line, at) < 0) {
        /* nobody is left to tell */
    }
}

void lc_log_limited(const struct lc_log *l, struct lc_log_limit *lim, uint64_t now_ms,
                    enum lc_level level, const char *text)
{
    if (now_ms < lim->next_ms) {
        lim->held++;
        return;
    }
    if (lim->held > 0)
        lc_log_write(l, level, "%s (%u more like this were not logged)", text, lim->held);
    else
        lc_log_write(l, level, "%s", text);
    lim->held = 0;
    lim->next_ms = now_ms + 1000;
}
