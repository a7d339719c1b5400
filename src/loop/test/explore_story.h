/* loop/test/explore_story.h - what the explorer tells: a worker in miniature around the real owner and watcher.
 *
 * A guest with one big lock (the GIL), seats that call and step as engine/serve.c does, and a world that makes sockets
 * ready while somebody waits for them.  When all has come to rest the story must be told to its end: each request was
 * called once, each wait ended, signals were handled, one thread waits for events.  Then the engine ends, and everybody
 * must leave. */
#ifndef LC_LOOP_TEST_EXPLORE_STORY_H
#define LC_LOOP_TEST_EXPLORE_STORY_H

#include "explore_sim.h"

enum { SEATS = 3, REQUESTS = 4 };

struct story {
    const char *name;
    /* What the sockets bring, one after the other, but any number at a time:
     *   a-d  the first to fourth request       A-D  what its call waits for       Z  what the thread waits for
     *   0-3  its client leaves                 ?    a signal of the guest's       !  the worker ends itself */
    const char *events;
    /* What a call does, letter by letter:
     *   t    touches the engine                w    waits inside for A-D
     *   d    puts a task off to a turn's end   x    puts a task off and waits inside until it was run
     *   D    a task is put off as it ends      T    sets a timer, which is due before any wait ends
     *   e    goes on when all events have been served                  E  the same without letting the guest go
     *   o    goes on when the other requests have been called          s  ends the engine
     *   1-4  makes that request ready          k    has something for the main thread to do
     *   f    forks: the story goes on in the parent, or in the child, where only this thread is
     *   l    will have taken long */
    const char *calls[REQUESTS];
    const char *thread; /* the same of a thread of the guest's own */
    int nseats;
    int ticks;   /* of the watcher, while others could go on; when nobody can, time passes anyhow */
    int retires; /* how often each seat but the first may find its time up */
    int late;    /* how many waits for events may end by their time, and change nothing */
    int spurious;  /* how many sleeps may end for nothing */
    bool is_pool;  /* not inline */
    bool is_long;  /* recent calls were */
    bool handlers; /* what a signal runs goes on when all events have been served */
    bool attends;  /* a main thread that does not serve, but starts the seats when requests wait */
    bool stops;    /* the engine may be ended at any time, not only at rest */
};

struct sim_counts story_explore(const struct story *s, bool has_memory);

#endif
