/* os/fork.c - see fork.h.
 *
 * The C library calls the handlers without an argument and never forgets them while this code is mapped; so they are
 * registered once, and find what to set in two pointers. */
#include "os/fork.h"

#include <pthread.h>

static bool *fork_child, *fork_parent;
static bool is_fork_known;

static void in_parent(void)
{
    if (fork_parent)
        *fork_parent = true;
}

static void in_child(void)
{
    if (fork_child)
        *fork_child = true;
}

enum lc_rc lc_fork_watch(bool *is_child, bool *has_children)
{
    LC_CHECK(fork_child == NULL);
    if (!is_fork_known && pthread_atfork(NULL, in_parent, in_child) != 0)
        return LC_ENOMEM;
    is_fork_known = true;
    fork_child = is_child;
    fork_parent = has_children;
    return LC_OK;
}

void lc_fork_unwatch(void)
{
    fork_child = fork_parent = NULL;
}
