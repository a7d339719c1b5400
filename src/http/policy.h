/* http/policy.h - what a peer may tell us about the client: trusted proxies, scheme headers, names with underscores.
 *
 * Gunicorn's rules (forwarded_allow_ips, secure_scheme_headers, forwarder_headers, header_map).  Built once from the
 * configuration, read-only afterwards.  Protocol-neutral: it works on a parsed struct lc_request. */
#ifndef LC_HTTP_POLICY_H
#define LC_HTTP_POLICY_H

#include "base/base.h"
#include "base/str.h"
#include "http/limits.h"
#include "http/request.h"

#define LC_POLICY_NETS_MAX  256
#define LC_POLICY_NAMES_MAX 64

struct lc_net {
    uint8_t addr[16]; /* IPv4 in the first four bytes */
    uint8_t family;   /* 4 or 6 */
    uint8_t bits;
};

struct lc_policy {
    bool trust_all; /* '*' */
    uint32_t nnets;
    struct lc_net nets[LC_POLICY_NETS_MAX];
    bool forward_all; /* forwarder_headers holds '*' */
    uint32_t nforwarder;
    struct lc_str forwarder[LC_POLICY_NAMES_MAX]; /* upper case, borrowed */
    uint32_t nsecure;
    struct lc_str secure_name[LC_POLICY_NAMES_MAX]; /* upper case, borrowed */
    struct lc_str secure_value[LC_POLICY_NAMES_MAX];
    enum lc_header_map header_map;
};

/* Adds "10.0.0.0/8", "::1", "*" to the trusted peers.  LC_EINVAL when it is no network, LC_ELIMIT when full. */
LC_MUST_USE enum lc_rc lc_policy_trust(struct lc_policy *p, struct lc_str net);
/* Is this peer trusted?  family 4 or 6 with address bytes; unix peers (family 0) always are. */
bool lc_policy_is_trusted(const struct lc_policy *p, int family, const uint8_t *addr);

enum lc_policy_verdict {
    LC_POLICY_HTTP, /* no scheme header, or one that says otherwise */
    LC_POLICY_HTTPS,
    LC_POLICY_NO_SCHEME,     /* no scheme header: the listener's own scheme holds */
    LC_POLICY_CONTRADICTION, /* 400: two scheme headers disagree */
    LC_POLICY_REFUSED /* 400: a name with an underscore under header_map = refuse; *where names it */
};

/* Marks the fields that the application must not see and decides the scheme. */
enum lc_policy_verdict lc_policy_apply(const struct lc_policy *p, struct lc_request *req,
                                       bool is_trusted, struct lc_span *where);

#endif
