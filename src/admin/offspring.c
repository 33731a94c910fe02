#include "admin/offspring.h"

#include <stdio.h>
#include <string.h>

#include "admin/html.h"
#include "admin/view.h"
#include "base/clock.h"

static const char *const fates[] = { "serving", "recycled", "crashed", "killed", "start_failed",
	"quarantined" };

#define FATES (sizeof(fates) / sizeof(fates[0]))

/* What a quarantine dropped is in datagrams. */
static uint64_t count_of(const struct dgram_service_stats *stats, const char *fate)
{
	char name[32];

	(void)snprintf(name, sizeof(name), "%s%s",
		strcmp(fate, "quarantined") == 0 ? "dropped_" : "children_", fate);
	for (size_t i = 0; i < stats->counters_count; i++)
		if (strcmp(stats->counters[i].name, name) == 0)
			return stats->counters[i].value;
	return 0;
}

/* "signal SEGV", "exit status 3" */
static const char *name_end(const struct dgram_child_end *end, char text[static 32])
{
	if (end->pid == 0)
		(void)snprintf(text, 32, "end of stream");
	else if (end->signal != 0 && sigabbrev_np(end->signal) != NULL)
		(void)snprintf(text, 32, "signal %s", sigabbrev_np(end->signal));
	else if (end->signal != 0)
		(void)snprintf(text, 32, "signal %d", end->signal);
	else
		(void)snprintf(text, 32, "exit status %d", end->exit_code);
	return text;
}

/* False: there is no such service, or no memory. */
static bool read_service(struct admin *admin, size_t service, struct dgram_child_ends **ret_ends,
	struct dgram_service_stats **ret_stats)
{
	if (dgram_server_child_ends(admin->server, service, ret_ends) < 0)
		return false;
	if (dgram_server_stats(admin->server, service, ret_stats) == 0)
		return true;
	dgram_stats_free(*ret_ends);
	return false;
}

/* --- /status */

static cJSON *make_end(const struct dgram_child_end *end)
{
	cJSON *json = cJSON_CreateObject();
	char text[32];

	view_add_time(json, "at", (time_t)(end->at_ns / NS_PER_S));
	(void)cJSON_AddNumberToObject(json, "pid", end->pid);
	(void)cJSON_AddStringToObject(json, "how", end->how);
	(void)cJSON_AddStringToObject(json, "ended", name_end(end, text));
	(void)cJSON_AddStringToObject(json, "reason", end->reason);
	(void)cJSON_AddNumberToObject(json, "requests", (double)end->requests);
	return json;
}

static cJSON *make_offspring(
	const struct dgram_child_ends *ends, const struct dgram_service_stats *stats)
{
	cJSON *json = cJSON_CreateObject(), *last;

	(void)cJSON_AddStringToObject(json, "service", stats->name);
	for (size_t i = 0; i < FATES; i++)
		(void)cJSON_AddNumberToObject(json, fates[i], (double)count_of(stats, fates[i]));
	last = cJSON_AddArrayToObject(json, "last_ends");
	for (size_t i = 0; i < ends->count; i++)
		(void)cJSON_AddItemToArray(last, make_end(&ends->last[i]));
	return json;
}

void offspring_add(cJSON *json, struct admin *admin)
{
	cJSON *list = cJSON_AddArrayToObject(json, "children");
	struct dgram_service_stats *stats;
	struct dgram_child_ends *ends;

	for (size_t i = 0; read_service(admin, i, &ends, &stats); i++) {
		if (ends->has_children)
			(void)cJSON_AddItemToArray(list, make_offspring(ends, stats));
		dgram_stats_free(ends);
		dgram_stats_free(stats);
	}
}

/* --- the page */

static void put_end_row(FILE *file, const char *service, const struct dgram_child_end *end)
{
	char text[64], count[HTML_NUMBER_MAX];
	time_t at = (time_t)(end->at_ns / NS_PER_S);
	struct tm utc;

	(void)fputs("<tr>", file);
	html_name_cell(file, service);
	(void)strftime(text, sizeof(text), "%F %T", gmtime_r(&at, &utc));
	html_cell(file, "ended at (UTC)", text);
	(void)snprintf(text, sizeof(text), "%d", end->pid);
	html_number_cell(file, "pid", text);
	html_number_cell(file, "requests", html_count(end->requests, count));
	html_cell(file, "how", end->how);
	html_cell(file, "end", name_end(end, text));
	html_cell(file, "reason", end->reason);
	(void)fputs("</tr>\n", file);
}

static void put_count_row(FILE *file, const struct dgram_service_stats *stats)
{
	char count[HTML_NUMBER_MAX];

	(void)fputs("<tr>", file);
	html_name_cell(file, stats->name);
	for (size_t i = 0; i < FATES; i++)
		html_number_cell(file, fates[i], html_count(count_of(stats, fates[i]), count));
	(void)fputs("</tr>\n", file);
}

static void put_fates(FILE *file, struct admin *admin, bool last)
{
	static const char *const counts[] = { "service", "#serving", "#recycled", "#crashed",
		"#killed", "#start_failed", "#quarantined", NULL };
	static const char *const ended[] = { "service", "ended at (UTC)", "#pid", "#requests",
		"how", "end", "reason", NULL };
	struct dgram_service_stats *stats;
	struct dgram_child_ends *ends;
	bool begun = false;

	for (size_t i = 0; read_service(admin, i, &ends, &stats); i++) {
		if (!begun && (last ? ends->count > 0 : ends->has_children)) {
			html_table_begin(file,
				last ? "Children\xe2\x80\x99s last ends" : "Children",
				last ? ended : counts);
			begun = true;
		}
		if (!last && ends->has_children)
			put_count_row(file, stats);
		for (size_t k = 0; last && k < ends->count; k++)
			put_end_row(file, stats->name, &ends->last[k]);
		dgram_stats_free(ends);
		dgram_stats_free(stats);
	}
	if (begun)
		html_table_end(file);
}

void offspring_put(FILE *file, struct admin *admin)
{
	put_fates(file, admin, false);
	put_fates(file, admin, true);
}
