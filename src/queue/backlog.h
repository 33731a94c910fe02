/* The backlog: the datagrams that wait in a queue, and the rules by which one is next.
 *
 * DESIGN. Fair: the next one is of the flow that was served least in the current window; in calm
 * the oldest of the flow that became ready first, while overloaded the newest of the flow that was
 * heard from last. While overloaded a flow whose newest is stale makes way for those with fresher
 * ones, and every third one that is taken is the newest of all, so that forged sources cannot push
 * honest ones aside. When there is no room the oldest of the longest flow goes. Fifo: the oldest,
 * always. With order kept for each client, a flow is an address with its port, its oldest goes
 * first at any time, and nothing of it is next while one of its is running.
 *
 * A flow is charged when one of its datagrams is taken, by the mean service time, and that is
 * corrected when it is finished.
 *
 * What comes is sorted into its flows only when it matters which is next, or which goes. When all that
 * waits is taken at once, and nothing of it was sorted, it is taken by age, and its flows are charged
 * when it is finished. Everything is O(1) a datagram. Thread: whoever holds the queue's lock. */
#ifndef QUEUE_BACKLOG_H
#define QUEUE_BACKLOG_H

#include "core/datagram.h"
#include "queue/flow.h"
#include "queue/flow_lengths.h"

enum backlog_discipline {
	BACKLOG_FAIR,
	BACKLOG_FIFO,
};

struct backlog_rules {
	enum backlog_discipline discipline;
	bool per_client; /* keep each client's order, one at a time */
};

struct backlog {
	struct backlog_rules rules;
	struct flow_table *flows;
	struct link by_age;	       /* that are sorted, the oldest first */
	struct datagram_list unsorted; /* newer ones */
	struct flow_lengths lengths;
	unsigned count; /* of both */
	unsigned taken; /* while overloaded, to count to NEWEST_EVERY */
};

/* Room for `capacity` that wait and `running` that were taken. -ENOMEM. */
int backlog_init(struct backlog *backlog, const struct backlog_rules *rules, unsigned capacity,
	unsigned running);
void backlog_destroy(struct backlog *backlog);

/* Bytes of address space that it takes besides the struct. */
size_t backlog_bytes(unsigned capacity, unsigned running);

/* Before datagrams are added: does what can be done without the lock. Thread: any. */
void backlog_prepare(const struct backlog *backlog, const struct datagram_list *batch);

/* What the rules depend on now. */
struct backlog_moment {
	bool overloaded;
	int64_t stale_ns; /* CLOCK_MONOTONIC: what arrived before is stale */
};

/* A hint, with the lock, where each of them will be sorted at once. */
void backlog_expect(const struct backlog *backlog, const struct datagram_list *batch);

/* All of a batch, which was prepared, wait from now on. They have no flow yet. */
void backlog_add(struct backlog *backlog, struct datagram_list *batch);

/* Sort all that wait into their flows, as taking one and looking for a victim do. */
void backlog_sort(struct backlog *backlog, const struct backlog_moment *moment);

/* The oldest of all; NULL when none waits. It stays. */
struct datagram *backlog_oldest(const struct backlog *backlog);

/* Take out the oldest or the victim for good: it was not run. */
void backlog_drop(struct backlog *backlog, struct datagram *datagram);

/* The one to drop to make room. One must wait. It stays. */
struct datagram *backlog_victim(struct backlog *backlog, const struct backlog_moment *moment);

/* Take out the next to be run, charging its flow `mean_ns`; NULL when none may be run now. */
struct datagram *backlog_take(
	struct backlog *backlog, const struct backlog_moment *moment, int64_t mean_ns);

/* Take out all, the oldest first, without sorting. False, and nothing is taken, when some were sorted
 * before, or may not be run at once with others. */
bool backlog_take_all(struct backlog *backlog, struct datagram_list *ret_jobs);

/* These, all taken at once or all one by one, are done, and service_ns is known (0: it was not run). True:
 * others of their flows wait that could not be taken before. */
bool backlog_finish(struct backlog *backlog, const struct datagram_list *jobs);

/* A new window: all flows start anew. */
void backlog_next_window(struct backlog *backlog);

#endif
