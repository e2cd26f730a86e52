/* SPDX-License-Identifier: BSD-2-Clause */
/* list: doubly linked list through its members, which it does not own. */
#ifndef UTIL_BASE_LIST_H
#define UTIL_BASE_LIST_H

#include <stdbool.h>
#include <stddef.h>

#include "util/base/fatal.h"

/* Embedded in a member, one for each list that it can be in. {NULL, NULL} is
 * in no list. */
struct link {
	struct link *next;
	struct link *prev;
};

/* A ring through head. Must not be moved or copied while it has members. */
struct list {
	struct link head;
	size_t n; /* members; others may read it */
};

/* The member of type that holds link as its field. (LIST_ENTRY is a name of
 * libevent.) */
#define LIST_ITEM(link, type, field) \
	((type *)(void *)((char *)(link)-offsetof(type, field)))

/* Loops over the members, first to last; var is a struct link pointer that the
 * caller declares. The list must not be changed meanwhile. */
#define LIST_FOREACH(var, list) \
	for ((var) = list_first(list); (var) != NULL; \
	     (var) = list_next((list), (var)))

/* The same, but the member in hand may be removed (and freed); tmp is a second
 * struct link pointer. */
#define LIST_FOREACH_SAFE(var, tmp, list) \
	for ((var) = list_first(list); \
	     (var) != NULL && ((tmp) = list_next((list), (var)), true); \
	     (var) = (tmp))

/* Begins an empty list. */
static inline void
list_init(struct list *l)
{
	l->head.next = l->head.prev = &l->head;
	l->n = 0;
}

/* True when link is in some list. */
static inline bool
link_is_listed(const struct link *link)
{
	return link->next != NULL;
}

/* Adds link behind at, a member or the head; for this file alone. */
static inline void
list_add_behind(struct list *l, struct link *at, struct link *link)
{
	BUG_IF(link_is_listed(link));
	link->prev = at;
	link->next = at->next;
	at->next->prev = link;
	at->next = link;
	l->n++;
}

/* Makes link, which is in no list, the last member. */
static inline void
list_push_back(struct list *l, struct link *link)
{
	list_add_behind(l, l->head.prev, link);
}

/* Makes link, which is in no list, the first member. */
static inline void
list_push_front(struct list *l, struct link *link)
{
	list_add_behind(l, &l->head, link);
}

/* Takes link out of l, of which it is a member. */
static inline void
list_remove(struct list *l, struct link *link)
{
	BUG_IF(!link_is_listed(link) || l->n == 0);
	link->prev->next = link->next;
	link->next->prev = link->prev;
	*link = (struct link){ NULL, NULL };
	l->n--;
}

/* The member behind link; NULL after the last. */
static inline struct link *
list_next(const struct list *l, const struct link *link)
{
	return link->next == &l->head ? NULL : link->next;
}

/* The first member; NULL when there is none. */
static inline struct link *
list_first(const struct list *l)
{
	return list_next(l, &l->head);
}

/* The last member, or NULL. */
static inline struct link *
list_last(const struct list *l)
{
	return l->n == 0 ? NULL : l->head.prev;
}

/* True when there are no members. */
static inline bool
list_is_empty(const struct list *l)
{
	return l->n == 0;
}

#endif /* UTIL_BASE_LIST_H */
