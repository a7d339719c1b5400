/* ctl/cmd.h - the table of commands: what words mean, and what is wrong with them.  Pure. */
#ifndef LC_CTL_CMD_H
#define LC_CTL_CMD_H

#include "ctl/proto.h"

enum lc_ctl_verb {
#define X(verb, first, second, arg, usage, help) LC_CTL_##verb,
#include "ctl/cmd.def"
    LC_CTL_VERBS
};

struct lc_ctl_cmd {
    enum lc_ctl_verb verb;
    int64_t number;     /* COUNT: at least 1; PID: as it was given */
    struct lc_str mode; /* MODE */
};

/* LC_EINVAL: error holds why (cap bytes at most, with its NUL). */
LC_MUST_USE enum lc_rc lc_ctl_cmd_parse(const struct lc_ctl_request *r, struct lc_ctl_cmd *cmd,
                                        char *error, size_t cap);
/* "worker add" */
struct lc_str lc_ctl_cmd_words(enum lc_ctl_verb verb);
/* "worker add [N]" */
const char *lc_ctl_cmd_usage(enum lc_ctl_verb verb);
const char *lc_ctl_cmd_help(enum lc_ctl_verb verb);
/* Does it change what the server does? */
bool lc_ctl_cmd_is_order(enum lc_ctl_verb verb);

#endif
