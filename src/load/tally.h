/* The books of a run: what became of each request. Every request that was sent is answered, late or
 * lost in the end, or still on its way.
 *
 * Answers are matched by the number that they carry, or in the order of the requests where they
 * carry none. All times are in ns since the run began. */
#ifndef LOAD_TALLY_H
#define LOAD_TALLY_H

#include <stdbool.h>
#include <stdint.h>

#include "base/histogram.h"

struct load_durations {
	struct histogram histogram;
	uint64_t count;
	int64_t min_ns, max_ns;
	double sum_ns;
};

struct load_tally {
	int64_t counted_from_ns; /* requests that were due before are not counted */
	int64_t patience_ns;
	uint64_t in_flight; /* of all sockets, counted or not */
	uint64_t sent, answered, lost, late;
	uint64_t duplicates; /* further answers to a request */
	uint64_t reordered;  /* answers that came after one to a later request of that socket */
	uint64_t wrong;	     /* answers that are not what was asked */
	uint64_t strays;     /* answers to requests of so long ago that they are forgotten */
	struct load_durations latency, lag;
};

enum load_state { LOAD_FREE, LOAD_ON_ITS_WAY, LOAD_ANSWERED, LOAD_LOST };

struct load_request {
	int64_t due_ns;
	enum load_state state;
};

/* The requests of one socket, of which the newest are remembered. */
struct load_window {
	struct load_request *requests; /* the caller's; request n is at n & mask */
	uint64_t mask;
	uint64_t next;	    /* the number of the next request */
	uint64_t oldest;    /* none before it is on its way */
	uint64_t newest;    /* answered, plus 1 */
	uint64_t unclaimed; /* lost and counted, for answers in order */
	uint32_t in_flight;
};

/* `room`: a power of two. */
void load_window_init(struct load_window *window, struct load_request *requests, uint64_t room);

/* How many more can be sent before the oldest that is on its way would be forgotten. */
uint64_t load_window_room(const struct load_window *window);

/* The window's next request was sent at `now_ns`, and was to be at `due_ns`. There is room. */
void load_tally_sent(
	struct load_tally *tally, struct load_window *window, int64_t due_ns, int64_t now_ns);

/* An answer to request `number`; or to the oldest on its way; or one that is wrong. */
void load_tally_answer(
	struct load_tally *tally, struct load_window *window, uint64_t number, int64_t now_ns);
void load_tally_answer_in_order(
	struct load_tally *tally, struct load_window *window, int64_t now_ns);
void load_tally_wrong(struct load_tally *tally, int64_t now_ns);

/* Requests without an answer within the patience are lost, unless one comes yet: then late. */
void load_tally_expire(struct load_tally *tally, struct load_window *window, int64_t now_ns);

void load_durations_add(struct load_durations *durations, int64_t ns);

/* Of none: 0. Exact to a 32nd, and never above the longest. */
int64_t load_durations_quantile(struct load_durations *durations, double quantile);

#endif
