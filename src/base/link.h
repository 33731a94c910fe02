/* Doubly linked lists whose links stand in their elements. The head is a link, too: a list of none
 * points to itself. */
#ifndef BASE_LINK_H
#define BASE_LINK_H

#include <stdbool.h>
#include <stddef.h>

struct link {
	struct link *previous;
	struct link *next;
};

/* The element that a link stands in. */
#define LINK_OWNER(link, type, member) ((type *)(void *)((char *)(link)-offsetof(type, member)))

static inline void link_init(struct link *head)
{
	head->previous = head;
	head->next = head;
}

static inline bool link_is_empty(const struct link *head)
{
	return head->next == head;
}

/* Put `link` at the end of the list. */
static inline void link_append(struct link *head, struct link *link)
{
	link->previous = head->previous;
	link->next = head;
	head->previous->next = link;
	head->previous = link;
}

static inline void link_remove(struct link *link)
{
	link->previous->next = link->next;
	link->next->previous = link->previous;
}

/* Of a link that was removed just now: is its list empty since? */
static inline bool link_was_last(const struct link *link)
{
	return link->previous == link->next;
}

/* Move all of `from` to the beginning of `to`. */
static inline void link_prepend_all(struct link *to, struct link *from)
{
	if (link_is_empty(from))
		return;
	from->previous->next = to->next;
	to->next->previous = from->previous;
	from->next->previous = to;
	to->next = from->next;
	link_init(from);
}

#endif
