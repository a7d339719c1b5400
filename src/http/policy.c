/* http/policy.c - trusted peers and what they may say.   Runs in: worker, owner of the engine; pure. */
#include "http/policy.h"

#include <arpa/inet.h>

static enum lc_rc parse_bits(struct lc_str s, int most, uint8_t *out)
{
    int64_t v;

    if (lc_str_to_i64(s, &v) != LC_OK || v > most)
        return LC_EINVAL;
    *out = (uint8_t)v;
    return LC_OK;
}

enum lc_rc lc_policy_trust(struct lc_policy *p, struct lc_str net)
{
    struct lc_net n = {0};
    const char *slash = memchr(net.p, '/', net.n);
    size_t addr_len = slash ? (size_t)(slash - net.p) : net.n;
    char text[INET6_ADDRSTRLEN];
    int most;

    if (lc_str_eq(net, LC_STR("*"))) {
        p->trust_all = true;
        return LC_OK;
    }
    if (addr_len >= sizeof text)
        return LC_EINVAL;
    memcpy(text, net.p, addr_len);
    text[addr_len] = '\0';
    if (inet_pton(AF_INET, text, n.addr) == 1)
        n.family = 4;
    else if (inet_pton(AF_INET6, text, n.addr) == 1)
        n.family = 6;
    else
        return LC_EINVAL;
    most = n.family == 4 ? 32 : 128;
    n.bits = (uint8_t)most;
    if (slash && parse_bits(lc_str_of(slash + 1, net.n - addr_len - 1), most, &n.bits) != LC_OK)
        return LC_EINVAL;
    if (p->nnets == LC_POLICY_NETS_MAX)
        return LC_ELIMIT;
    p->nets[p->nnets++] = n;
    return LC_OK;
}

static bool is_inside(const struct lc_net *n, const uint8_t *addr)
{
    size_t whole = n->bits / 8;
    unsigned rest = n->bits % 8;

    if (memcmp(n->addr, addr, whole) != 0)
        return false;
    return rest == 0 || ((n->addr[whole] ^ addr[whole]) >> (8 - rest)) == 0;
}

bool lc_policy_is_trusted(const struct lc_policy *p, int family, const uint8_t *addr)
{
    if (p->trust_all || family == 0)
        return true;
    for (uint32_t i = 0; i < p->nnets; i++) {
        if (p->nets[i].family == family && is_inside(&p->nets[i], addr))
            return true;
    }
    return false;
}

static bool is_listed(const struct lc_str *names, uint32_t n, struct lc_str name, uint32_t *at)
{
    for (uint32_t i = 0; i < n; i++) {
        if (lc_str_ieq(names[i], name)) {
            *at = i;
            return true;
        }
    }
    return false;
}

static bool may_forward(const struct lc_policy *p, struct lc_str name)
{
    uint32_t at;

    return p->forward_all || is_listed(p->forwarder, p->nforwarder, name, &at);
}

/* HTTP_X_Y may come from "X-Y" or from "X_Y": a client behind a proxy must not be able to say the second. */
static bool judge_underscore(const struct lc_policy *p, const struct lc_request *req,
                             struct lc_field *f, bool is_trusted)
{
    if (is_trusted && may_forward(p, lc_req_text(req, f->name)))
        return true;
    if (p->header_map == LC_MAP_REFUSE)
        return false;
    if (p->header_map == LC_MAP_DROP)
        f->flags |= LC_FIELD_DROPPED;
    return true;
}

enum lc_policy_verdict lc_policy_apply(const struct lc_policy *p, struct lc_request *req,
                                       bool is_trusted, struct lc_span *where)
{
    enum lc_policy_verdict scheme = LC_POLICY_NO_SCHEME, said;
    uint32_t at;

    for (uint32_t i = 0; i < req->nfields; i++) {
        struct lc_field *f = &req->fields[i];

        if (LC_UNLIKELY(f->flags & LC_FIELD_UNDERSCORE) &&
            !judge_underscore(p, req, f, is_trusted)) {
            *where = f->name;
            return LC_POLICY_REFUSED;
        }
        if (!is_trusted || !is_listed(p->secure_name, p->nsecure, lc_req_text(req, f->name), &at))
            continue;
        said = lc_str_eq(lc_req_text(req, f->value), p->secure_value[at]) ? LC_POLICY_HTTPS
                                                                          : LC_POLICY_HTTP;
        if (scheme != LC_POLICY_NO_SCHEME && scheme != said)
            return LC_POLICY_CONTRADICTION;
        scheme = said;
    }
    return scheme;
}
