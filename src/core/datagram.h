/* A datagram on its journey: the slot that holds it, from the socket to the reply. It has exactly
 * one owner at every moment, and moves between them in lists. */
#ifndef CORE_DATAGRAM_H
#define CORE_DATAGRAM_H

#include <assert.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <time.h>

#include "base/addr.h"
#include "base/link.h"

struct flow;

/* The source of a datagram, as the queue distinguishes them (flow.h). */
struct flow_source {
	uint64_t words[3];
};

/* How long a datagram waits, at most, where there is no limit. */
#define DATAGRAM_FOREVER_NS (INT64_MAX / 2)

/* To how many machines it was sent, at least; DATAGRAM_UNADDRESSED: the kernel could not say to which address. */
enum datagram_cast {
	DATAGRAM_UNICAST,
	DATAGRAM_BROADCAST,
	DATAGRAM_MULTICAST,
	DATAGRAM_UNADDRESSED,
};

/* What the guard of its service says of its client. */
enum datagram_standing {
	DATAGRAM_COMMON,
	DATAGRAM_REFUSED, /* it may not come in */
	DATAGRAM_EXEMPT,  /* it has no limits */
	DATAGRAM_OVER,	  /* it has used them up: others go first */
};

struct datagram {
	/* What the queue needs of it: one cache line. */
	union {
		struct datagram *next;
		uint32_t place; /* while it waits, sorted, and so in no list (queue/recent.h) */
	};
	int64_t arrived_ns; /* CLOCK_MONOTONIC, for ages and deadlines (engine/arrivals.h) */
	int64_t expires_ns; /* its deadline, CLOCK_MONOTONIC: from this time on the handler is not run */
	struct flow *flow; /* from its sorting to its finish or drop; else NULL, in the slab, too */
	union {
		struct { /* until it is sorted; if it never is, to its finish */
			struct flow_source source;
			uint32_t source_hash;
		};
		struct {		     /* while it waits, sorted */
			struct link by_age;  /* among all */
			struct link in_flow; /* among those of its flow */
		};
		int64_t charged_ns; /* to its flow when it was taken, sorted */
	};

	int64_t received_ns; /* CLOCK_MONOTONIC */
	int64_t service_ns;  /* since it was taken: how long the handler took; 0: it was not run */
	struct timespec timestamp; /* the same, CLOCK_REALTIME */
	union addr client;
	union addr local; /* ours, which it was sent to; the wildcard when unknown */
	uint32_t length;
	uint16_t socket;      /* number of the socket it came from, and is answered from */
	bool truncated;	      /* it was longer than the slot; `length` is its true one */
	uint8_t cast;	      /* enum datagram_cast */
	uint8_t standing;     /* enum datagram_standing */
	uint8_t addr_bytes;   /* of `client`, and of `local` */
	bool metered;	      /* its replies count for its source (guard/limiter.h) */
	uint32_t fingerprint; /* of address and bytes (guard/loops.h) */
	_Alignas(8) unsigned char data[];
};

/* First in, first out. Zeroed: empty. */
struct datagram_list {
	struct datagram *first;
	struct datagram *last;
	unsigned count;
};

static inline void datagram_list_push(struct datagram_list *list, struct datagram *datagram)
{
	datagram->next = NULL;
	if (list->last != NULL)
		list->last->next = datagram;
	else
		list->first = datagram;
	list->last = datagram;
	list->count++;
}

/* The list must not be empty. */
static inline struct datagram *datagram_list_pop(struct datagram_list *list)
{
	struct datagram *datagram = list->first;

	assert(datagram != NULL);
	list->first = datagram->next;
	if (list->first == NULL)
		list->last = NULL;
	list->count--;
	datagram->next = NULL;
	return datagram;
}

/* Move all of `from` behind `to`. */
static inline void datagram_list_append(struct datagram_list *to, struct datagram_list *from)
{
	if (from->first == NULL)
		return;
	if (to->last != NULL)
		to->last->next = from->first;
	else
		to->first = from->first;
	to->last = from->last;
	to->count += from->count;
	*from = (struct datagram_list){ 0 };
}

#endif
