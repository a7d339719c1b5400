/* ctl/cmd.c - see cmd.h.   Runs in: master. */
#include "ctl/cmd.h"

#include <stdio.h>

enum arg { NONE, COUNT, PID, MODE };

static const struct row {
    struct lc_str first, second;
    enum arg arg;
    struct lc_str words;
    const char *usage, *help;
} rows[LC_CTL_VERBS] = {
#define X(verb, first, second, arg, usage, help) \
    [LC_CTL_##verb] = {LC_STR(first), LC_STR(second), arg, LC_STR(first " " second), usage, help},
#include "ctl/cmd.def"
};

static enum lc_rc wrong(char *error, size_t cap, const char *what, struct lc_str word)
{
    snprintf(error, cap, "Invalid argument: %s%.*s", what, (int)LC_MIN(word.n, 100), word.p);
    return LC_EINVAL;
}

/* The second words that follow this first one: "add|remove|kill". */
static void list_seconds(struct lc_str first, char *out, size_t cap)
{
    size_t n = 0;

    for (size_t i = 0; i < LC_CTL_VERBS && n < cap; i++) {
        if (!lc_str_ieq(rows[i].first, first) || rows[i].second.n == 0)
            continue;
        n += (size_t)snprintf(out + n, cap - n, "%s%s", n ? "|" : "", rows[i].second.p);
    }
}

static enum lc_rc no_such(const struct lc_ctl_request *r, const struct row *close, char *error,
                          size_t cap)
{
    char seconds[128], words[192];
    const char *kind;

    if (close == NULL)
        return wrong(error, cap, "Unknown command: ", r->words[0]);
    kind = lc_str_eq(close->first, LC_STR("show")) ? "target" : "action";
    if (r->nwords > 1) {
        snprintf(words, sizeof words, "Unknown %s %s: ", close->first.p, kind);
        return wrong(error, cap, words, r->words[1]);
    }
    list_seconds(close->first, seconds, sizeof seconds);
    snprintf(words, sizeof words, "Missing %s %s (%s)", close->first.p, kind, seconds);
    return wrong(error, cap, words, LC_STR(""));
}

/* A number as people write it: spaces around it, and a sign.  LC_EPROTO, LC_ELIMIT. */
static enum lc_rc to_number(struct lc_str s, int64_t *out)
{
    enum lc_rc rc;
    bool is_negative;

    s = lc_str_trim(s);
    is_negative = s.n > 0 && s.p[0] == '-';
    if (s.n > 0 && (s.p[0] == '-' || s.p[0] == '+'))
        s = lc_str_of(s.p + 1, s.n - 1);
    rc = lc_str_to_i64(s, out);
    if (rc == LC_OK && is_negative)
        *out = -*out;
    return rc;
}

static enum lc_rc read_arg(const struct row *row, const struct lc_str *word, struct lc_ctl_cmd *cmd,
                           char *error, size_t cap)
{
    if (row->arg == PID && word == NULL)
        return wrong(error, cap, "Missing PID for worker kill", LC_STR(""));
    if (row->arg == MODE)
        cmd->mode = word ? *word : LC_STR("graceful");
    if (row->arg == NONE || row->arg == MODE || word == NULL)
        return LC_OK;
    if (to_number(*word, &cmd->number) != LC_OK)
        return wrong(error, cap, "not a number: ", *word);
    if (row->arg == COUNT)
        cmd->number = LC_MAX(cmd->number, 1);
    return LC_OK;
}

enum lc_rc lc_ctl_cmd_parse(const struct lc_ctl_request *r, struct lc_ctl_cmd *cmd, char *error,
                            size_t cap)
{
    const struct row *close = NULL;

    if (r->nwords == 0) {
        snprintf(error, cap, "Empty command");
        return LC_EINVAL;
    }
    for (size_t i = 0; i < LC_CTL_VERBS; i++) {
        int used = rows[i].second.n ? 2 : 1;

        if (!lc_str_ieq(rows[i].first, r->words[0]))
            continue;
        close = &rows[i];
        if (used == 2 && (r->nwords < 2 || !lc_str_ieq(rows[i].second, r->words[1])))
            continue;
        *cmd = (struct lc_ctl_cmd){.verb = (enum lc_ctl_verb)i, .number = 1};
        return read_arg(&rows[i], r->nwords > used ? &r->words[used] : NULL, cmd, error, cap);
    }
    return no_such(r, close, error, cap);
}

struct lc_str lc_ctl_cmd_words(enum lc_ctl_verb verb)
{
    LC_CHECK(verb < LC_CTL_VERBS);
    return lc_str_trim(rows[verb].words); /* some have but one */
}

const char *lc_ctl_cmd_usage(enum lc_ctl_verb verb)
{
    LC_CHECK(verb < LC_CTL_VERBS);
    return rows[verb].usage;
}

const char *lc_ctl_cmd_help(enum lc_ctl_verb verb)
{
    LC_CHECK(verb < LC_CTL_VERBS);
    return rows[verb].help;
}

bool lc_ctl_cmd_is_order(enum lc_ctl_verb verb)
{
    return verb >= LC_CTL_WORKER_ADD && verb != LC_CTL_HELP;
}
