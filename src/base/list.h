/* base/list.h - intrusive doubly linked list, circular, with a head that is never an element. */
#ifndef LC_BASE_LIST_H
#define LC_BASE_LIST_H

#include "base/base.h"

struct lc_list {
    struct lc_list *next, *prev;
};

static inline void lc_list_init(struct lc_list *l)
{
    l->next = l->prev = l;
}

static inline bool lc_list_is_empty(const struct lc_list *l)
{
    return l->next == l;
}

static inline void lc_list_append(struct lc_list *head, struct lc_list *e)
{
    e->next = head;
    e->prev = head->prev;
    head->prev->next = e;
    head->prev = e;
}

/* Leaves e as a list of its own, so that removing twice is harmless. */
static inline void lc_list_remove(struct lc_list *e)
{
    e->prev->next = e->next;
    e->next->prev = e->prev;
    e->next = e->prev = e;
}

#define LC_LIST_FIRST(head, type, member) \
    (lc_list_is_empty(head) ? NULL : LC_CONTAINER_OF((head)->next, type, member))

#endif
