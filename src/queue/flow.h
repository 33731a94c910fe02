/* Flows: the sources of a queue's datagrams, each with what it was served, exactly. A keyed hash
 * finds a flow, but two sources never share one. So many idle ones are remembered; of more the one
 * that was served least is forgotten.
 *
 * Least served first: flows hang in orders (flow_order.h) by the time they were served in the current
 * window. Everything is O(1), but the end of a window. Thread: whoever holds the queue's lock. */
#ifndef QUEUE_FLOW_H
#define QUEUE_FLOW_H

#include <stdint.h>

#include "base/addr.h"
#include "base/link.h"
#include "core/datagram.h"
#include "queue/flow_order.h"

/* The orders that a flow may hang in. */
enum flow_place {
	FLOW_READY, /* something of it may be run */
	FLOW_STALE, /* the same, but only when none is ready */
	FLOW_IDLE,  /* it may be forgotten */
	FLOW_PLACES,
	FLOW_NOWHERE = FLOW_PLACES, /* in none */
};

struct flow { /* two cache lines */
	_Alignas(64) struct flow_source source;
	uint32_t *hash_place; /* what holds its number: a head, or another's hash_next */
	struct link in_order;
	int64_t served_ns; /* in window `window` */
	uint32_t window;
	uint32_t hash_next; /* the number of a record; 0: none */

	struct link jobs; /* that wait: datagrams, the oldest first */
	struct link in_lengths;
	enum flow_place place;
	uint32_t
		list; /* of an order, for served_ns, while it hangs there; 0 when the window is over */
	uint32_t waiting;
	uint32_t running;
	bool stale; /* its newest has waited too long: until another comes */
};

struct flow_table;

/* A table of at most `flows` at once, of which at most `idle` (at least 1) are remembered while
 * nothing of them waits or runs. -ENOMEM. */
int flow_table_new(size_t flows, size_t idle, struct flow_table **ret_table);

/* NULL is fine. */
void flow_table_free(struct flow_table *table);

/* Bytes of address space; untouched records cost no resident memory. */
size_t flow_table_bytes(size_t flows);

/* Multilinear hashing (Lemire and Kaser, 2014): with random words nobody who does not know them can
 * choose sources that meet more often than by chance. */
struct flow_key {
	uint64_t words[7];
};

/* Note of each datagram whose it is, and its hash: an IPv4 address (a mapped one too), an IPv6 /64,
 * a link-local address with its scope; with a port when clients are to be told apart by it. Words at
 * the end that are not needed are 0. Thread: any. */
void flow_note_sources(
	const struct flow_key *key, const struct datagram_list *batch, bool with_port);

/* The same with a table's key. Thread: any. */
void flow_prepare(
	const struct flow_table *table, const struct datagram_list *batch, bool with_port);

/* A hint, shortly before these prepared ones are looked for. */
void flow_expect(const struct flow_table *table, const struct datagram_list *batch);

/* The flow of a prepared one: it may be a new one, in no place. At least one must be idle or
 * unused. */
struct flow *flow_find(struct flow_table *table, const struct datagram *datagram);

/* All flows start anew. */
void flow_table_next_window(struct flow_table *table);

/* Add to what a flow was served (a correction may be negative), and hang it behind its equals. */
void flow_move(struct flow_table *table, struct flow *flow, enum flow_place place, int64_t ns);

/* Only add; it moves, behind its equals, only if these are others now. */
void flow_charge(struct flow_table *table, struct flow *flow, int64_t ns);

/* The same for the flows of prepared ones, each what it took. New ones are idle then. */
void flow_charge_each(struct flow_table *table, const struct datagram_list *jobs);

/* The ready flow that was served least, or else the stale one: of its equals the first or the last
 * hung; NULL: none. */
struct flow *flow_least_served(struct flow_table *table, bool last);

#endif
