#include "admin/talkers.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <string.h>

#include "base/addr.h"
#include "base/clock.h"

/* "192.0.2.7", "2001:db8::/64", or with a port as an address has it. */
static void name_source(const struct dgram_talker *talker, char text[static ADDR_TEXT_MAX + 4])
{
	union addr address;
	char bare[INET6_ADDRSTRLEN];
	const void *bytes;

	memcpy(&address, &talker->source, sizeof(address));
	if (addr_port(&address) != 0) {
		(void)addr_format(&address, text);
		return;
	}
	bytes = address.sa.sa_family == AF_INET ? (const void *)&address.in.sin_addr
						: &address.in6.sin6_addr;
	(void)inet_ntop(address.sa.sa_family, bytes, bare, sizeof(bare));
	(void)snprintf(text, ADDR_TEXT_MAX + 4, "%s%s", bare, talker->prefix == 64 ? "/64" : "");
}

static void add_list(cJSON *json, const char *key, const struct dgram_talker *list, size_t count)
{
	cJSON *array = cJSON_AddArrayToObject(json, key);
	char text[ADDR_TEXT_MAX + 4];

	for (size_t i = 0; i < count; i++) {
		cJSON *talker = cJSON_CreateObject();

		name_source(&list[i], text);
		(void)cJSON_AddStringToObject(talker, "source", text);
		(void)cJSON_AddNumberToObject(talker, "requests", (double)list[i].requests);
		(void)cJSON_AddNumberToObject(
			talker, "busy_us", (double)list[i].busy_ns / (double)NS_PER_US);
		(void)cJSON_AddItemToArray(array, talker);
	}
}

void talkers_view(struct admin *admin, unsigned long number, struct admin_answer *answer)
{
	cJSON *json = cJSON_CreateObject(), *list = cJSON_AddArrayToObject(json, "services");
	struct dgram_talkers *talkers;

	(void)number;
	for (size_t i = 0; dgram_server_talkers(admin->server, i, &talkers) == 0; i++) {
		cJSON *service = cJSON_CreateObject();

		(void)cJSON_AddStringToObject(service, "name", talkers->name);
		add_list(service, "by_requests", talkers->by_requests, talkers->by_requests_count);
		add_list(service, "by_time", talkers->by_time, talkers->by_time_count);
		(void)cJSON_AddItemToArray(list, service);
		dgram_stats_free(talkers);
	}
	answer_set_json(answer, 200, json);
}
