/* Networks of flows: the /24 of an IPv4 source, the /48 of an IPv6 one, the link of link-local ones; each with the
 * time that its flows were served one by one, exactly. A flow is known here by its number. A network is
 * forgotten with the last of its flows. As for flows, a keyed hash finds a network, and two never share one.
 *
 * Everything is O(1), except the end of a window. Thread: the holder of the queue's lock. */
#ifndef QUEUE_NETWORK_H
#define QUEUE_NETWORK_H

#include <stddef.h>
#include <stdint.h>

#include "core/datagram.h"
#include "queue/order.h"

struct network;

/* A flow, as its network knows it. Zeroed: it has none yet. */
struct network_member {
	struct link in_network; /* among those that are ready */
	uint32_t network;	/* its number; 0: none */
};

struct network_table {
	uint64_t key[5];
	struct order order; /* of those with a flow that is ready */
	uint32_t window;
	uint32_t used;			/* records that were ever taken */
	uint32_t free;			/* the first of those that were given back; 0: none */
	size_t mask;			/* of hash heads */
	struct network_member *members; /* by the number of a flow, which is never 0 */
	struct network *records;	/* the first is nobody's */
	uint32_t *heads;		/* of chains: numbers of records */
};

/* Bytes besides the struct, for this many flows and hash heads. */
size_t network_table_bytes(size_t flows, size_t heads);

/* In these bytes, all of them 0. `heads` is a power of two. */
void network_table_init(struct network_table *table, size_t flows, size_t heads, void *bytes);

void network_table_next_window(struct network_table *table);

/* A flow of this source belongs to its network from now on, unless it does. */
void network_join(struct network_table *table, uint32_t flow, const struct flow_source *source);

/* It is forgotten. It must not be listed. */
void network_leave(struct network_table *table, uint32_t flow);

/* A flow that is ready is listed: behind all others of its network. */
void network_list(struct network_table *table, uint32_t flow);
void network_unlist(struct network_table *table, uint32_t flow);

/* Add `ns` (a correction may be negative) to what its network was served; that moves behind its equals. */
void network_charge(struct network_table *table, uint32_t flow, int64_t ns);

/* The flow that was listed first in the first of the networks that were served least; 0: none is listed. */
uint32_t network_least_served(struct network_table *table);

/* Does the network of flow `a` stand among the equals of that of `b`? */
bool network_is_equal(const struct network_table *table, uint32_t a, uint32_t b);

#endif
