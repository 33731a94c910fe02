/* The last requests of a worker, for the log and for the public. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/sys.h"
#include "server/server.h"

static struct log_field result_of(const struct recorded *recorded)
{
	if (recorded->result >= 0)
		return log_int("reply_bytes", recorded->result);
	if (recorded->result == DGRAM_NO_REPLY)
		return log_text("result", "no reply");
	if (recorded->result == HANDLER_REPLY_TOO_LONG)
		return log_text("result", "reply too long");
	return log_errno("result", -recorded->result);
}

void server_records_log(
	struct dgram_server *server, struct log_ring *ring, const struct worker *worker)
{
	struct recorded recorded[RECORDER_REQUESTS];
	unsigned count = recorder_read(&worker->recorder, recorded);
	int64_t now_ns = sys_monotonic_ns();

	for (unsigned i = 0; i < count; i++) {
		const struct recorded *one = &recorded[i];

		log_event_as(ring, server_worker_source(worker), EVENT_LAST_REQUEST,
			LOG_FIELDS(log_addr("client", &one->client),
				log_text("service", server->services[one->service].name),
				log_uint("bytes", one->bytes), result_of(one),
				log_int("wait_us", one->wait_ns / NS_PER_US),
				log_int("service_us", one->service_ns / NS_PER_US),
				log_int("ago_ms", (now_ns - one->begin_ns) / NS_PER_MS)));
	}
}

static void show_recorded(const struct dgram_server *server, const struct recorded *from,
	struct dgram_past_request *to, int64_t now_ns)
{
	*to = (struct dgram_past_request){
		.service = server->services[from->service].name,
		.bytes = from->bytes,
		.result = from->result == HANDLER_REPLY_TOO_LONG ? -EMSGSIZE : from->result,
		.wait_ns = (uint64_t)(from->wait_ns > 0 ? from->wait_ns : 0),
		.service_ns = (uint64_t)from->service_ns,
		.ago_ns = (uint64_t)(now_ns - from->begin_ns),
	};
	memcpy(&to->client, &from->client, sizeof(from->client));
}

int dgram_server_worker_requests(
	struct dgram_server *server, size_t index, struct dgram_worker_requests **ret_requests)
{
	/* In one piece. */
	struct {
		struct dgram_worker_requests all;
		struct dgram_past_request past[RECORDER_REQUESTS];
	} * shown;
	struct worker *worker = server_worker_stats_find(server, index);
	struct recorded recorded[RECORDER_REQUESTS];
	unsigned count;

	if (worker == NULL)
		return -ENOENT;
	shown = calloc(1, sizeof(*shown));
	if (shown == NULL)
		return -ENOMEM;
	count = recorder_read(&worker->recorder, recorded);
	for (unsigned i = 0; i < count; i++)
		show_recorded(server, &recorded[i], &shown->past[i], sys_monotonic_ns());
	server_overdue_show(worker, &shown->all);
	shown->all.number = worker->number;
	shown->all.past = shown->past;
	shown->all.past_count = count;
	*ret_requests = &shown->all;
	return 0;
}
