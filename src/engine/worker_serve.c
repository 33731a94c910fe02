/* Running the jobs of a batch, and answering them. */
#include <errno.h>

#include "base/sys.h"
#include "engine/worker.h"

/* A plain load and store: only this thread writes. */
static void count_up(_Atomic uint64_t *counter, uint64_t by)
{
	atomic_store_explicit(counter, atomic_load_explicit(counter, memory_order_relaxed) + by,
		memory_order_relaxed);
}

static void log_request(struct worker *worker, const struct service *service,
	const struct datagram *job, int64_t wait_ns, ssize_t reply_bytes)
{
	log_event(worker->log, EVENT_REQUEST,
		LOG_FIELDS(log_addr("client", &job->client), log_text("service", service->name),
			log_uint("bytes", job->length), log_int("reply_bytes", reply_bytes),
			log_int("wait_us", wait_ns / NS_PER_US),
			log_int("service_us", job->service_ns / NS_PER_US)));
}

static void log_handler_error(
	struct worker *worker, const struct service *service, const struct datagram *job, int error)
{
	uint64_t suppressed;

	if (!log_limit_pass(&worker->error_limit, sys_monotonic_ns(), &suppressed))
		return;
	log_event(worker->log, EVENT_HANDLER_FAILED,
		LOG_FIELDS(log_addr("client", &job->client), log_text("service", service->name),
			log_errno("error", error), log_uint("suppressed", suppressed)));
}

/* What the handler returned: to the reply, or into the books. */
static void settle(struct worker *worker, const struct service *service, struct datagram *job,
	ssize_t length, struct ledger *results)
{
	if (length >= 0) {
		reply_add(worker->replies, job, (size_t)length);
		return;
	}
	if (length == DGRAM_NO_REPLY) {
		results->no_reply++;
		return;
	}
	count_up(&worker->counters.errors, 1);
	if (length == HANDLER_REPLY_TOO_LONG) {
		results->failed[FAIL_REPLY_SIZE]++;
		log_handler_error(worker, service, job, EMSGSIZE);
		return;
	}
	results->failed[FAIL_HANDLER]++;
	log_handler_error(worker, service, job, (int)-length);
}

static void set_watch(struct worker *worker, const struct service *service,
	const struct datagram *job, int64_t since_ns)
{
	struct worker_watch *watch = &worker->watch;

	lock_take(&watch->lock);
	watch->since_ns = since_ns;
	watch->service = (unsigned)(service - worker->shared->services);
	watch->client = job->client;
	watch->told = false;
	lock_release(&watch->lock);
}

/* What is the same for all jobs of a batch. */
struct serving {
	struct worker *worker;
	struct service *service;
	void *state;
	bool logged;
	struct handler_request request;
};

static void begin(struct serving *serving, struct worker *worker, struct service *service)
{
	serving->worker = worker;
	serving->service = service;
	serving->state = worker->states[service - worker->shared->services];
	serving->logged = log_enabled(worker->log, (enum log_level)EVENT_REQUEST_LEVEL);
	handler_request_init(
		&serving->request, worker->shared->sockets, worker->log, worker->number);
}

/* Run the handler on one job, begun at *now_ns, which becomes the time of its end. */
static void run(
	struct serving *serving, struct datagram *job, int64_t *now_ns, struct ledger *results)
{
	struct worker *worker = serving->worker;
	struct service *service = serving->service;
	bool watched = atomic_load_explicit(&worker->shared->watched, memory_order_relaxed);
	int64_t begin_ns = *now_ns;
	ssize_t length;

	handler_lend(&serving->request, job);
	if (watched)
		set_watch(worker, service, job, begin_ns);
	length = handler_run(&service->handler, serving->state, &serving->request,
		reply_buffer(worker->replies), worker->replies->buffer_bytes);
	if (watched)
		set_watch(worker, service, job, 0);
	*now_ns = sys_monotonic_ns();
	job->service_ns = *now_ns > begin_ns ? *now_ns - begin_ns : 1;
	histogram_add(&worker->counters.service_ns, job->service_ns);
	if (serving->logged)
		log_request(
			worker, service, job, begin_ns - job->arrived_ns, length < 0 ? -1 : length);
	settle(worker, service, job, length, results);
}

/* Answer those that were shed, after all others: they are in the books already. */
int64_t worker_tell_busy(struct worker *worker, struct service *service, struct datagram_list *shed)
{
	struct ledger sent = { 0 };
	struct serving serving;

	begin(&serving, worker, service);
	for (struct datagram *job = shed->first; job != NULL; job = job->next) {
		ssize_t length;

		handler_lend(&serving.request, job);
		length = handler_busy(&service->handler, serving.state, &serving.request,
			reply_buffer(worker->replies), worker->replies->buffer_bytes);
		if (length >= 0)
			reply_add(worker->replies, job, (size_t)length);
	}
	reply_send(worker->replies, &sent);
	atomic_fetch_add(&service->busy_replied, sent.replied);
	slab_give(worker->shared->slab, shed);
	return sys_monotonic_ns();
}

/* Jobs may have grown old while those before them in the batch ran, and answers wait for long. */
int64_t worker_serve(struct worker *worker, struct service *service, struct datagram_list *jobs,
	int64_t now_ns, struct ledger *ret_results)
{
	int64_t sent_ns = now_ns;
	struct serving serving;

	begin(&serving, worker, service);
	*ret_results = (struct ledger){ 0 };
	for (struct datagram *job = jobs->first; job != NULL; job = job->next) {
		if (atomic_load_explicit(&worker->shared->hurry, memory_order_relaxed))
			ret_results->dropped[DROP_SHUTDOWN]++;
		else if (job->expires_ns <= now_ns)
			ret_results->dropped[DROP_EXPIRED]++;
		else
			run(&serving, job, &now_ns, ret_results);
		if (now_ns - sent_ns > QUEUE_BATCH_NS) {
			if (job->service_ns > QUEUE_BATCH_NS && service->queue != NULL)
				queue_put_behind(service->queue, job, jobs);
			reply_send(worker->replies, ret_results); /* which may have waited */
			sent_ns = now_ns = sys_monotonic_ns();
		}
	}
	reply_send(worker->replies, ret_results);
	count_up(&worker->counters.requests, jobs->count - ret_results->dropped[DROP_SHUTDOWN] -
						     ret_results->dropped[DROP_EXPIRED]);
	return sys_monotonic_ns();
}
