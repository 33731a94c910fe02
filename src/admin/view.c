#include "admin/view.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "admin/offspring.h"
#include "admin/past.h"
#include "base/addr.h"
#include "base/clock.h"
#include "base/sys.h"

void view_add_time(cJSON *json, const char *key, time_t when)
{
	char text[32] = "";
	struct tm utc;

	if (when == 0 || gmtime_r(&when, &utc) == NULL ||
		strftime(text, sizeof(text), "%Y-%m-%dT%H:%M:%SZ", &utc) == 0)
		(void)cJSON_AddNullToObject(json, key);
	else
		(void)cJSON_AddStringToObject(json, key, text);
}

static void add_count(cJSON *json, const char *key, uint64_t value)
{
	(void)cJSON_AddNumberToObject(json, key, (double)value);
}

/* --- /readyz */

const char *view_why_not_ready(const struct admin_state *state)
{
	bool waits = state->waiting[0] != '\0';

	if (state->stopping)
		return waits ? "it stops, and waits for an address" : "it stops";
	if (state->out)
		return waits ? "it was taken out of service, and waits for an address"
			     : "it was taken out of service";
	return state->ready ? NULL : "waiting for an address";
}

void view_ready(struct admin *admin, unsigned long number, struct admin_answer *answer)
{
	struct admin_state state = admin_read(admin);
	const char *why = view_why_not_ready(&state);
	char text[384];

	(void)number;
	(void)snprintf(text, sizeof(text), "%s%s%s%s\n", why != NULL ? "not ready: " : "ready",
		why != NULL ? why : "", why != NULL && state.waiting[0] != '\0' ? ": " : "",
		why != NULL ? state.waiting : "");
	answer_set_text(answer, why == NULL ? 200 : 503, text);
}

/* --- /status */

static void add_addresses(cJSON *json, struct admin *admin, size_t service)
{
	cJSON *list = cJSON_AddArrayToObject(json, "addresses");
	struct sockaddr_storage storage;
	char text[ADDR_TEXT_MAX];
	union addr address;
	int error;

	for (size_t i = 0;
		(error = dgram_server_address(admin->server, service, i, &storage)) != -ENOENT;
		i++) {
		if (error < 0)
			continue;
		memcpy(&address, &storage, sizeof(address));
		(void)cJSON_AddItemToArray(list, cJSON_CreateString(addr_format(&address, text)));
	}
}

static cJSON *show_service(
	struct admin *admin, size_t number, const struct dgram_service_stats *stats)
{
	cJSON *json = cJSON_CreateObject();

	(void)cJSON_AddStringToObject(json, "name", stats->name);
	add_addresses(json, admin, number);
	for (size_t i = 0; i < stats->counters_count; i++)
		add_count(json, stats->counters[i].name, stats->counters[i].value);
	return json;
}

static void add_services(cJSON *json, struct admin *admin)
{
	cJSON *list = cJSON_AddArrayToObject(json, "services");
	struct dgram_service_stats *stats;

	for (size_t i = 0; dgram_server_stats(admin->server, i, &stats) == 0; i++) {
		(void)cJSON_AddItemToArray(list, show_service(admin, i, stats));
		dgram_stats_free(stats);
	}
}

static unsigned count_busy_workers(struct admin *admin)
{
	struct dgram_worker_stats *stats;
	unsigned busy = 0;

	for (size_t i = 0; dgram_server_worker_stats(admin->server, i, &stats) == 0; i++) {
		busy += stats->number < DGRAM_WORKERS_MAX && stats->step_ns > 0;
		dgram_stats_free(stats);
	}
	return busy;
}

static void add_config(cJSON *json, const struct admin_state *state)
{
	cJSON *config = cJSON_AddObjectToObject(json, "config");

	add_count(config, "generation", 1 + (uint64_t)state->reloads);
	view_add_time(config, "last_reload", state->last_reload);
	(void)cJSON_AddBoolToObject(config, "last_reload_successful", !state->reload_refused);
	add_count(config, "reloads_refused", state->reloads_failed);
}

void view_status(struct admin *admin, unsigned long number, struct admin_answer *answer)
{
	struct admin_state state = admin_read(admin);
	const char *why = view_why_not_ready(&state);
	cJSON *json = cJSON_CreateObject();

	(void)number;
	add_count(json, "pid", (uint64_t)getpid());
	(void)cJSON_AddStringToObject(json, "version", dgram_version());
	view_add_time(json, "started", admin->started);
	add_count(
		json, "uptime_s", (uint64_t)((sys_monotonic_ns() - admin->started_ns) / NS_PER_S));
	(void)cJSON_AddBoolToObject(json, "ready", why == NULL);
	if (why != NULL)
		(void)cJSON_AddStringToObject(json, "not_ready", why);
	if (state.waiting[0] != '\0')
		(void)cJSON_AddStringToObject(json, "waiting_for", state.waiting);
	add_config(json, &state);
	add_count(json, "workers", state.workers);
	add_count(json, "workers_busy", count_busy_workers(admin));
	past_add_stuck(json, admin);
	add_services(json, admin);
	offspring_add(json, admin);
	answer_set_json(answer, 200, json);
}

/* --- /workers */

uint64_t view_quantile_us(const struct dgram_worker_stats *stats, double share)
{
	uint64_t total = 0, seen = 0;

	for (size_t i = 0; i < stats->service_ns_count; i++)
		total += stats->service_ns[i].count;
	for (size_t i = 0; i < stats->service_ns_count; i++) {
		seen += stats->service_ns[i].count;
		if ((double)seen >= share * (double)total)
			return stats->service_ns[i].most_ns / (uint64_t)NS_PER_US;
	}
	return 0;
}

void view_worker_name(unsigned number, char name[static VIEW_NAME_MAX])
{
	bool pools = number < DGRAM_WORKERS_MAX;

	(void)snprintf(name, VIEW_NAME_MAX, "%s%u", pools ? "w" : "rx",
		pools ? number : number - DGRAM_WORKERS_MAX);
}

static cJSON *show_worker(const struct admin *admin, const struct dgram_worker_stats *stats)
{
	uint64_t up_ns = (uint64_t)(sys_monotonic_ns() - admin->started_ns);
	cJSON *json = cJSON_CreateObject();
	char name[VIEW_NAME_MAX];

	view_worker_name(stats->number, name);
	add_count(json, "number", stats->number);
	(void)cJSON_AddStringToObject(json, "thread", name);
	(void)cJSON_AddStringToObject(json, "state", stats->step_ns > 0 ? "busy" : "idle");
	if (stats->step_service != NULL)
		(void)cJSON_AddStringToObject(json, "service", stats->step_service);
	add_count(json, "busy_for_us", stats->step_ns / (uint64_t)NS_PER_US);
	add_count(json, "requests", stats->requests);
	add_count(json, "errors", stats->errors);
	add_count(json, "busy_us", stats->busy_ns / (uint64_t)NS_PER_US);
	(void)cJSON_AddNumberToObject(
		json, "busy_share", up_ns > 0 ? (double)stats->busy_ns / (double)up_ns : 0);
	add_count(json, "service_p50_us", view_quantile_us(stats, 0.5));
	add_count(json, "service_p99_us", view_quantile_us(stats, 0.99));
	return json;
}

void view_workers(struct admin *admin, unsigned long number, struct admin_answer *answer)
{
	cJSON *json = cJSON_CreateObject(), *list = cJSON_AddArrayToObject(json, "workers");
	struct dgram_worker_stats *stats;

	(void)number;
	for (size_t i = 0; dgram_server_worker_stats(admin->server, i, &stats) == 0; i++) {
		(void)cJSON_AddItemToArray(list, show_worker(admin, stats));
		dgram_stats_free(stats);
	}
	answer_set_json(answer, 200, json);
}

void view_worker(struct admin *admin, unsigned long number, struct admin_answer *answer)
{
	struct dgram_worker_stats *stats;
	cJSON *json = NULL;

	for (size_t i = 0; json == NULL && dgram_server_worker_stats(admin->server, i, &stats) == 0;
		i++) {
		if (stats->number == number) {
			json = show_worker(admin, stats);
			past_add(json, admin, i);
		}
		dgram_stats_free(stats);
	}
	if (json != NULL)
		answer_set_json(answer, 200, json);
	else
		answer_refuse(answer, 404, "there is no worker of this number");
}

/* --- /drops */

static void add_reason(cJSON *list, const char *service, const char *name, uint64_t count)
{
	const char *advice = dgram_advice(name);
	cJSON *json;

	if (count == 0)
		return;
	json = cJSON_CreateObject();
	(void)cJSON_AddStringToObject(json, "service", service);
	(void)cJSON_AddStringToObject(json, "reason", name);
	add_count(json, "count", count);
	(void)cJSON_AddStringToObject(json, "advice", advice != NULL ? advice : "");
	(void)cJSON_AddItemToArray(list, json);
}

/* The log's names. */
void view_drops(struct admin *admin, unsigned long number, struct admin_answer *answer)
{
	cJSON *json = cJSON_CreateObject(), *list = cJSON_AddArrayToObject(json, "drops");
	struct dgram_service_stats *stats;

	(void)number;
	add_count(json, "uptime_us",
		(uint64_t)((sys_monotonic_ns() - admin->started_ns) / NS_PER_US));
	for (size_t i = 0; dgram_server_stats(admin->server, i, &stats) == 0; i++) {
		for (size_t k = 0; k < stats->counters_count; k++)
			if (dgram_advice(stats->counters[k].name) != NULL)
				add_reason(list, stats->name, stats->counters[k].name,
					stats->counters[k].value);
		dgram_stats_free(stats);
	}
	answer_set_json(answer, 200, json);
}
