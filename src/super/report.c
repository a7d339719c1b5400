/* super/report.c - the records about workers that failed, were stuck or crashed.   Runs in: master. */
#include "super/report.h"

#include "os/memfile.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>

void lc_report_init(struct lc_report *r, char *memory, size_t cap)
{
    *r = (struct lc_report){.text = memory, .cap = cap};
    memory[0] = '\0';
}

void lc_report_add(struct lc_report *r, const char *fmt, ...)
{
    size_t room = r->cap - r->n;
    va_list ap;
    int n;

    va_start(ap, fmt);
    n = vsnprintf(r->text + r->n, room, fmt, ap);
    va_end(ap);
    if (n > 0)
        r->n += LC_MIN((size_t)n, room - 1);
}

/* Bytes of UTF-8 stay; whoever writes the log judges them. */
static void make_text(char *at, const char *end)
{
    for (; at < end; at++) {
        unsigned char c = (unsigned char)*at;

        if ((c < 0x20 && c != '\n' && c != '\t') || c == 0x7f)
            *at = '?';
    }
}

size_t lc_report_add_tail(struct lc_report *r, int fd, int nlines)
{
    size_t room = r->cap - r->n - 2, n;
    char *begin = r->text + r->n + 1, *from, *end;

    if (fd < 0 || r->n + 2 >= r->cap)
        return 0;
    n = lc_memfile_tail(fd, begin, room);
    while (n > 0 && (begin[n - 1] == '\n' || begin[n - 1] == ' '))
        n--;
    if (n == 0) {
        begin[-1] = '\0';
        return 0;
    }
    end = begin + n;
    for (from = end; from > begin && (from[-1] != '\n' || --nlines > 0); from--) {
    }
    make_text(from, end);
    n = (size_t)(end - from);
    memmove(begin, from, n);
    begin[-1] = '\n';
    begin[n] = '\0';
    r->n += n + 1;
    return n;
}

static void add_text(struct lc_report *r, const char *text)
{
    char *from = r->text + r->n;

    lc_report_add(r, "%s", text);
    for (char *at = from; *at != '\0'; at++) {
        if (*at == '\n' || *at == '\t')
            *at = '?';
    }
    make_text(from, r->text + r->n);
}

static const char *phase_word(uint32_t phase)
{
    return phase == LC_CALL_INPUT    ? ", waiting for its body"
           : phase == LC_CALL_OUTPUT ? ", waiting for its client to read"
                                     : "";
}

int lc_report_add_calls(struct lc_report *r, const struct lc_board *b, uint32_t slot,
                        uint64_t now_ms)
{
    uint32_t ncalls = atomic_load_explicit(&lc_board_slot(b, slot)->ncalls, memory_order_relaxed);
    int n = 0;

    for (uint32_t i = 0; i < LC_MIN(ncalls, b->ncalls); i++) {
        struct lc_board_call c;
        uint64_t ms;

        if (!lc_call_read(lc_board_call(b, slot, i), &c))
            continue;
        ms = now_ms > c.since_ms ? now_ms - c.since_ms : 0;
        lc_report_add(r, "\n  ");
        add_text(r, c.method);
        lc_report_add(r, " ");
        add_text(r, c.target);
        if (c.target_len > strlen(c.target))
            lc_report_add(r, "...");
        lc_report_add(r, " from ");
        add_text(r, c.client[0] ? c.client : "a unix socket");
        lc_report_add(r, ", for %.1f s%s (thread %lld)", (double)ms / 1000, phase_word(c.phase),
                      (long long)c.tid);
        n++;
    }
    return n;
}

void lc_report_add_status(struct lc_report *r, int status)
{
    const char *word;

    if (!WIFSIGNALED(status)) {
        lc_report_add(r, "exit code %d", WEXITSTATUS(status));
        return;
    }
    word = sigabbrev_np(WTERMSIG(status));
    if (word)
        lc_report_add(r, "SIG%s", word);
    else
        lc_report_add(r, "signal %d", WTERMSIG(status));
}

const char *lc_boot_step_name(unsigned step)
{
    static const char *const names[LC_BOOT_STEPS] = {
        [LC_BOOT_BEGIN] = "its beginning",
        [LC_BOOT_CHDIR] = "the change of directory",
        [LC_BOOT_IMPORT] = "the import of the application",
        [LC_BOOT_APP] = "the look for the application in its module",
        [LC_BOOT_ENGINE] = "the set-up of the engine",
    };

    return step < LC_BOOT_STEPS ? names[step] : "an unknown step";
}
