/* Who is trusted, and what a trusted peer may say. */
#include "base/test/support.h"

#include "http/policy.h"

#include <arpa/inet.h>
#include <string.h>

struct net_row {
    const char *net, *addr;
    bool is_inside;
};

static const struct net_row nets[] = {
    {"127.0.0.1", "127.0.0.1", true},
    {"127.0.0.1", "127.0.0.2", false},
    {"10.0.0.0/8", "10.255.1.2", true},
    {"10.0.0.0/8", "11.0.0.0", false},
    {"10.0.0.0/9", "10.127.255.255", true},
    {"10.0.0.0/9", "10.128.0.0", false},
    {"10.0.0.1/31", "10.0.0.0", true},
    {"10.0.0.1/31", "10.0.0.2", false},
    {"10.0.0.1/32", "10.0.0.1", true},
    {"10.0.0.1/32", "10.0.0.0", false},
    {"0.0.0.0/0", "255.1.2.3", true},
    {"0.0.0.0/0", "::1", false},
    {"::1", "::1", true},
    {"::1", "::2", false},
    {"::1", "127.0.0.1", false},
    {"fd00::/8", "fdff::1", true},
    {"fd00::/8", "fe00::1", false},
    {"2001:db8::/33", "2001:db8:7fff::", true},
    {"2001:db8::/33", "2001:db8:8000::", false},
    {"::/0", "1::1", true},
    {"*", "1.2.3.4", true},
    {"*", "::5", true},
};

static bool trusts(const struct lc_policy *p, const char *addr)
{
    uint8_t bytes[16];
    int family = strchr(addr, ':') ? 6 : 4;

    assert_int_equal(inet_pton(family == 6 ? AF_INET6 : AF_INET, addr, bytes), 1);
    return lc_policy_is_trusted(p, family, bytes);
}

static void a_network_covers_its_addresses(void **state)
{
    (void)state;
    for (size_t i = 0; i < LC_ARRAY_LEN(nets); i++) {
        struct lc_policy p = {0};

        assert_int_equal(lc_policy_trust(&p, lc_str_of(nets[i].net, strlen(nets[i].net))), LC_OK);
        assert_int_equal(trusts(&p, nets[i].addr), nets[i].is_inside);
    }
}

static void nobody_is_trusted_by_default_but_unix_peers(void **state)
{
    struct lc_policy p = {0};

    (void)state;
    assert_false(trusts(&p, "127.0.0.1"));
    assert_true(lc_policy_is_trusted(&p, 0, NULL));
}

static void what_is_no_network_is_refused(void **state)
{
    static const char *const bad[] = {"",         "localhost",  "1.2.3",     "1.2.3.4/33",
                                      "1.2.3.4/", "1.2.3.4/-1", "::1/129",   "1.2.3.4/8/8",
                                      " 1.2.3.4", "1.2.3.4 ",   "::g",       "1.2.3.4/a",
                                      "/8",       "**",         "1.2.3.256", "1.2.3.4/+8"};
    struct lc_policy p = {0};

    (void)state;
    for (size_t i = 0; i < LC_ARRAY_LEN(bad); i++)
        assert_int_equal(lc_policy_trust(&p, lc_str_of(bad[i], strlen(bad[i]))), LC_EINVAL);
    assert_int_equal(p.nnets, 0);
}

static void the_list_has_a_bound(void **state)
{
    struct lc_policy p = {0};

    (void)state;
    for (int i = 0; i < LC_POLICY_NETS_MAX; i++)
        assert_int_equal(lc_policy_trust(&p, LC_STR("10.0.0.0/8")), LC_OK);
    assert_int_equal(lc_policy_trust(&p, LC_STR("10.0.0.0/8")), LC_ELIMIT);
}

/* A request of fields "Name: value" only. */
struct fields {
    char text[512];
    struct lc_field v[8];
    struct lc_request req;
};

static void add(struct fields *f, const char *name, const char *value)
{
    struct lc_field *at = &f->v[f->req.nfields++];
    uint32_t off = f->req.nfields > 1 ? at[-1].value.off + at[-1].value.len : 0;

    *at = (struct lc_field){.name = {off, (uint32_t)strlen(name)}};
    at->value = (struct lc_span){off + at->name.len, (uint32_t)strlen(value)};
    memcpy(f->text + off, name, at->name.len);
    memcpy(f->text + at->value.off, value, at->value.len);
    at->token = (uint16_t)lc_token_find(name, strlen(name));
    at->flags = strchr(name, '_') ? LC_FIELD_UNDERSCORE : 0;
    f->req.base = f->text;
    f->req.fields = f->v;
}

struct underscore_row {
    enum lc_header_map map;
    bool is_trusted;
    const char *forwarder; /* NULL: none, "*": all */
    enum lc_policy_verdict verdict;
    bool is_dropped;
};

static const struct underscore_row underscores[] = {
    {LC_MAP_DROP, false, NULL, LC_POLICY_NO_SCHEME, true},
    {LC_MAP_REFUSE, false, NULL, LC_POLICY_REFUSED, false},
    {LC_MAP_DANGEROUS, false, NULL, LC_POLICY_NO_SCHEME, false},
    {LC_MAP_DROP, true, NULL, LC_POLICY_NO_SCHEME, true},
    {LC_MAP_DROP, true, "SCRIPT_NAME", LC_POLICY_NO_SCHEME, false},
    {LC_MAP_DROP, true, "OTHER_NAME", LC_POLICY_NO_SCHEME, true},
    {LC_MAP_DROP, false, "SCRIPT_NAME", LC_POLICY_NO_SCHEME, true},
    {LC_MAP_REFUSE, true, "SCRIPT_NAME", LC_POLICY_NO_SCHEME, false},
    {LC_MAP_REFUSE, true, "OTHER_NAME", LC_POLICY_REFUSED, false},
    {LC_MAP_DROP, true, "*", LC_POLICY_NO_SCHEME, false},
    {LC_MAP_DROP, false, "*", LC_POLICY_NO_SCHEME, true},
};

static void names_with_underscores_follow_the_map(void **state)
{
    (void)state;
    for (size_t i = 0; i < LC_ARRAY_LEN(underscores); i++) {
        const struct underscore_row *r = &underscores[i];
        struct lc_policy p = {.header_map = r->map};
        struct fields f = {.req = {.nfields = 0}};
        struct lc_span where = {0};

        if (r->forwarder && strcmp(r->forwarder, "*") == 0)
            p.forward_all = true;
        else if (r->forwarder)
            p.forwarder[p.nforwarder++] = lc_str_of(r->forwarder, strlen(r->forwarder));
        add(&f, "Accept", "a");
        add(&f, "Script_name", "/x");
        assert_int_equal(lc_policy_apply(&p, &f.req, r->is_trusted, &where), r->verdict);
        assert_int_equal((f.v[1].flags & LC_FIELD_DROPPED) != 0, r->is_dropped);
        assert_int_equal(f.v[0].flags & LC_FIELD_DROPPED, 0);
        if (r->verdict == LC_POLICY_REFUSED)
            assert_int_equal(where.off, f.v[1].name.off);
    }
}

struct scheme_row {
    const char *proto, *ssl, *own;
    bool is_trusted;
    enum lc_policy_verdict verdict;
};

static const struct scheme_row schemes[] = {
    {NULL, NULL, NULL, true, LC_POLICY_NO_SCHEME},
    {"https", NULL, NULL, true, LC_POLICY_HTTPS},
    {"http", NULL, NULL, true, LC_POLICY_HTTP},
    {"HTTPS", NULL, NULL, true, LC_POLICY_HTTP},
    {"https", NULL, NULL, false, LC_POLICY_NO_SCHEME},
    {"https", "on", NULL, true, LC_POLICY_HTTPS},
    {"https", "off", NULL, true, LC_POLICY_CONTRADICTION},
    {"https", "off", NULL, false, LC_POLICY_NO_SCHEME},
    {"http", "off", NULL, true, LC_POLICY_HTTP},
    {NULL, NULL, "yes", true, LC_POLICY_HTTPS},
    {NULL, "on", "no", true, LC_POLICY_CONTRADICTION},
};

static void the_scheme_is_a_trusted_peer_s_word(void **state)
{
    struct lc_policy p = {.nsecure = 3};

    (void)state;
    p.secure_name[0] = LC_STR("X-FORWARDED-PROTO");
    p.secure_value[0] = LC_STR("https");
    p.secure_name[1] = LC_STR("X-FORWARDED-SSL");
    p.secure_value[1] = LC_STR("on");
    p.secure_name[2] = LC_STR("MY-OWN");
    p.secure_value[2] = LC_STR("yes");
    for (size_t i = 0; i < LC_ARRAY_LEN(schemes); i++) {
        const struct scheme_row *r = &schemes[i];
        struct fields f = {.req = {.nfields = 0}};
        struct lc_span where;

        add(&f, "Host", "h");
        if (r->proto)
            add(&f, "x-forwarded-proto", r->proto);
        if (r->ssl)
            add(&f, "X-Forwarded-Ssl", r->ssl);
        if (r->own)
            add(&f, "My-Own", r->own);
        assert_int_equal(lc_policy_apply(&p, &f.req, r->is_trusted, &where), r->verdict);
    }
}

#define EACH(name) cmocka_unit_test(name)

int main(void)
{
    const struct CMUnitTest tests[] = {
        EACH(a_network_covers_its_addresses),
        EACH(nobody_is_trusted_by_default_but_unix_peers),
        EACH(what_is_no_network_is_refused),
        EACH(the_list_has_a_bound),
        EACH(names_with_underscores_follow_the_map),
        EACH(the_scheme_is_a_trusted_peer_s_word),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
