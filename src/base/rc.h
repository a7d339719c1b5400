/* base/rc.h - result codes.  A result and a count travel apart: `rc = read(..., &n)`. */
#ifndef LC_BASE_RC_H
#define LC_BASE_RC_H

#define LC_MUST_USE __attribute__((warn_unused_result))

enum lc_rc {
    LC_OK = 0,
    LC_AGAIN,  /* nothing now; try when told */
    LC_CLOSED, /* the other side is gone, or end of file where that is final */
    LC_EPROTO, /* bytes that break a protocol's rules */
    LC_ELIMIT, /* a configured bound was met */
    LC_ENOMEM, /* no memory, or no room in a fixed place */
    LC_ENOFD,  /* no descriptors left */
    LC_ENOSPC, /* no disk */
    LC_EINVAL, /* an argument from the application or the configuration is wrong */
    LC_EINTR,  /* a signal asks the caller to look up */
    LC_EUNSUP, /* not built in, or not offered by this system */
    LC_EIO,    /* the system said no for another reason */
    LC_RC_COUNT
};

/* A short lower-case name for logs: "again", "closed", ... */
const char *lc_rc_name(enum lc_rc rc);

#endif
