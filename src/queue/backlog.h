/* The backlog: the datagrams that wait in a queue, and the rules by which one is next.
 *
 * Fair: every other one is of the network that was served least in the current window, every fourth of the flow that
 * was, and every fourth is drawn at random. Fifo: the oldest, always. When order is kept for each client, a flow is
 * an address with its port, its oldest datagram goes first at any time, and nothing of it is next while one of its
 * is running.
 *
 *			next, fair				evicted when there is no room
 *	calm		the oldest of the flow that became	the oldest of the longest flow;
 *			ready first among the least served;	fifo: the oldest
 *			none is drawn; those over limits last
 *	overloaded	the newest of the flow that was drawn,	the same
 *			or of the least served, and among equals
 *			of the drawn one; aged flows, and those
 *			over limits, last
 *
 * A backlog is overloaded when it has not been empty for overload_interval_ns and its oldest datagram
 * is aged: it waited for more than a quarter of that. A flow is aged when its newest datagram is. An
 * answer in time beats an answer in order. One whose latest datagram is over the limits of its source is set aside like
 * an aged one. One is drawn because forged sources, each of which was served nothing yet, would push honest ones aside; and among equals, because senders choose who is heard from first or last. Turns by
 * network let a network of abusers weigh as one; those by address leave a share to clients who are many in one network.
 *
 * A flow is charged the mean service time when one of its datagrams is taken, which is corrected when
 * it is finished. What comes is sorted into its flows only when it matters which is next, or which is
 * evicted. When all that waits is taken at once, and nothing of it was sorted, it is taken by age, and
 * its flows are charged when it is finished; their networks are not. Everything is O(1) a datagram.
 *
 * Thread: the holder of the queue's lock. */
#ifndef QUEUE_BACKLOG_H
#define QUEUE_BACKLOG_H

#include "core/datagram.h"
#include "queue/flow.h"
#include "queue/recent.h"

enum backlog_discipline {
	BACKLOG_FAIR,
	BACKLOG_FIFO,
};

struct backlog_rules {
	enum backlog_discipline discipline;
	bool per_client; /* keep each client's order, one at a time */
};

struct backlog {
	/* Set by the owner, at any time. */
	int64_t overload_interval_ns;
	int64_t fair_window_ns;

	struct backlog_rules rules;
	struct flow_table *flows;
	struct link by_age;	       /* those that are sorted, the oldest first */
	struct datagram_list unsorted; /* newer ones */
	unsigned count;		       /* of both */
	struct recent recent;	       /* those that are sorted, to draw from */
	unsigned turns;		       /* by which one is next: those that were taken, fair */
	int64_t empty_ns;	       /* when it was last empty */
	int64_t window_ns;	       /* when the window began */
};

/* Room for `capacity` that wait and `running` that were taken. -ENOMEM. */
int backlog_init(struct backlog *backlog, const struct backlog_rules *rules, unsigned capacity,
	unsigned running);
void backlog_destroy(struct backlog *backlog);

/* Bytes of address space that it takes besides the struct. */
size_t backlog_bytes(unsigned capacity, unsigned running);

/* Before datagrams are added: what can be done without the lock. Thread: any. */
void backlog_prepare(const struct backlog *backlog, const struct datagram_list *batch);

/* A hint, with the lock, where each of them will be sorted at once. */
void backlog_expect(const struct backlog *backlog, const struct datagram_list *batch);

/* All of a batch, which was prepared, wait from now on. They have no flow yet. */
void backlog_add(struct backlog *backlog, struct datagram_list *batch, int64_t now_ns);

/* Sort all that wait into their flows, as taking one and looking for a victim do. */
void backlog_sort(struct backlog *backlog, int64_t now_ns);

/* Begin a new window when it is time: all flows then count as served nothing. */
void backlog_roll_window(struct backlog *backlog, int64_t now_ns);

/* The oldest of all; NULL when none waits. It stays. */
struct datagram *backlog_oldest(const struct backlog *backlog);

/* The one to evict to make room. One must wait. It stays. */
struct datagram *backlog_victim(struct backlog *backlog, int64_t now_ns);

/* Take out the oldest or the victim for good: it was not run. */
void backlog_drop(struct backlog *backlog, struct datagram *datagram);

/* Take out the next to be run, and charge its flow `charge_ns`; NULL when none may be run now. */
struct datagram *backlog_take(struct backlog *backlog, int64_t now_ns, int64_t charge_ns);

/* Take out all, the oldest first, without sorting. False, and nothing is taken, when some were sorted
 * before, or when not all may run at once. */
bool backlog_take_all(struct backlog *backlog, struct datagram_list *ret_jobs);

/* `slow`, one of these jobs, was slow: put those behind it that are of its source behind all others,
 * as they would have been had they been sorted. Thread: any, without the lock. */
void backlog_put_behind(
	const struct backlog *backlog, struct datagram *slow, struct datagram_list *jobs);

/* These, all taken at once or all one by one, are done, and service_ns is known (0: it was not run). */
void backlog_finish(struct backlog *backlog, const struct datagram_list *jobs);

/* Look at some sources more, in the last window that is over, in which something came; true: there are others. */
bool backlog_rank(const struct backlog *backlog, int64_t now_ns, struct talkers *talkers);

#endif
