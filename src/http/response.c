/* http/response.c - judging and serialising an answer's head.   Runs in: worker, owner of the engine; pure. */
#include "http/response.h"

#include "http/token.h"

void lc_response_init(struct lc_response *r, struct lc_pool *pool)
{
    r->block = (struct lc_buf){0};
    r->pool = pool;
    r->status = 0;
    r->line_len = 0;
    r->content_length = -1;
    r->sent = 0;
    r->is_started = r->is_head_sent = r->is_bodiless = r->is_chunked = false;
    r->is_upgrade = r->was_dropped_told = false;
}

void lc_response_fini(struct lc_response *r)
{
    lc_buf_release(&r->block, r->pool);
}

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

/* Three digits, then nothing, or a space and a reason without control characters. */
static bool is_status_line(struct lc_str s)
{
    if (s.n < 3 || !is_digit(s.p[0]) || !is_digit(s.p[1]) || !is_digit(s.p[2]) || s.p[0] == '0')
        return false;
    if (s.n == 3)
        return true;
    return s.p[3] == ' ' && lc_is_field_value(s.p + 4, s.n - 4);
}

static bool status_has_body(int status)
{
    return status >= 200 && status != 204 && status != 304;
}

enum lc_rc lc_response_begin(struct lc_response *r, struct lc_str line, bool is_head_request)
{
    enum lc_rc rc;

    if (line.n >= LC_STATUS_MAX || !is_status_line(line))
        return LC_EINVAL;
    if ((rc = lc_buf_reserve(&r->block, r->pool, LC_HEAD_ROOM + 1, LC_HEAD_MAX)) != LC_OK)
        return rc;
    r->block.len = LC_HEAD_ROOM;
    r->status = (line.p[0] - '0') * 100 + (line.p[1] - '0') * 10 + (line.p[2] - '0');
    memcpy(r->line, line.p, line.n);
    r->line_len = (uint16_t)line.n;
    if (line.n == 3)
        r->line[r->line_len++] = ' '; /* RFC 9112 4: the space stays where the reason is empty */
    r->content_length = -1;
    r->is_upgrade = false;
    r->is_bodiless = is_head_request || !status_has_body(r->status);
    r->is_started = true;
    return LC_OK;
}

enum field_role { FIELD_PLAIN, FIELD_LENGTH, FIELD_CONNECTION, FIELD_UPGRADE, FIELD_HOP };

static enum field_role pick(struct lc_str name, struct lc_str want, enum field_role role)
{
    return lc_str_ieq(name, want) ? role : FIELD_PLAIN;
}

/* By length first: most names end here without a compare. */
static enum field_role role_of(struct lc_str name)
{
    switch (name.n) {
    case 2:
        return pick(name, LC_STR("te"), FIELD_HOP);
    case 4:
        return pick(name, LC_STR("date"), FIELD_HOP);
    case 6:
        return pick(name, LC_STR("server"), FIELD_HOP);
    case 7:
        return pick(name, LC_STR("upgrade"), FIELD_UPGRADE);
    case 8:
        return pick(name, LC_STR("trailers"), FIELD_HOP);
    case 10:
        if (lc_ascii_lower(name.p[0]) == 'c')
            return pick(name, LC_STR("connection"), FIELD_CONNECTION);
        return pick(name, LC_STR("keep-alive"), FIELD_HOP);
    case 14:
        return pick(name, LC_STR("content-length"), FIELD_LENGTH);
    case 17:
        return pick(name, LC_STR("transfer-encoding"), FIELD_HOP);
    case 18:
        return pick(name, LC_STR("proxy-authenticate"), FIELD_HOP);
    case 19:
        return pick(name, LC_STR("proxy-authorization"), FIELD_HOP);
    default:
        return FIELD_PLAIN;
    }
}

static enum lc_rc append_field(struct lc_response *r, struct lc_str name, struct lc_str value)
{
    size_t need = (size_t)r->block.len + name.n + value.n + 4;
    enum lc_rc rc;
    char *at;

    if (need > LC_HEAD_MAX)
        return LC_ELIMIT;
    if (need > r->block.cap &&
        (rc = lc_buf_reserve(&r->block, r->pool, need, LC_HEAD_MAX)) != LC_OK)
        return rc;
    at = r->block.p + r->block.len;
    memcpy(at, name.p, name.n);
    at += name.n;
    *at++ = ':';
    *at++ = ' ';
    memcpy(at, value.p, value.n);
    at += value.n;
    *at++ = '\r';
    *at++ = '\n';
    r->block.len = (uint32_t)need;
    return LC_OK;
}

static enum lc_rc take_length(struct lc_response *r, struct lc_str name, struct lc_str value)
{
    int64_t n;

    if (lc_str_to_i64(value, &n) != LC_OK)
        return LC_EINVAL;
    if (r->content_length >= 0)
        return r->content_length == n ? LC_OK : LC_EINVAL; /* twice the same: once is enough */
    r->content_length = n;
    if (r->status < 200 || r->status == 204)
        return LC_OK; /* RFC 9110 8.6: must not be there */
    return append_field(r, name, value);
}

static void take_connection(struct lc_response *r, struct lc_str value)
{
    struct lc_str rest = value, word;

    while (lc_str_next_element(&rest, &word)) {
        if (lc_str_ieq(word, LC_STR("upgrade")))
            r->is_upgrade = true;
    }
}

enum lc_rc lc_response_field(struct lc_response *r, struct lc_str name, struct lc_str value)
{
    value = lc_str_trim(value);
    if (!lc_is_token(name.p, name.n) || !lc_is_field_value(value.p, value.n))
        return LC_EINVAL;
    switch (role_of(name)) {
    case FIELD_LENGTH:
        return take_length(r, name, value);
    case FIELD_CONNECTION:
        take_connection(r, value);
        return LC_OK;
    case FIELD_UPGRADE:
        return lc_str_ieq(value, LC_STR("websocket")) ? append_field(r, name, value) : LC_OK;
    case FIELD_HOP:
        return LC_OK;
    default:
        return append_field(r, name, value);
    }
}

size_t lc_response_clip(struct lc_response *r, size_t n)
{
    if (r->content_length >= 0 && (int64_t)n > r->content_length - r->sent)
        n = (size_t)(r->content_length - r->sent);
    r->sent += (int64_t)n;
    return n;
}
