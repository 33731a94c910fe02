/* The loop of a run: it sends the requests of all sockets, by a schedule (open loop) or when earlier
 * ones are answered (closed loop), and receives the answers. One thread; all memory is allocated when
 * it opens. Times are in ns since then. */
#ifndef LOAD_LOOP_H
#define LOAD_LOOP_H

#include <sys/epoll.h>

#include "load/batch.h"
#include "load/client.h"
#include "load/run.h"
#include "load/schedule.h"

struct load_loop {
	const struct load_options *options;
	const struct load_payload *payload;
	struct load_result *result;
	struct load_batch *batch;
	struct load_client *clients;
	struct load_request *requests; /* of all windows */
	int epoll;
	struct epoll_event ready[LOAD_BATCH]; /* clients that had answers in the last wait */
	unsigned ready_count;
	int64_t begin_ns; /* CLOCK_MONOTONIC */
	int64_t end_ns;	  /* sending ends then */

	/* open loop */
	struct load_schedule schedule;
	uint64_t due_count; /* requests in all */
	uint64_t next;	    /* the first request that is not yet due */
	uint64_t left;	    /* requests that were not tried yet */
	bool behind;	    /* some requests before `next` could not be sent yet */
	bool until_tried;   /* --count ends the loop: send all requests, even after end_ns */

	/* closed loop */
	bool refill_all; /* any client may send more, not only the ready ones */
};

/* -errno: one line on stderr says what failed. Close `ret_loop` in any case. */
int load_loop_open(struct load_loop *ret_loop, const struct load_options *options,
	const struct load_payload *payload, struct load_result *result);
void load_loop_close(struct load_loop *loop);

int64_t load_loop_now_ns(const struct load_loop *loop);

/* Send what is to be sent now. Returns when the next request is due: INT64_MAX in a closed loop. */
int64_t load_loop_send(struct load_loop *loop, int64_t now_ns);

/* Wait for answers until `until_ns` and receive those that come. */
void load_loop_wait(struct load_loop *loop, int64_t until_ns);

/* Count requests that exceeded the timeout as lost. */
void load_loop_expire(struct load_loop *loop, int64_t now_ns);

/* Whether all requests were sent, or the time for sending is over. */
bool load_loop_is_over(const struct load_loop *loop, int64_t now_ns);

#endif
