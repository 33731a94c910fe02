/* The window of a socket: its newest requests and what became of each, counted in the counters that
 * all sockets share. Every request that was sent ends as answered, late or lost, or is in flight.
 *
 * An answer is matched to its request by the number that it carries, or in the order of the requests
 * when it carries none. All times are in ns since the start of the run. */
#ifndef LOAD_WINDOW_H
#define LOAD_WINDOW_H

#include <stdbool.h>

#include "load/durations.h"

/* Begin with zeros; the first two fields are settings. */
struct load_counters {
	int64_t counted_from_ns; /* requests that were due before are warm-up, and not counted */
	int64_t timeout_ns;
	uint64_t in_flight; /* warm-up included */
	uint64_t sent, answered, lost, late;
	uint64_t duplicates; /* further answers to a request */
	uint64_t reordered;  /* answers that came after one to a later request of the same socket */
	uint64_t wrong;	 /* answers without a valid number, or with other content than asked for */
	uint64_t strays; /* answers to requests that the window has forgotten */
	uint64_t too_short; /* what came is too short to be an answer */
	/* From when a request was due to its answer, from then until it was sent, and from then to its
	 * answer. */
	struct load_durations latency, lag, since_sent;
	bool in_order; /* some answers were matched in the order of the requests */
	bool astray;   /* and that order may be wrong: a request had no answer, or two */
};

enum load_request_state { LOAD_UNUSED, LOAD_IN_FLIGHT, LOAD_ANSWERED, LOAD_LOST };

struct load_request {
	int64_t due_ns;
	uint32_t lag_us;
	enum load_request_state state;
};

struct load_window {
	struct load_counters *counters;
	struct load_request *requests; /* the caller's; request n is at n & mask */
	uint64_t mask;
	uint64_t next;	      /* the number of the next request */
	uint64_t oldest;      /* no request before it is in flight */
	uint64_t newest;      /* the highest number that was answered, plus 1 */
	uint64_t lost_unseen; /* lost requests whose late answer, in order, has not come */
	uint32_t in_flight;
};

/* `room`: the length of `requests`, a power of two. */
void load_window_init(struct load_window *window, struct load_counters *counters,
	struct load_request *requests, uint64_t room);

/* How many more requests can be sent before the oldest one in flight would be forgotten. */
uint64_t load_window_room(const struct load_window *window);

/* The next request, due at `due_ns`, was sent at `now_ns`. The window must have room. */
void load_window_sent(struct load_window *window, int64_t due_ns, int64_t now_ns);

/* An answer came: to request `number`, to the oldest request in flight, or a wrong one. */
void load_window_answer(struct load_window *window, uint64_t number, int64_t now_ns);
void load_window_answer_in_order(struct load_window *window, int64_t now_ns);
void load_window_wrong(struct load_window *window, int64_t now_ns);
void load_window_too_short(struct load_window *window, int64_t now_ns);

/* Count requests that were in flight for longer than the timeout as lost. If an answer still comes,
 * such a request is late instead. */
void load_window_expire(struct load_window *window, int64_t now_ns);

/* Whether it is known how long the answers took: there are some, and each is that of its request. */
bool load_window_knows_latency(const struct load_counters *counters);

#endif
