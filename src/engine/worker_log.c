/* What a worker logs of a request. */
#include "base/clock.h"
#include "engine/worker.h"

void worker_log_request(struct worker *worker, const struct service *service,
	const struct datagram *job, int64_t wait_ns, ssize_t reply_bytes)
{
	log_event(worker->log, EVENT_REQUEST,
		LOG_FIELDS(log_addr("client", &job->client), log_text("service", service->name),
			log_uint("bytes", job->length), log_int("reply_bytes", reply_bytes),
			log_int("wait_us", wait_ns / NS_PER_US),
			log_int("service_us", job->service_ns / NS_PER_US)));
}
