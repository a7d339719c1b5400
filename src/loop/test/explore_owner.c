/* loop/test/explore_owner.c - every interleaving of small stories over the real owner.c and watch.c.
 *
 *      explore_owner            the quick stories, the first also without memory of states: both must count the same
 *      explore_owner --all      the larger ones, too
 *      explore_owner TEXT       those whose name has TEXT in it, or, after a "=", is TEXT
 *
 * A story is told to all its ends: nothing is drawn at random, and nothing cut off.  explore_story.h says how to read one,
 * explore_sim.h what is a state and an interleaving, which orders count as one, and why. */
#include "explore_story.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

/* clang-format off */
static const struct story quick[] = {
    {"one call", "a", {"t"}, .nseats = 1, .ticks = 1},
    {"a call that goes on when all was served", "ab", {"e", ""}, .nseats = 1, .ticks = 2},
    {"the same with the guest, two seats", "ab", {"E", ""}, .nseats = 2, .ticks = 2},
    {"a call that waits for another call", "ab", {"o", ""}, .nseats = 2},
    {"a wait inside a call", "aA", {"tw"}, .nseats = 2, .ticks = 2},
    {"two waits inside calls", "abBA", {"w", "w"}, .nseats = 1},
    {"tasks put off in calls", "a", {"dx"}, .nseats = 2, .ticks = 2},
    {"a task put off by a call that waits", "a", {"x"}, .nseats = 2, .ticks = 2},
    {"a task put off by the end of a call", "a", {"D"}, .nseats = 2, .ticks = 2},
    {"long calls", "ab", {"tl", "t"}, .nseats = 2, .ticks = 2, .is_long = true},
    {"calls become long and short again", "abc", {"l", "e", ""}, .nseats = 2},
    {"a call makes a request ready", "ab", {"e3", "", ""}, .nseats = 2, .ticks = 1},
    {"the same while calls are long", "ab", {"e3o", "", ""}, .nseats = 2, .is_long = true},
    {"a client leaves", "ab1", {"e", ""}, .nseats = 2, .ticks = 2},
    {"a pool", "ab", {"t", "o"}, .nseats = 2, .is_pool = true},
    {"stopped at any time", "ab", {"w", "t"}, .nseats = 2, .stops = true},
    {"stopped from inside a call", "aA", {"s"}, .nseats = 2, .ticks = 2},
    {"stops itself in a turn", "a!b", {"w", ""}, .nseats = 2, .ticks = 1},
    {"stops itself behind a watcher that was called back", "a!", {"t"}, .nseats = 1, .ticks = 2},
    {"a request behind a watcher that was called back", "ab", {"", "3o", ""}, .nseats = 2, .ticks = 1},
    {"a seat retires", "ab", {"e", ""}, .nseats = 2, .ticks = 2, .retires = 1},
    {"a seat retires that is invited", "a", {""}, .nseats = 2, .retires = 1, .is_pool = true},
    {"a signal", "a?", {"t"}, .nseats = 2, .ticks = 2},
    {"a signal while the main seat waits", "a", {"e"}, .thread = "k", .nseats = 1},
    {"a signal while a call waits", "a?A", {"w"}, .nseats = 1, .ticks = 2},
    {"signals while calls become long", "a??", {"l"}, .nseats = 1, .ticks = 1},
    {"handlers that take long", "a?b", {"t", ""}, .nseats = 1, .ticks = 2, .handlers = true},
    {"a main thread that attends", "a?", {"k"}, .nseats = 1, .attends = true},
    {"a thread more for a request that waits", "ab", {"o", ""}, .nseats = 2, .attends = true},
    {"timers", "ab", {"Te", ""}, .nseats = 2, .ticks = 2},
    {"forked children", "aA", {"tftw"}, .nseats = 1, .ticks = 2},
    {"forked children, two seats", "ab", {"ft", "f"}, .nseats = 2},
    {"a thread of the guest's own", "aZ", {"e"}, .thread = "twd", .nseats = 1},
    {"sleeps end for nothing", "aA", {"w"}, .nseats = 2, .spurious = 1},
};

static const struct story large[] = {
    {"three seats", "abc", {"t", "e", ""}, .nseats = 3, .ticks = 1},
    {"three seats, each call waits for the others", "abc", {"o", "o", "o"}, .nseats = 3, .ticks = 1},
    {"three seats, one call holds the guest", "abc", {"E", "t", "t"}, .nseats = 3},
    {"three seats, a wait", "abA", {"w", "t"}, .nseats = 3, .ticks = 1},
    {"four requests", "abcd", {"t", "e", "", "t"}, .nseats = 2, .ticks = 1},
    {"many ticks, two seats", "ab", {"t", "te"}, .nseats = 2, .ticks = 3, .late = 1},
    {"many touches", "ab", {"ttt", "ttt"}, .nseats = 2, .ticks = 2},
    {"tasks and waits", "abA", {"xw", "dxD"}, .nseats = 2, .ticks = 1},
    {"timers and tasks", "abB", {"TxD", "wT"}, .nseats = 2, .ticks = 1},
    {"calls make requests ready, three seats", "ab", {"e34", "t", "", ""}, .nseats = 3},
    {"the same while calls are long, three seats", "ab", {"3l", "4l", "l", ""}, .nseats = 3, .is_long = true},
    {"clients leave", "abc102", {"", "e", "t"}, .nseats = 2},
    {"a large pool", "abc0A", {"w", "o", "t"}, .nseats = 3, .is_pool = true},
    {"stopped at any time, waits and tasks", "abA", {"w", "x"}, .nseats = 2, .stops = true},
    {"stopped at any time, three seats", "ab", {"e", "s"}, .nseats = 3, .stops = true},
    {"a pool stopped at any time", "abA", {"w", "x"}, .nseats = 3, .is_pool = true, .stops = true},
    {"stopped at any time while calls are long", "ab", {"tl", "w"}, .nseats = 2, .ticks = 2, .stops = true, .is_long = true},
    {"seats retire", "ab", {"e", "t"}, .nseats = 3, .retires = 1, .ticks = 1},
    {"seats retire and are stopped", "ab", {"e", "w"}, .nseats = 2, .retires = 2, .ticks = 1, .stops = true},
    {"signals everywhere", "a?b?", {"kt", "k"}, .nseats = 2},
    {"signals in waits", "a?A?", {"wk"}, .nseats = 2, .ticks = 1},
    {"handlers that take long, two seats", "a?b", {"t", "k"}, .nseats = 2, .ticks = 1, .handlers = true},
    {"signals and a stop", "a?b", {"k", "w"}, .nseats = 2, .stops = true},
    {"a main thread that attends, two seats", "a?b?", {"k", "o"}, .nseats = 2, .attends = true},
    {"threads more, up to three", "abc", {"o", "o", ""}, .nseats = 3, .ticks = 1, .attends = true},
    {"a thread of the guest's own, two seats", "aZb", {"e", "t"}, .thread = "wx", .nseats = 2},
    {"a thread makes requests ready", "aZ", {"e", "t"}, .thread = "w2", .nseats = 2, .ticks = 2},
    {"a thread and a stop", "aZ", {"w"}, .thread = "xw", .nseats = 2, .stops = true},
    {"forked children that wait", "abA", {"tftw", "f"}, .nseats = 2, .ticks = 1},
    {"forked children, three seats", "abA", {"tfw", "ft"}, .nseats = 3},
    {"forked children and a stop", "abA", {"wf", "sf"}, .nseats = 2, .ticks = 1},
    {"sleeps end for nothing, three seats", "abA", {"w", "t"}, .nseats = 3, .ticks = 1, .spurious = 1},
    {"sleeps end for nothing, late waits", "abc", {"e", "x", ""}, .nseats = 2, .spurious = 1, .late = 1, .retires = 1},
};
/* clang-format on */

static bool is_wanted(const struct story *s, const char *text)
{
    if (text && text[0] == '=')
        return strcmp(s->name, text + 1) == 0;
    return text == NULL || strstr(s->name, text) != NULL;
}

static void tell(const char *name, const struct sim_counts *c)
{
    char many[32] = "over 1.8e19";

    if (c->interleavings < UINT64_MAX)
        (void)snprintf(many, sizeof many, "%" PRIu64, c->interleavings);
    printf("%-52s %8" PRIu64 " states %9" PRIu64
           " transitions %20s interleavings, deepest %3" PRIu32 "\n",
           name, c->states, c->transitions, many, c->deepest);
    fflush(stdout);
}

static void add_up(struct sim_counts *total, const struct sim_counts *c)
{
    total->states += c->states;
    total->transitions += c->transitions;
    if (__builtin_add_overflow(total->interleavings, c->interleavings, &total->interleavings))
        total->interleavings = UINT64_MAX;
    total->deepest = LC_MAX(total->deepest, c->deepest);
}

static int explore_all(const struct story *stories, size_t n, const char *text,
                       struct sim_counts *total)
{
    int nwanted = 0;

    for (size_t i = 0; i < n; i++) {
        struct sim_counts c;

        if (!is_wanted(&stories[i], text))
            continue;
        c = story_explore(&stories[i], true);
        tell(stories[i].name, &c);
        add_up(total, &c);
        nwanted++;
    }
    return nwanted;
}

/* That states are told apart: each interleaving by itself is as many. */
static bool counts_the_same(const struct story *s)
{
    uint64_t slow = story_explore(s, false).interleavings;
    uint64_t fast = story_explore(s, true).interleavings;

    if (slow != fast)
        printf("%s: %" PRIu64 " interleavings one by one, %" PRIu64 " by states\n", s->name, slow,
               fast);
    return slow == fast;
}

int main(int argc, char **argv)
{
    const char *arg = argc > 1 ? argv[1] : NULL;
    bool is_all = arg && strcmp(arg, "--all") == 0;
    const char *text = is_all ? NULL : arg;
    struct sim_counts total = {0};
    char name[64];
    int n;

    if (text == NULL && !counts_the_same(&quick[0]))
        return 1;
    n = explore_all(quick, LC_ARRAY_LEN(quick), text, &total);
    if (arg)
        n += explore_all(large, LC_ARRAY_LEN(large), text, &total);
    (void)snprintf(name, sizeof name, "%d stories, nothing wrong", n);
    tell(name, &total);
    return n > 0 ? 0 : 1;
}
