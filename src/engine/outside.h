/* A batch whose handler runs outside of the process. Who keeps the children is handed the requests, and says of each
 * what became of it, in any order and once, before run() returns. Thread: the worker's. */
#ifndef ENGINE_OUTSIDE_H
#define ENGINE_OUTSIDE_H

#include "engine/answer.h"
#include "engine/handler.h"
#include "engine/worker.h"

struct outside_batch;

/* Whom a service asks. */
struct outside {
	void (*run)(struct outside *outside, struct outside_batch *batch);
};

struct outside_request {
	struct datagram *datagram;
	ssize_t length; /* of the first reply that has left; -1: none has */
	bool counted;	/* as struct answer has it */
	bool ended;	/* and so its bytes may be gone */
};

struct outside_batch {
	struct worker *worker;
	struct service *service;
	struct worker_counters *counters;
	struct answer answer;
	int64_t since_ns; /* when the last request ended, or all began */
	unsigned count, left;
	struct outside_request requests[QUEUE_BATCH_MAX];
};

/* For worker.c alone: have all of `jobs` run. Returns when that was done. */
int64_t outside_run(struct worker *worker, struct service *service, struct datagram_list *jobs,
	int64_t now_ns, struct ledger *ret_results);

/* Is it still to be run? Else it has ended: the server stops, or its time is over. */
bool outside_may_run(struct outside_batch *batch, struct outside_request *request, int64_t now_ns);

/* It was answered by these bytes; with `more`, it has not ended. */
void outside_reply(struct outside_batch *batch, struct outside_request *request, const void *data,
	size_t length, bool more);

/* There is no reply, or no further one. */
void outside_end(struct outside_batch *batch, struct outside_request *request);

/* It failed; `error` is an errno value for the log. If it was answered before, it just ends. */
void outside_fail(struct outside_batch *batch, struct outside_request *request,
	enum ledger_failure failure, int error);

/* It was not run, or the server stops and it may have been. */
void outside_drop(
	struct outside_batch *batch, struct outside_request *request, enum ledger_drop reason);

/* Lend it to what handlers call, dgram_request_reply() and its like, which take it for theirs; and take it back. */
void outside_lend(struct outside_batch *batch, const struct outside_request *request,
	struct handler_request *ret_lent);
void outside_return(const struct outside_batch *batch, struct outside_request *request);

/* Have the replies leave, because what comes next may take a while. */
void outside_flush(struct outside_batch *batch);

/* Does the server stop without waiting? */
static inline bool outside_is_aborting(const struct outside_batch *batch)
{
	return atomic_load_explicit(&batch->worker->shared->aborting, memory_order_relaxed);
}

#endif
