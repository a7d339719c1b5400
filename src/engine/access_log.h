/* engine/access_log.h - one line an exchange: what of it the format asks for, into the worker's sink.
 *
 * All under the owner's lock.  Lines are written before the engine waits, when it changes hands, and when a call ends in
 * a thread that does not step: see engine/serve.c.  A write costs as much as some lines do, so there is at most one a
 * wake-up, and of many wake-ups within a millisecond the last one's lines wait for the next. */
#ifndef LC_ENGINE_ACCESS_LOG_H
#define LC_ENGINE_ACCESS_LOG_H

#include "engine/config.h"
#include "http/exchange.h"
#include "log/access.h"
#include "log/sink.h"

#define LC_ACCESS_LOG_SOON_MS \
    50 /* how long the engine waits at most while lines wait for their reader */

struct lc_access_log {
    bool is_on;
    bool is_timed; /* the duration is asked for */
    bool has_sink; /* lines are made here; else by conf->access_take */
    pid_t pid;
    uint64_t held_ms; /* when lines were first left for the next wake-up; 0: none are */
    const struct lc_engine_conf *conf;
    const char *mount,
        *software; /* of the environment: SCRIPT_NAME, SERVER_SOFTWARE; NULL: not set */
    struct lc_access_format format;
    struct lc_sink sink;
};

/* Without a descriptor and without a taker in conf it stays off.  LC_EINVAL: the format. */
LC_MUST_USE enum lc_rc lc_access_log_open(struct lc_access_log *a,
                                          const struct lc_engine_conf *conf);
void lc_access_log_close(struct lc_access_log *a, uint64_t patience_ms);
/* An exchange has ended. */
void lc_access_log_ended(struct lc_access_log *a, struct lc_exchange *x,
                         const struct lc_exchange_end *end);
static inline void lc_access_log_flush(struct lc_access_log *a, uint64_t now_ms)
{
    if (a->is_on)
        lc_sink_flush(&a->sink, now_ms);
}
/* Before a wait of at most most_ms: lines that have been here since an earlier millisecond are written; younger ones may
 * get company, if the wait is short.  Returns how long it may be. */
int lc_access_log_before_wait(struct lc_access_log *a, uint64_t now_ms, int most_ms);

#endif
