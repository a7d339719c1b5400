/* http/limits.h - every bound on what a client may make us hold or wait for: default and answer.
 *
 * Filled once from the configuration, read-only afterwards.  0 means what its comment says. */
#ifndef LC_HTTP_LIMITS_H
#define LC_HTTP_LIMITS_H

#include <stdbool.h>
#include <stdint.h>

enum lc_header_map { LC_MAP_DROP = 0, LC_MAP_REFUSE, LC_MAP_DANGEROUS };

struct lc_limits {
    uint32_t request_line; /* bytes without CRLF, 4094; 0 means 1 MiB; above: 414 */
    uint32_t fields;       /* 100; 0 or > 32768 means 32768; above: 431 */
    uint32_t field_size;   /* name + ": " + value + CRLF, 8190; 0 means 8190; above: 431 */
    int64_t body;          /* bytes, 0 = no bound; above: 413 */
    uint32_t body_memory;  /* a body up to this waits in memory, 64 KiB */
    int64_t body_file; /* ... up to this in an unlinked file, 16 MiB; larger ones are streamed */
    bool is_body_buffered; /* false: every body is streamed */
    uint32_t out_memory;   /* produced but unsent bytes in memory, 1 MiB */
    int64_t out_file;   /* ... then in an unlinked file, 256 MiB; beyond it the application waits */
    uint32_t header_ms; /* a head must be complete within, 30 s: 408 */
    uint32_t idle_ms;   /* keepalive: between requests, 75 s: closed silently */
    uint32_t rate_window_ms; /* progress of bodies and sends is judged once in this time, 20 s */
    uint32_t body_min_rate;  /* bytes a second, 240: 408 below it; 0 = not judged */
    uint32_t send_min_rate;  /* bytes a second, 240: closed below it; 0 = not judged */
    uint32_t linger_ms; /* how long an early answer waits for the client to stop sending, 5 s */
    /* Grammar switches, Gunicorn's names. */
    bool permit_obsolete_folding;
    bool strip_header_spaces;
    bool permit_unconventional_http_method;
    bool permit_unconventional_http_version;
    bool casefold_http_method;
    bool strict_host;              /* HTTP/1.1 without Host: 400 */
    enum lc_header_map header_map; /* what becomes of names with an underscore */
};

#endif
