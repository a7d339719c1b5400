/* ctl/proto.c - see proto.h.   Runs in: master. */
#include "ctl/proto.h"

enum lc_rc lc_ctl_frame(const char *p, size_t n, struct lc_str *payload)
{
    const unsigned char *u = (const unsigned char *)p;
    uint32_t len;

    if (n < LC_CTL_HEAD)
        return LC_AGAIN;
    len = (uint32_t)u[0] << 24 | (uint32_t)u[1] << 16 | (uint32_t)u[2] << 8 | u[3];
    if (len > LC_CTL_REQUEST_MAX)
        return LC_ELIMIT;
    if (n - LC_CTL_HEAD < len)
        return LC_AGAIN;
    *payload = lc_str_of(p + LC_CTL_HEAD, len);
    return LC_OK;
}

void lc_ctl_frame_head(char head[LC_CTL_HEAD], uint32_t n)
{
    head[0] = (char)(n >> 24);
    head[1] = (char)(n >> 16);
    head[2] = (char)(n >> 8);
    head[3] = (char)n;
}

/* --- the words of a command ----------------------------------------------------------------------------------- */

/* In place: a word is never longer than how it was written. */
struct split {
    char *from, *end, *to;
};

static bool is_space(char c)
{
    return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

/* Past the opening quote.  NULL, or what is wrong. */
static const char *take_quoted(struct split *s, char quote)
{
    while (s->from < s->end && *s->from != quote) {
        if (quote == '"' && *s->from == '\\' && s->from + 1 < s->end &&
            (s->from[1] == '"' || s->from[1] == '\\'))
            s->from++;
        *s->to++ = *s->from++;
    }
    if (s->from == s->end)
        return "Invalid argument: No closing quotation";
    s->from++;
    return NULL;
}

static const char *take_word(struct split *s)
{
    const char *error = NULL;

    while (error == NULL && s->from < s->end && !is_space(*s->from)) {
        char c = *s->from++;

        if (c == '\'' || c == '"') {
            error = take_quoted(s, c);
        } else if (c != '\\') {
            *s->to++ = c;
        } else if (s->from == s->end) {
            error = "Invalid argument: No escaped character";
        } else {
            *s->to++ = *s->from++;
        }
    }
    return error;
}

static enum lc_rc add_word(struct lc_ctl_request *r, const char *p, size_t n)
{
    if (r->nwords == LC_CTL_WORDS_MAX) {
        r->error = "Invalid argument: Too many words";
        return LC_EINVAL;
    }
    r->words[r->nwords++] = lc_str_of(p, n);
    return LC_OK;
}

static enum lc_rc split(struct lc_ctl_request *r, char *p, size_t n)
{
    struct split s = {p, p + n, p};

    for (;;) {
        const char *word = s.to, *error;

        while (s.from < s.end && is_space(*s.from))
            s.from++;
        if (s.from == s.end)
            return LC_OK;
        if ((error = take_word(&s)) != NULL) {
            r->error = error;
            return LC_EINVAL;
        }
        if (add_word(r, word, (size_t)(s.to - word)) != LC_OK)
            return LC_EINVAL;
    }
}

/* --- a request ------------------------------------------------------------------------------------------------ */

struct members {
    struct lc_str id, command, args; /* JSON; p == NULL: not there */
};

static enum lc_rc read_members(struct lc_str payload, struct members *m)
{
    struct lc_json_in in = lc_json_in(payload);

    if (!lc_json_take(&in, '{'))
        return LC_EPROTO;
    if (lc_json_take(&in, '}'))
        return lc_json_is_over(&in) ? LC_OK : LC_EPROTO;
    do {
        struct lc_str name, value, *place = NULL;

        if (lc_json_value(&in, &name) != LC_OK || name.p[0] != '"' || !lc_json_take(&in, ':') ||
            lc_json_value(&in, &value) != LC_OK)
            return LC_EPROTO;
        if (lc_str_eq(name, LC_STR("\"id\"")))
            place = &m->id;
        else if (lc_str_eq(name, LC_STR("\"command\"")))
            place = &m->command;
        else if (lc_str_eq(name, LC_STR("\"args\"")))
            place = &m->args;
        if (place)
            *place = value;
    } while (lc_json_take(&in, ','));
    return lc_json_take(&in, '}') && lc_json_is_over(&in) ? LC_OK : LC_EPROTO;
}

/* They stand behind the command's words, as they are. */
static enum lc_rc add_args(struct lc_ctl_request *r, struct lc_str args, size_t used)
{
    struct lc_json_in in = lc_json_in(args);
    enum lc_rc rc = LC_OK;

    if (args.p == NULL || lc_str_eq(args, LC_STR("null")))
        return LC_OK;
    if (!lc_json_take(&in, '['))
        return LC_EPROTO;
    if (lc_json_take(&in, ']'))
        return LC_OK;
    do {
        char *at = r->text + used;
        size_t n;

        if (lc_json_string(&in, at, sizeof r->text - used, &n) != LC_OK)
            return LC_EPROTO;
        rc = add_word(r, at, n);
        used += n;
    } while (rc == LC_OK && lc_json_take(&in, ','));
    return rc;
}

enum lc_rc lc_ctl_request_parse(struct lc_str payload, struct lc_ctl_request *r)
{
    struct members m = {LC_STR_NULL, LC_STR_NULL, LC_STR_NULL};
    struct lc_json_in in;
    size_t n = 0;
    enum lc_rc rc;

    r->id = LC_STR("0");
    r->nwords = 0;
    r->error = "Not a request: JSON with a command is expected";
    if (read_members(payload, &m) != LC_OK)
        return LC_EPROTO;
    if (m.id.p)
        r->id = m.id;
    in = lc_json_in(m.command);
    if (m.command.p && lc_json_string(&in, r->text, sizeof r->text, &n) != LC_OK)
        return LC_EPROTO;
    if ((rc = split(r, r->text, n)) == LC_OK)
        rc = add_args(r, m.args, n);
    if (rc == LC_OK)
        r->error = NULL;
    return rc;
}

/* --- a reply -------------------------------------------------------------------------------------------------- */

static void put_envelope(struct lc_json *out, const struct lc_ctl_request *r, const char *status)
{
    lc_json_rewind(out, 0);
    lc_json_bytes(out, "\0\0\0\0", LC_CTL_HEAD);
    lc_json_open(out, '{');
    lc_json_key(out, "id");
    lc_json_raw(out, r->id);
    lc_json_key(out, "status");
    lc_json_text(out, status);
}

static enum lc_rc seal(struct lc_json *out)
{
    lc_json_close(out, '}');
    if (out->is_full)
        return LC_ENOMEM;
    lc_ctl_frame_head(out->p, (uint32_t)(out->n - LC_CTL_HEAD));
    return LC_OK;
}

void lc_ctl_reply_begin(struct lc_json *out, const struct lc_ctl_request *r)
{
    put_envelope(out, r, "ok");
    lc_json_key(out, "data");
}

enum lc_rc lc_ctl_reply_end(struct lc_json *out, const struct lc_ctl_request *r)
{
    if (seal(out) == LC_OK)
        return LC_OK;
    return lc_ctl_reply_fail(out, r, "The answer is too long, or there is no memory for it");
}

enum lc_rc lc_ctl_reply_fail(struct lc_json *out, const struct lc_ctl_request *r, const char *error)
{
    put_envelope(out, r, "error");
    lc_json_key(out, "error");
    lc_json_text(out, error);
    return seal(out);
}
