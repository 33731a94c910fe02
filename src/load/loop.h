/* The loop of a run: its sockets, their requests and answers. One thread; all memory is taken when
 * it begins. */
#ifndef LOAD_LOOP_H
#define LOAD_LOOP_H

#include <sys/epoll.h>

#include "load/batch.h"
#include "load/client.h"
#include "load/pace.h"
#include "load/run.h"

struct load_loop {
	const struct load_options *options;
	const struct load_payload *payload;
	struct load_result *result;
	struct load_tally *tally; /* the result's */
	struct load_batch *batch;
	struct load_client *clients;
	struct load_request *requests; /* of all windows */
	int epoll;
	struct epoll_event ready[LOAD_BATCH]; /* the clients that were just heard of */
	unsigned ready_count;
	int64_t begin_ns; /* CLOCK_MONOTONIC; all other times count from here */

	struct load_pace pace; /* open loop */
	uint64_t due_count;    /* requests in all */
	uint64_t left;	       /* of them, not yet tried */
	uint64_t next;	       /* those before it are due */
	bool behind;	       /* some of those could not be sent yet */
};

/* -errno: one line on stderr says what. `ret_loop` is to be closed in any case. */
int load_loop_open(struct load_loop *ret_loop, const struct load_options *options,
	const struct load_payload *payload, struct load_result *result);
void load_loop_close(struct load_loop *loop);

int64_t load_loop_now_ns(const struct load_loop *loop);

/* Wait for answers until then, and take them from the sockets that have some. */
void load_loop_wait(struct load_loop *loop, int64_t until_ns);

/* Send up to `count` requests of a client, at most LOAD_BATCH: how many were sent, not yet in the
 * tally; 0 when there is no room for them now; -errno when the first cannot be sent at all, which
 * is counted. */
int load_loop_send(struct load_loop *loop, struct load_client *client, unsigned count);

/* Count those as lost whose patience is over. */
void load_loop_expire(struct load_loop *loop, int64_t now_ns);

/* --- load_open.c, load_closed.c */

/* Make the plan of an open loop that ends at `end_ns`, or earlier. True: the count of requests ends
 * it. */
bool load_open_plan(struct load_loop *loop, int64_t *end_ns);

/* Send what is due by now. When the next request is due. */
int64_t load_open_send(struct load_loop *loop, int64_t now_ns);

/* Have all clients, or those just heard of, send until they have enough on their way. */
void load_closed_send_all(struct load_loop *loop);
void load_closed_send_ready(struct load_loop *loop);

#endif
