/* loop/test/explore_walk.c - see explore_sim.h: the walk over all orders, and the memory of where it has been. */
#include "explore_sim.h"

#include "explore_sim_int.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { DEPTH = 4000 };

/* What was found behind a point. */
struct found {
    uint64_t count;   /* of interleavings; 0: is being explored */
    uint32_t longest; /* steps from there */
};

/* A point on the way to where the walk stands, and the program's memory there. */
struct node {
    uint64_t hash;
    int n, pick, nnotes;
    struct found found;
    size_t kept;
};

struct memo {
    uint64_t hash;
    struct found found;
};

struct note {
    struct sim_way way;
    const char *what, *state;
};

static struct {
    const struct sim_program *program;
    bool has_memory;
    struct node path[DEPTH];
    int depth;
    struct note notes[DEPTH];
    int nnotes;
    uint64_t transitions;
    /* A stack of the kept memories of `path`. */
    char *kept;
    size_t nkept, kept_cap;
    /* Open addressing, a power of two. */
    struct memo *memos;
    size_t nmemos, memos_cap;
} walk;

void sim_tell_steps(void)
{
    for (int i = 0; i < walk.nnotes; i++) {
        const struct note *n = &walk.notes[i];

        printf("%4d  %-8s %-10s %s", i + 1, sim_name(n->way.t), n->way.how, n->what);
        if (n->way.way >= 0)
            printf(" %d", n->way.way);
        printf("  -> %s\n", n->state ? n->state : "");
    }
}

static void *must_have(void *p)
{
    if (p == NULL)
        sim_fail("no memory");
    return p;
}

/* --- states --------------------------------------------------------------------------------------------------- */

static uint64_t mix(uint64_t h, const void *p, size_t n)
{
    const char *c = p;
    uint64_t word;

    for (; n >= sizeof word; n -= sizeof word, c += sizeof word) {
        memcpy(&word, c, sizeof word);
        h = (h ^ word) * 0x9fb21c651e98df25ull;
        h ^= h >> 32;
    }
    for (; n > 0; n--, c++)
        h = (h ^ (unsigned char)*c) * 0x100000001b3ull;
    return h;
}

static uint64_t hash_of_all(void)
{
    uint64_t h = 0x2545f4914f6cdd1dull;
    struct sim_piece piece;

    for (int i = 0; sim_piece(i, &piece); i++)
        h = mix(h, piece.p, piece.len);
    return h ? h : 1;
}

static void keep(struct node *node)
{
    struct sim_piece piece;

    node->kept = walk.nkept;
    for (int i = 0; sim_piece(i, &piece); i++) {
        if (walk.nkept + piece.len > walk.kept_cap) {
            walk.kept_cap = 2 * walk.kept_cap + piece.len;
            walk.kept = must_have(realloc(walk.kept, walk.kept_cap));
        }
        if (piece.len > 0)
            memcpy(walk.kept + walk.nkept, piece.p, piece.len);
        walk.nkept += piece.len;
    }
}

/* The first piece tells how long the others are. */
static void put_back(const struct node *node)
{
    const char *from = walk.kept + node->kept;
    struct sim_piece piece;

    for (int i = 0; sim_piece(i, &piece); i++) {
        if (piece.len > 0)
            memcpy(piece.p, from, piece.len);
        from += piece.len;
    }
    walk.nnotes = node->nnotes;
}

static struct memo *slot_of(uint64_t hash)
{
    size_t i = (size_t)hash & (walk.memos_cap - 1);

    while (walk.memos[i].hash && walk.memos[i].hash != hash)
        i = (i + 1) & (walk.memos_cap - 1);
    return &walk.memos[i];
}

static void grow(void)
{
    struct memo *old = walk.memos;
    size_t n = walk.memos_cap;

    walk.memos_cap = n ? n * 2 : 1 << 16;
    walk.memos = must_have(calloc(walk.memos_cap, sizeof *walk.memos));
    for (size_t i = 0; i < n; i++) {
        if (old[i].hash)
            *slot_of(old[i].hash) = old[i];
    }
    free(old);
}

/* NULL: nobody has been here. */
static const struct memo *remembered(uint64_t hash)
{
    struct memo *m;

    if (4 * walk.nmemos >= 3 * walk.memos_cap)
        grow();
    m = slot_of(hash);
    if (m->hash) {
        if (m->found.count == 0)
            sim_fail("it goes round for ever");
        return m;
    }
    m->hash = hash;
    walk.nmemos++;
    return NULL;
}

/* --- the walk ------------------------------------------------------------------------------------------------- */

static void go(const struct sim_way *w)
{
    struct note *note = &walk.notes[walk.nnotes];

    if (walk.nnotes == DEPTH - 1)
        sim_fail("it goes on for ever");
    *note = (struct note){.way = *w};
    note->what = "";
    walk.nnotes++;
    walk.transitions++;
    sim_go(w, &note->what);
    note->state = walk.program->tell();
    if (!sim_is_locked())
        walk.program->look();
}

/* From where the walk stands to an end, or to where it has been; each choice on the way becomes a node. */
static struct found descend(void)
{
    struct sim_way ways[SIM_WAYS];
    const struct memo *m;
    struct node *node;
    int n;

    for (;;) {
        if ((n = sim_ways(ways)) == 0) {
            if (!walk.program->rest())
                return (struct found){.count = 1};
            continue;
        }
        if (n > 1) {
            node = &walk.path[walk.depth];
            *node = (struct node){.n = n, .nnotes = walk.nnotes};
            if (walk.has_memory) {
                node->hash = hash_of_all();
                if ((m = remembered(node->hash)) != NULL)
                    return m->found;
            }
            keep(node);
            walk.depth++;
        }
        go(&ways[0]);
    }
}

static void take_in(struct node *node, struct found f)
{
    uint32_t steps = (uint32_t)(walk.nnotes - node->nnotes) + f.longest;

    node->found.longest = LC_MAX(node->found.longest, steps);
    if (__builtin_add_overflow(node->found.count, f.count, &node->found.count))
        node->found.count = UINT64_MAX;
}

/* Back to the last node that has a way left, and its next step; false: there is none. */
static bool back_up(struct found *f)
{
    struct sim_way ways[SIM_WAYS];

    while (walk.depth > 0) {
        struct node *node = &walk.path[walk.depth - 1];

        take_in(node, *f);
        put_back(node);
        if (++node->pick < node->n) {
            if (sim_ways(ways) != node->n)
                sim_fail("the program is not the same twice");
            go(&ways[node->pick]);
            return true;
        }
        if (walk.has_memory)
            slot_of(node->hash)->found = node->found;
        *f = node->found;
        walk.nkept = node->kept;
        walk.depth--;
    }
    return false;
}

struct sim_counts sim_explore(const struct sim_program *p, bool has_memory)
{
    struct sim_counts counts = {0};
    struct found f;

    free(walk.memos);
    walk.memos = NULL;
    walk.nmemos = walk.memos_cap = 0;
    walk.program = p;
    walk.has_memory = has_memory;
    walk.depth = walk.nnotes = 0;
    walk.transitions = walk.nkept = 0;
    sim_reset();
    p->start();
    do {
        f = descend();
    } while (back_up(&f));
    counts.states = walk.nmemos;
    counts.transitions = walk.transitions;
    counts.interleavings = f.count;
    counts.deepest = (uint32_t)walk.nnotes + f.longest;
    return counts;
}
