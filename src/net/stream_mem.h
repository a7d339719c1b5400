/* net/stream_mem.h - a connection without a socket: tests and fuzz targets put bytes in and look at what comes out. */
#ifndef LC_NET_STREAM_MEM_H
#define LC_NET_STREAM_MEM_H

#include "net/stream.h"

struct lc_stream_mem {
    const char *in; /* borrowed; what the peer sent */
    size_t in_len, in_at;
    size_t read_max;  /* at most so many bytes a read, 0 = all */
    bool is_in_ended; /* after the last byte: orderly end instead of LC_AGAIN */
    char *out;        /* grows by malloc; what was sent to the peer */
    size_t out_len, out_cap;
    size_t write_room; /* bytes that writes may still take before LC_AGAIN; SIZE_MAX = no bound */
    bool is_write_shut, is_closed, is_peer_gone;
};

void lc_stream_mem_init(struct lc_stream *s, struct lc_stream_mem *m);
void lc_stream_mem_fini(struct lc_stream_mem *m);

#endif
