/* super/heartbeat.h - whether a worker still does its work, judged by its words in the board.  Pure.
 *
 * A worker that boots is judged by boot_ms alone, which nobody need set: how long an application takes to import is its
 * own affair. */
#ifndef LC_SUPER_HEARTBEAT_H
#define LC_SUPER_HEARTBEAT_H

#include "stats/board.h"

enum lc_late {
    LC_LATE_NOT,
    LC_LATE_CALL, /* the oldest call that counts */
    LC_LATE_BEAT, /* the whole process */
    LC_LATE_BOOT, /* it has not become ready */
};

struct lc_late_rule {
    uint32_t timeout_ms;  /* 0: nobody is ever late who was ready */
    uint32_t boot_ms;     /* 0: a boot may take any time */
    bool is_call_bounded; /* calls count */
    uint64_t forked_ms;   /* when its process began */
};

/* *since_ms: when it last was as it should be. */
enum lc_late lc_heartbeat_judge(const struct lc_board_slot *s, const struct lc_late_rule *rule,
                                uint64_t now_ms, uint64_t *since_ms);
/* When it would be late if nothing changed; UINT64_MAX: never. */
uint64_t lc_heartbeat_due(const struct lc_board_slot *s, const struct lc_late_rule *rule);

#endif
