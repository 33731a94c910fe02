/* Flows: the sources of a queue's datagrams, each with the time that it was served, exactly, and in its network. A keyed
 * hash finds a flow, but two sources never share one. A bounded number of idle flows is remembered; when
 * there are more, the one that was served least is forgotten.
 *
 * Everything is O(1), except the end of a window. Thread: the holder of the queue's lock. */
#ifndef QUEUE_FLOW_H
#define QUEUE_FLOW_H

#include <stdint.h>

#include "base/link.h"
#include "core/datagram.h"
#include "queue/talkers.h"

/* Flows of the first three states stand in an order by the time that they were served. */
enum flow_state {
	FLOW_READY, /* one of its datagrams may be run */
	FLOW_ASIDE, /* the same, but only when no flow is ready */
	FLOW_IDLE,  /* it has none, and may be forgotten */
	FLOW_ORDERS,
	FLOW_RUNNING = FLOW_ORDERS, /* it has some, of which none may be run now */
};

struct flow { /* two cache lines; to charge it takes the first alone */
	_Alignas(64) struct flow_source source;
	int64_t list_end_ns; /* of `list`: the first time that is too long for it */
	struct link in_order;
	int64_t served_ns; /* in window `window` */
	uint32_t window;
	uint32_t hash_next; /* the number of a record; 0: none */

	struct link jobs; /* datagrams that wait, the oldest first */
	struct link in_lengths;
	enum flow_state state;
	uint32_t list; /* of its order, for served_ns; 0 when the window is over */
	uint32_t waiting;
	uint32_t running;
	bool aside; /* the newest that came waited too long, or its source has used up its limits */
	uint32_t requests;    /* of it that ended in window `window` */
	uint32_t *hash_place; /* what holds its number: a head, or another's hash_next */
};

struct flow_table;

/* A table of at most `flows`, of which at most `idle` (at least 1) are remembered while none of their
 * datagrams waits or runs. -ENOMEM. */
int flow_table_new(size_t flows, size_t idle, struct flow_table **ret_table);

/* NULL is fine. */
void flow_table_free(struct flow_table *table);

/* Bytes of address space; untouched records cost no resident memory. */
size_t flow_table_bytes(size_t flows);

/* For addr_multilinear(). */
struct flow_key {
	uint64_t words[7];
};

/* Write the source and its hash into each datagram: an IPv4 address (v4-mapped ones too), an IPv6 /64,
 * or a link-local address with its scope; with the port when clients are distinguished by it. Unneeded
 * words at the end are 0. Thread: any. */
void flow_note_sources(
	const struct flow_key *key, const struct datagram_list *batch, bool with_port);

/* The same with a table's key. Thread: any. */
void flow_prepare(
	const struct flow_table *table, const struct datagram_list *batch, bool with_port);

/* Do these prepared datagrams come from one source? */
bool flow_same_source(const struct datagram *a, const struct datagram *b);

/* Prefetch hint, shortly before the flows of these prepared datagrams are looked up. */
void flow_expect(const struct flow_table *table, const struct datagram_list *batch);

/* The flow of a prepared datagram, made when there is none: FLOW_RUNNING until it is moved. At least
 * one record must be idle or unused. */
struct flow *flow_find(struct flow_table *table, const struct datagram *datagram);

/* A new window: all flows count as served nothing. */
void flow_table_next_window(struct flow_table *table);

/* Add `ns` (a correction may be negative) to what a flow that was found, and its network, were served, and put it
 * into the order of `state`, behind its equals. */
void flow_move(struct flow_table *table, struct flow *flow, enum flow_state state, int64_t ns);

/* Only add; the flow moves behind its equals only when these are others now. */
void flow_charge(struct flow_table *table, struct flow *flow, int64_t ns);

/* The same for the flows of these prepared datagrams, each the time that it took, but not for their networks. New
 * flows become idle. */
void flow_charge_each(struct flow_table *table, const struct datagram_list *jobs);

/* The ready flow that was served least, or, when none is ready, one that is aside: of its equals the first
 * or the last; NULL: none. */
struct flow *flow_least_served(struct flow_table *table, bool last);

/* A ready flow of the network that was served least, the one that was served longest ago; where no flow is ready,
 * one that is aside; NULL: none. */
struct flow *flow_of_least_served_network(struct flow_table *table);

/* Was `a`, or its network, served as little as `b`, as far as these orders tell them apart? */
bool flow_is_equal(const struct flow_table *table, const struct flow *a, const struct flow *b,
	bool by_network);

/* For flow_set_waiting() alone. */
void flow_requeue_length(struct flow_table *table, struct flow *flow, uint32_t waiting);

/* Note how many of its datagrams wait. A flow with none or one needs no list of its length: when no
 * flow has more, the oldest datagram of all is the oldest of a longest flow. */
static inline void flow_set_waiting(struct flow_table *table, struct flow *flow, uint32_t waiting)
{
	if (flow->waiting + waiting <= 1)
		flow->waiting = waiting;
	else
		flow_requeue_length(table, flow, waiting);
}

/* Look at some flows more, for the current window, if something ended in it, or the one before; true: there are
 * others. */
bool flow_rank(const struct flow_table *table, bool current, struct talkers *talkers);

/* The flow with the most datagrams that wait, of equals the first that became so long; flows with more
 * than 64 count as equal. NULL when no flow has more than one. */
struct flow *flow_longest(const struct flow_table *table);

#endif
