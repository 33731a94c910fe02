#include "engine/outside.h"

#include <string.h>

#include "base/sys.h"

static void outside_init(struct outside_batch *batch, struct worker *worker,
	struct service *service, struct ledger *results)
{
	batch->worker = worker;
	batch->service = service;
	batch->counters = &worker->counters[service - worker->shared->services];
	batch->count = 0;
	atomic_store_explicit(&worker->recorder.service,
		(uint32_t)(service - worker->shared->services), memory_order_relaxed);
	worker->replies->losses = &service->losses[LEDGER_REASON(0)];
	batch->answer = (struct answer){
		.door = &service->door,
		.replies = worker->replies,
		.results = results,
		.losses = service->losses,
		.bytes_max = service->reply_bytes,
		.length = -1,
	};
}

/* What a request waits for in the child is the others that came with it: to the queue each took the same. */
static void share_time(const struct datagram_list *jobs, int64_t spent_ns)
{
	unsigned ran = 0;

	for (const struct datagram *job = jobs->first; job != NULL; job = job->next)
		ran += job->service_ns > 0;
	for (struct datagram *job = jobs->first; job != NULL; job = job->next)
		if (job->service_ns > 0)
			job->service_ns = spent_ns / ran | 1; /* never 0 */
}

int64_t outside_run(struct worker *worker, struct service *service, struct datagram_list *jobs,
	int64_t now_ns, struct ledger *ret_results)
{
	struct outside_batch batch;
	int64_t end_ns;

	*ret_results = (struct ledger){ 0 };
	outside_init(&batch, worker, service, ret_results);
	for (struct datagram *job = jobs->first; job != NULL; job = job->next)
		batch.requests[batch.count++] =
			(struct outside_request){ .datagram = job, .length = -1 };
	batch.left = batch.count;
	batch.since_ns = now_ns;
	service->outside->run(service->outside, &batch);
	assert(batch.left == 0);
	end_ns = sys_monotonic_ns();
	share_time(jobs, end_ns - now_ns);
	reply_send(worker->replies, ret_results);
	return sys_monotonic_ns();
}

static void close_request(struct outside_batch *batch, struct outside_request *request)
{
	assert(!request->ended);
	request->ended = true;
	batch->left--;
}

/* It was run, until now. */
static void end_run(struct outside_batch *batch, struct outside_request *request, ssize_t result)
{
	struct worker_counters *counters = batch->counters;
	struct datagram *job = request->datagram;
	int64_t now_ns = sys_monotonic_ns(), wait_ns = batch->since_ns - job->arrived_ns;

	job->service_ns = (now_ns - batch->since_ns) | 1; /* never 0 */
	worker_record(batch->worker, job, batch->since_ns, result);
	histogram_add(&counters->service_ns, job->service_ns);
	histogram_add(&counters->wait_ns, wait_ns);
	histogram_add_shared(&batch->service->queue_waits, batch->since_ns - job->received_ns, 1);
	atomic_store_explicit(&counters->requests,
		atomic_load_explicit(&counters->requests, memory_order_relaxed) + 1,
		memory_order_relaxed);
	if (atomic_load_explicit(&batch->worker->shared->log_requests, memory_order_relaxed))
		worker_log_request(
			batch->worker, batch->service, job, wait_ns, result < 0 ? -1 : result);
	batch->since_ns = now_ns;
	close_request(batch, request);
}

bool outside_may_run(struct outside_batch *batch, struct outside_request *request, int64_t now_ns)
{
	if (outside_is_aborting(batch))
		outside_drop(batch, request, DROP_SHUTDOWN);
	else if (request->datagram->expires_ns <= now_ns)
		outside_drop(batch, request, DROP_EXPIRED);
	return !request->ended;
}

static void load_answer(struct outside_batch *batch, const struct outside_request *request)
{
	batch->answer.length = request->length;
	batch->answer.counted = request->counted;
}

/* The first and only one may wait for its batch. */
static void add_reply(struct outside_batch *batch, struct outside_request *request,
	const void *data, size_t length)
{
	struct answer *answer = &batch->answer;

	memcpy(answer->replies->next_buffer, data, length);
	end_run(batch, request, (ssize_t)length);
	if (answer_may_add(answer, request->datagram, length))
		reply_add(answer->replies, request->datagram, length);
	if (answer->replies->full)
		outside_flush(batch);
}

void outside_reply(struct outside_batch *batch, struct outside_request *request, const void *data,
	size_t length, bool more)
{
	struct answer *answer = &batch->answer;

	load_answer(batch, request);
	if (!more && request->length < 0) {
		add_reply(batch, request, data, length);
		return;
	}
	(void)answer_now(answer, request->datagram, data, length);
	request->length = answer->length;
	request->counted = answer->counted;
	if (!more)
		outside_end(batch, request);
}

void outside_end(struct outside_batch *batch, struct outside_request *request)
{
	load_answer(batch, request);
	batch->answer.results->no_reply += request->length < 0;
	answer_end(&batch->answer, request->datagram);
	end_run(batch, request, request->length < 0 ? DGRAM_NO_REPLY : request->length);
}

void outside_fail(struct outside_batch *batch, struct outside_request *request,
	enum ledger_failure failure, int error)
{
	_Atomic uint64_t *errors = &batch->counters->errors;

	load_answer(batch, request);
	answer_end(&batch->answer, request->datagram);
	atomic_store_explicit(errors, atomic_load_explicit(errors, memory_order_relaxed) + 1,
		memory_order_relaxed);
	if (request->length < 0) {
		batch->answer.results->failed[failure]++;
		loss_note(&batch->service->losses[LEDGER_REASON(failure)], request->datagram, 0,
			error);
	}
	end_run(batch, request, request->length < 0 ? -error : request->length);
}

void outside_drop(
	struct outside_batch *batch, struct outside_request *request, enum ledger_drop reason)
{
	struct datagram *job = request->datagram;

	job->service_ns = 0;
	if (request->length < 0) {
		batch->answer.results->dropped[reason]++;
		loss_note(&batch->service->losses[reason], job,
			sys_monotonic_ns() - job->arrived_ns, 0);
	}
	close_request(batch, request);
}

void outside_lend(struct outside_batch *batch, const struct outside_request *request,
	struct handler_request *ret_lent)
{
	struct worker *worker = batch->worker;

	load_answer(batch, request);
	handler_request_init(ret_lent, &batch->service->handler, worker->shared->sockets,
		worker->log, worker->number);
	handler_lend(ret_lent, request->datagram);
	ret_lent->answer = &batch->answer;
}

void outside_return(const struct outside_batch *batch, struct outside_request *request)
{
	request->length = batch->answer.length;
	request->counted = batch->answer.counted;
}

void outside_flush(struct outside_batch *batch)
{
	reply_send(batch->worker->replies, batch->answer.results);
}
