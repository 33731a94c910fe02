/* The call of the handler that runs now, for the server's look at overdue ones. */
#ifndef ENGINE_RUNNING_CALL_H
#define ENGINE_RUNNING_CALL_H

#include <stdbool.h>
#include <stdint.h>

#include "base/addr.h"
#include "base/lock.h"

struct running_call {
	struct lock lock;
	/* under the lock */
	int64_t since_ns; /* 0: none */
	unsigned service;
	union addr client;

	/* The owner's, under the lock, too. */
	bool counted, told; /* it is overdue, and that is in the books, and in the log */
	bool seen;	    /* it was looked at */
	int64_t cpu_ns;	    /* of its thread by then */
};

/* A call begins. Thread: the worker's. */
void running_call_begin(
	struct running_call *call, unsigned service, const union addr *client, int64_t now_ns);
void running_call_end(struct running_call *call);

#endif
