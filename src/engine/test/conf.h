/* engine/test/conf.h - an engine's settings for tests: one thread, mostly defaults, no listeners. */
#ifndef LC_ENGINE_TEST_CONF_H
#define LC_ENGINE_TEST_CONF_H

#include "engine/config.h"
#include "log/log.h"

static inline struct lc_engine_conf lc_test_conf(void)
{
    return (struct lc_engine_conf){
        .limits = {.request_line = 4094,
                   .fields = 100,
                   .field_size = 8190,
                   .body_memory = 65536,
                   .body_file = 1 << 20,
                   .is_body_buffered = true,
                   .out_memory = 1 << 16,
                   .out_file = 1 << 20,
                   .header_ms = 30000,
                   .idle_ms = 75000,
                   .rate_window_ms = 20000,
                   .body_min_rate = 240,
                   .send_min_rate = 240,
                   .linger_ms = 5000},
        .log = {.fd = -1, .level = LC_CRITICAL + 1},
        .conns_max = 100,
        .threads = 1,
        .is_main_called = true,
        .is_inline = true,
        .graceful_ms = 20000,
        .tmp_dir = "/tmp",
        .server = "licorne",
    };
}

#endif
