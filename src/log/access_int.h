/* log/access_int.h - a format's operations, as the files of its compiler and of its lines share them. */
#ifndef LC_LOG_ACCESS_INT_H
#define LC_LOG_ACCESS_INT_H

#include "log/access.h"

/* What an operation writes.  Below these: that text of the record. */
enum lc_access_what {
    LC_OP_LITERAL = LC_ACCESS_TEXTS,
    LC_OP_NOTHING, /* an atom that nobody knows: "-" */
    LC_OP_LINE,
    LC_OP_USER,
    LC_OP_STAMP,
    LC_OP_STATUS,
    LC_OP_SENT,
    LC_OP_SECONDS,
    LC_OP_MILLIS,
    LC_OP_MICROS,
    LC_OP_DECIMAL,
    LC_OP_PID,
    LC_OP_NAMED,
};

struct lc_access_op {
    uint8_t what;
    uint8_t from; /* of LC_OP_NAMED: enum lc_access_source */
    bool is_left, is_zero, is_quoted, is_plain;
    uint16_t width;
    uint16_t precision; /* UINT16_MAX: none */
    struct lc_str text; /* of LC_OP_LITERAL, and the name of LC_OP_NAMED */
};

#endif
