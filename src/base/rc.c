/* base/rc.c - the names of result codes, for logs and tests. */
#include "base/rc.h"

#include "base/base.h"

static const char *const rc_names[LC_RC_COUNT] = {
    [LC_OK] = "ok",        [LC_AGAIN] = "again",  [LC_CLOSED] = "closed", [LC_EPROTO] = "proto",
    [LC_ELIMIT] = "limit", [LC_ENOMEM] = "nomem", [LC_ENOFD] = "nofd",    [LC_ENOSPC] = "nospc",
    [LC_EINVAL] = "inval", [LC_EINTR] = "intr",   [LC_EUNSUP] = "unsup",  [LC_EIO] = "io",
};

const char *lc_rc_name(enum lc_rc rc)
{
    return (unsigned)rc < LC_RC_COUNT ? rc_names[rc] : "unknown";
}
