/* engine/access_log.h - one line an exchange: what of it the format asks for, into the worker's sink.
 *
 * All under the owner's lock.  Lines are written before the engine waits, when it changes hands, and when a call ends in
 * a thread that does not step: see engine/serve.c. */
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
    bool is_timed; /* the format asks for the duration */
    pid_t pid;
    const struct lc_engine_conf *conf;
    const char *mount,
        *software; /* of the environment: SCRIPT_NAME, SERVER_SOFTWARE; NULL: not set */
    struct lc_access_format format;
    struct lc_sink sink;
};

/* Without a descriptor in conf it stays off.  LC_EINVAL: the format. */
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
static inline bool lc_access_log_is_waiting(const struct lc_access_log *a)
{
    return a->is_on && lc_sink_is_waiting(&a->sink);
}

#endif
