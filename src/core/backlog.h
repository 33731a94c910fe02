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
 * corrected when it is finished. Everything is O(1) a datagram. Thread: whoever holds the queue's
 * lock. */
#ifndef CORE_BACKLOG_H
#define CORE_BACKLOG_H

#include "core/datagram.h"
#include "core/flow.h"

enum backlog_discipline {
	BACKLOG_FAIR,
	BACKLOG_FIFO,
};

struct backlog_rules {
	enum backlog_discipline discipline;
	bool per_client; /* keep each client's order, one at a time */
};

/* Lists of flows by the number of datagrams that wait: one each from 2 to 64, and one beyond. Those
 * with one need none: when no flow has more, the oldest of all is the oldest of the longest. */
#define BACKLOG_LENGTHS 64u

struct backlog {
	struct backlog_rules rules;
	struct flow_table *flows;
	struct link by_age;	 /* all that wait, the oldest first */
	uint64_t lengths_filled; /* a bit a list that is not empty */
	struct link lengths[BACKLOG_LENGTHS];
	unsigned count;
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

/* With the lock, shortly before they are added: a hint. */
void backlog_expect(const struct backlog *backlog, const struct datagram_list *batch);

/* What the rules depend on now. */
struct backlog_moment {
	bool overloaded;
	int64_t stale_ns; /* CLOCK_MONOTONIC: what arrived before is stale */
};

/* It waits from now on. It was prepared. */
void backlog_add(
	struct backlog *backlog, struct datagram *datagram, const struct backlog_moment *moment);

/* The oldest of all; NULL when none waits. It stays. */
struct datagram *backlog_oldest(const struct backlog *backlog);

/* Take one out for good: it was not run. */
void backlog_drop(struct backlog *backlog, struct datagram *datagram);

/* The one to drop to make room. One must wait. It stays. */
struct datagram *backlog_victim(struct backlog *backlog);

/* Take out the next to be run, charging its flow `mean_ns`; NULL when none may be run now. */
struct datagram *backlog_take(
	struct backlog *backlog, const struct backlog_moment *moment, int64_t mean_ns);

/* One that was taken is done, and service_ns is known. True: others of its flow wait that could not
 * be taken before. */
bool backlog_finish(struct backlog *backlog, struct datagram *datagram);

/* A new window: all flows start anew. */
void backlog_next_window(struct backlog *backlog);

#endif
