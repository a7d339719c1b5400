/* fuzz/fuzz_uri.c - request targets against the slow reader, and percent-decoding against the
 * plainest loop.
 *
 * Input: one byte for the method ('O': OPTIONS, 'C': CONNECT, else another), then the target. */
#include "../src/http1/test/model.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static bool same_part(struct lc_str a, struct lc_str b)
{
    return a.n == b.n && (a.n == 0 || a.p == b.p);
}

static void check_inside(struct lc_str part, struct lc_str whole)
{
    LC_CHECK(part.n == 0 || (part.p >= whole.p && part.p + part.n <= whole.p + whole.n));
}

static void check_split(struct lc_str target, char method)
{
    struct lc_uri uri, model;
    enum lc_rc rc = lc_uri_split(target, method == 'C', method == 'O', &uri);

    LC_CHECK(rc == model_uri(target, method == 'C', method == 'O', &model));
    if (rc != LC_OK)
        return;
    LC_CHECK(uri.form == model.form && same_part(uri.path, model.path) &&
             same_part(uri.query, model.query));
    LC_CHECK(same_part(uri.authority, model.authority));
    check_inside(uri.path, target);
    check_inside(uri.query, target);
    check_inside(uri.authority, target);
    LC_CHECK(uri.form == LC_TARGET_AUTHORITY || uri.form == LC_TARGET_ASTERISK ||
             uri.path.p[0] == '/');
}

static int digit_of(char c)
{
    const char *digits = "0123456789abcdef0123456789ABCDEF",
               *at = c == 0 ? NULL : strchr(digits, c);

    return at == NULL ? -1 : (int)((at - digits) % 16);
}

static size_t decode_plainly(struct lc_str s, char *dst)
{
    size_t n = 0;

    for (size_t i = 0; i < s.n; i++) {
        bool is_coded =
            s.p[i] == '%' && i + 2 < s.n && digit_of(s.p[i + 1]) >= 0 && digit_of(s.p[i + 2]) >= 0;

        dst[n++] = is_coded ? (char)(digit_of(s.p[i + 1]) * 16 + digit_of(s.p[i + 2])) : s.p[i];
        i += is_coded ? 2 : 0;
    }
    return n;
}

static void check_decode(struct lc_str s)
{
    char *apart = malloc(s.n + 1), *plain = malloc(s.n + 1), *in_place = malloc(s.n + 1);
    size_t n;

    LC_CHECK(apart != NULL && plain != NULL && in_place != NULL);
    memcpy(in_place, s.p, s.n);
    n = lc_uri_decode(s, apart);
    LC_CHECK(n <= s.n && n == decode_plainly(s, plain) && memcmp(apart, plain, n) == 0);
    LC_CHECK(lc_uri_decode(lc_str_of(in_place, s.n), in_place) == n &&
             memcmp(in_place, plain, n) == 0);
    free(apart);
    free(plain);
    free(in_place);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct lc_str target;

    if (size < 1)
        return 0;
    target = lc_str_of((const char *)data + 1, size - 1);
    check_split(target, (char)data[0]);
    check_decode(target);
    return 0;
}
