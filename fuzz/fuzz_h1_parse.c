/* fuzz/fuzz_h1_parse.c - request heads and trailer sections, held against the slow model and
 * against themselves in pieces.
 *
 * Input: one byte of grammar switches ('@': none), one of limits and mode ('@': defaults), then the
 * bytes on the wire. */
#include "../src/http1/test/cuts.h"
#include "../src/http1/test/model.h"
#include "http/errorpage.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { TEXT_MAX = 1024 };

static struct lc_limits limits_of(unsigned switches, unsigned mode)
{
    static const uint32_t profiles[4][3] = {
        {4094, 100, 8190}, {64, 4, 48}, {0, FEED_FIELDS_MAX, 0}, {18, 1, 18}};
    const uint32_t *profile = profiles[mode & 3];

    return (struct lc_limits){
        .request_line = profile[0],
        .fields = profile[1],
        .field_size = profile[2],
        .permit_obsolete_folding = (switches & 1) != 0,
        .strip_header_spaces = (switches & 2) != 0,
        .permit_unconventional_http_method = (switches & 4) != 0,
        .permit_unconventional_http_version = (switches & 8) != 0,
        .casefold_http_method = (switches & 16) != 0,
        .strict_host = (switches & 32) != 0,
    };
}

/* Messages are printable and bounded, and fit the error page. */
static void check_message(const struct head_outcome *o)
{
    char text[TEXT_MAX], page[LC_ERRORPAGE_MAX];
    size_t n = lc_h1_err_text(&o->ps, o->req.base, text, sizeof text);

    LC_CHECK(n < sizeof text - 1 && text[n] == '\0' && strlen(text) == n);
    for (size_t i = 0; i < n; i++)
        LC_CHECK(text[i] >= 0x20 && text[i] < 0x7f);
    LC_CHECK(lc_h1_err_log(&o->ps, o->req.base, text, 8) < 8);
    n = lc_h1_err_log(&o->ps, o->req.base, text, sizeof text);
    LC_CHECK(lc_h1_err_status(o->ps.err) >= 400);
    LC_CHECK(
        lc_errorpage_write(lc_h1_err_status(o->ps.err), lc_str_of(text, n), page, sizeof page) > n);
}

static void check_folds(const struct head_outcome *o)
{
    for (uint32_t i = 0; i < o->req.nfields; i++) {
        struct lc_str raw = lc_req_text(&o->req, o->fields[i].value);
        char *plain = malloc(raw.n + 1);
        size_t n;

        LC_CHECK(plain != NULL);
        n = lc_field_unfold(raw, plain);
        LC_CHECK(n <= raw.n && lc_is_field_value(plain, n));
        LC_CHECK((o->fields[i].flags & LC_FIELD_FOLDED) || n == raw.n);
        free(plain);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct head_outcome whole, pieces,
        model; /* too large for the stack of a sanitized build */
    struct lc_limits limits;
    struct lc_str in;
    size_t cuts[CUTS_MAX], ncuts;
    bool is_trailers;

    if (size < 2)
        return 0;
    limits = limits_of(data[0], data[1]);
    is_trailers = (data[1] & 4) != 0;
    in = lc_str_of((const char *)data + 2, size - 2);
    whole = (struct head_outcome){.is_trailers = is_trailers, .cap_first = FEED_FIELDS_MAX};
    pieces = (struct head_outcome){.is_trailers = is_trailers, .cap_first = 0};
    model = (struct head_outcome){.is_trailers = is_trailers};
    ncuts = cuts_from(in, data[1] >> 3, cuts);

    feed_head(&whole, &limits, in, NULL, 0);
    feed_head(&pieces, &limits, in, cuts, ncuts);
    model_head(&model, &limits, in);
    LC_CHECK(head_difference(&whole, &pieces) == NULL);
    LC_CHECK(whole.rc != LC_EPROTO || (model.ps.where = whole.ps.where, true));
    LC_CHECK(head_difference(&whole, &model) == NULL);
    LC_CHECK(head_violation(&whole, &limits, in.n) == NULL);
    LC_CHECK(head_violation(&pieces, &limits, in.n) == NULL);
    if (whole.rc == LC_EPROTO || whole.rc == LC_ELIMIT)
        check_message(&whole);
    if (whole.rc == LC_OK)
        check_folds(&whole);
    return 0;
}
