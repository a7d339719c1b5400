/* base/base.c - the end of a process whose invariant broke.
 *
 * Only write(2) and abort(3): the heap or a lock may be what is broken, so nothing here may need
 * them. This is the one system call in the room, for there is nobody above to ask. */
#include "base/base.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

void lc_check_failed(const char *what, const char *file, int line)
{
    char text[512];
    int n = snprintf(text, sizeof(text), "licorne: check failed: %s (%s:%d)\n", what, file, line);

    if (n > 0 && write(STDERR_FILENO, text, LC_MIN((size_t)n, sizeof(text) - 1)) < 0)
        abort();
    abort();
}
