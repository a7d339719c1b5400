/* super/report.h - what the master says about a worker that failed, was stuck or crashed, from what is left of it: the
 * board's words and call records, and its report, a file in memory that the worker has as long as it lives.
 *
 * While a worker boots, Python's sys.stderr is copied into the report; from its first step to its end faulthandler writes
 * there.  Both are bytes of the application's: what is no text is shown as '?'. */
#ifndef LC_SUPER_REPORT_H
#define LC_SUPER_REPORT_H

#include "stats/board.h"

#define LC_REPORT_LINES 40    /* of a failed boot's last words */
#define LC_REPORT_MAX   24576 /* a record's length */

/* A text that grows in the caller's memory and is cut at its end. */
struct lc_report {
    char *text; /* ends in NUL */
    size_t n, cap;
};

void lc_report_init(struct lc_report *r, char *memory, size_t cap);
void lc_report_add(struct lc_report *r, const char *fmt, ...) LC_PRINTF(2, 3);
/* The last lines of the file, each on a line of its own; how many bytes. */
size_t lc_report_add_tail(struct lc_report *r, int fd, int nlines);
/* A line for each call that runs in this slot, or ran when its process ended; how many. */
int lc_report_add_calls(struct lc_report *r, const struct lc_board *b, uint32_t slot,
                        uint64_t now_ms);
/* How a process ended: "exit code 3", "SIGSEGV". */
void lc_report_add_status(struct lc_report *r, int status);
/* "the import of the application" */
const char *lc_boot_step_name(unsigned step);

#endif
