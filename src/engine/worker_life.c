/* A worker's birth and end. */
#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

#include "engine/worker.h"

bool worker_serves(const struct worker *worker, const struct service *service)
{
	return worker->only != NULL ? worker->only == service : service->queue != NULL;
}

/* Room for the longest reply that it may have to send. */
static int make_replies(struct worker *worker)
{
	size_t most = 0;
	int error;

	for (unsigned i = 0; i < worker->shared->services_count; i++) {
		const struct service *service = &worker->shared->services[i];

		if (worker_serves(worker, service) && service->reply_bytes > most)
			most = service->reply_bytes;
	}
	error = reply_batch_new(most, slab_data_bytes(worker->shared->slab), &worker->replies);
	if (error < 0)
		return error;
	worker->replies->sockets = worker->shared->sockets;
	worker->replies->log = worker->log;
	return 0;
}

int worker_new(struct worker_shared *shared, const struct worker_identity *identity,
	struct worker **ret_worker)
{
	struct worker *worker = calloc(1, sizeof(*worker));
	int error = 0;

	if (worker == NULL)
		return -ENOMEM;
	lock_init(&worker->running_call.lock);
	worker->number = identity->number;
	worker->only = identity->only;
	worker->log = identity->log;
	worker->shared = shared;
	worker->states = calloc(shared->services_count, sizeof(*worker->states));
	worker->started = calloc(shared->services_count, sizeof(*worker->started));
	worker->counters = calloc(shared->services_count, sizeof(*worker->counters));
	worker->reported = calloc(shared->services_count, sizeof(*worker->reported));
	worker->replies = identity->replies;
	if (worker->states == NULL || worker->started == NULL || worker->counters == NULL ||
		worker->reported == NULL)
		error = -ENOMEM;
	else if (worker->replies == NULL)
		error = make_replies(worker);
	if (error < 0) {
		worker_free(worker);
		return error;
	}
	*ret_worker = worker;
	return 0;
}

void worker_free(struct worker *worker)
{
	if (worker == NULL)
		return;
	if (worker->only == NULL)
		reply_batch_free(worker->replies);
	lock_destroy(&worker->running_call.lock);
	free(worker->counters);
	free(worker->reported);
	free(worker->states);
	free(worker->started);
	free(worker);
}

int worker_start(struct worker *worker)
{
	atomic_store(&worker->recorder.thread, gettid());
	worker->refused = NULL;
	for (unsigned i = 0; i < worker->shared->services_count; i++) {
		struct service *service = &worker->shared->services[i];
		int error = 0;

		if (!worker_serves(worker, service))
			continue;
		error = handler_worker_start(
			&service->handler, worker->number, worker->log, &worker->states[i]);
		if (error < 0) {
			worker->refused = &service->handler;
			worker_stop(worker);
			return error;
		}
		worker->started[i] = true;
	}
	return 0;
}

void worker_stop(struct worker *worker)
{
	for (unsigned i = worker->shared->services_count; i-- > 0;) {
		if (worker->started[i])
			handler_worker_stop(
				&worker->shared->services[i].handler, worker->states[i]);
		worker->started[i] = false;
	}
}
