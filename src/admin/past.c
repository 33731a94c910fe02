#include "admin/past.h"

#include <string.h>

#include "admin/view.h"
#include "base/addr.h"
#include "base/clock.h"

static void add_us(cJSON *json, const char *key, uint64_t ns)
{
	const uint64_t us = ns / (uint64_t)NS_PER_US;

	(void)cJSON_AddNumberToObject(json, key, (double)us);
}

static void add_client(cJSON *json, const struct sockaddr_storage *client)
{
	char text[ADDR_TEXT_MAX];
	union addr address;

	memcpy(&address, client, sizeof(address));
	(void)cJSON_AddStringToObject(json, "client", addr_format(&address, text));
}

static void add_result(cJSON *json, int result)
{
	const char *error = result < 0 ? strerrordesc_np(-result) : NULL;

	if (result >= 0)
		(void)cJSON_AddNumberToObject(json, "reply_bytes", result);
	else
		(void)cJSON_AddStringToObject(json, "result",
			result == DGRAM_NO_REPLY ? "no reply"
			: error != NULL		 ? error
						 : "unknown error");
}

static cJSON *show_past(const struct dgram_past_request *past)
{
	cJSON *json = cJSON_CreateObject();

	(void)cJSON_AddStringToObject(json, "service", past->service);
	add_client(json, &past->client);
	(void)cJSON_AddNumberToObject(json, "bytes", (double)past->bytes);
	add_result(json, past->result);
	add_us(json, "wait_us", past->wait_ns);
	add_us(json, "service_us", past->service_ns);
	add_us(json, "ago_us", past->ago_ns);
	return json;
}

static void add_call(cJSON *json, const struct dgram_worker_requests *requests)
{
	if (requests->running_ns > 0) {
		(void)cJSON_AddStringToObject(json, "service", requests->service);
		add_client(json, &requests->client);
		add_us(json, "running_us", requests->running_ns);
		add_us(json, "cpu_us", requests->cpu_ns);
		(void)cJSON_AddBoolToObject(json, "overdue", requests->overdue);
	}
	(void)cJSON_AddStringToObject(json, "does", requests->thread);
}

void past_add(cJSON *json, struct admin *admin, size_t index)
{
	struct dgram_worker_requests *requests;
	cJSON *list;

	if (dgram_server_worker_requests(admin->server, index, &requests) < 0)
		return;
	add_call(cJSON_AddObjectToObject(json, "now"), requests);
	list = cJSON_AddArrayToObject(json, "last_requests");
	for (size_t i = 0; i < requests->past_count; i++)
		(void)cJSON_AddItemToArray(list, show_past(&requests->past[i]));
	dgram_stats_free(requests);
}

static cJSON *show_stuck(const struct dgram_worker_requests *requests)
{
	cJSON *json = cJSON_CreateObject();
	char name[VIEW_NAME_MAX];

	view_worker_name(requests->number, name);
	(void)cJSON_AddStringToObject(json, "worker", name);
	add_call(json, requests);
	return json;
}

void past_add_stuck(cJSON *json, struct admin *admin)
{
	cJSON *list = cJSON_AddArrayToObject(json, "stuck");
	struct dgram_worker_requests *requests;
	struct dgram_worker_stats *stats;

	for (size_t i = 0; dgram_server_worker_stats(admin->server, i, &stats) == 0; i++) {
		bool overdue = stats->overdue;

		dgram_stats_free(stats);
		if (!overdue || dgram_server_worker_requests(admin->server, i, &requests) < 0)
			continue;
		if (requests->overdue)
			(void)cJSON_AddItemToArray(list, show_stuck(requests));
		dgram_stats_free(requests);
	}
}
