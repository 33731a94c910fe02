/* Tables of the page. */
#include <string.h>

#include "admin/html.h"
#include "admin/page.h"
#include "admin/view.h"
#include "base/clock.h"

/* A batch is at most 100 us of work, but for its last call. */
#define LONG_NS (uint64_t) NS_PER_S

static void put_busy(FILE *file, double share)
{
	(void)fprintf(file,
		"<td class=\"n\" data-label=\"busy\"><meter max=\"1\" value=\"%.3f\" "
		"aria-label=\"busy\"></meter> <span class=\"of\">%.0f %%</span></td>",
		share, 100 * share);
}

static void put_count_cell(FILE *file, const char *label, uint64_t value)
{
	char text[HTML_NUMBER_MAX];

	html_number_cell(file, label, html_count(value, text));
}

/* --- workers */

static void put_worker_state(FILE *file, const struct dgram_worker_stats *stats)
{
	char text[HTML_NUMBER_MAX];

	if (stats->step_ns == 0) {
		html_cell(file, "state", "idle");
		html_cell(file, "service", "\xe2\x80\x93");
		return;
	}
	(void)fputs("<td data-label=\"state\">", file);
	if (stats->step_ns >= LONG_NS)
		(void)fprintf(file, "<strong class=\"bad\">busy for %s</strong></td>",
			html_duration((double)stats->step_ns / 1e3, text));
	else
		(void)fputs("busy</td>", file);
	html_cell(file, "service", stats->step_service);
}

static void put_quantile(
	FILE *file, const char *label, const struct dgram_worker_stats *stats, double share)
{
	char text[HTML_NUMBER_MAX];

	if (stats->service_ns_count == 0)
		html_number_cell(file, label, "\xe2\x80\x93");
	else
		html_number_cell(
			file, label, html_duration((double)view_quantile_us(stats, share), text));
}

static void put_worker(FILE *file, struct admin *admin, const struct dgram_worker_stats *stats)
{
	char name[VIEW_NAME_MAX];

	view_worker_name(stats->number, name);
	(void)fputs("<tr>", file);
	html_name_cell(file, name);
	put_worker_state(file, stats);
	put_busy(file, history_busy_share(admin->history, stats->number));
	put_count_cell(file, "requests", stats->requests);
	put_count_cell(file, "errors", stats->errors);
	put_quantile(file, "p50", stats, 0.5);
	put_quantile(file, "p99", stats, 0.99);
	(void)fputs("</tr>\n", file);
}

void page_put_workers(FILE *file, struct admin *admin)
{
	static const char *const columns[] = { "thread", "state", "service", "#busy", "#requests",
		"#errors", "#p50", "#p99", NULL };
	struct dgram_worker_stats *stats;

	html_table_begin(file, "Workers", columns);
	for (size_t i = 0; dgram_server_worker_stats(admin->server, i, &stats) == 0; i++) {
		put_worker(file, admin, stats);
		dgram_stats_free(stats);
	}
	html_table_end(file);
}

/* --- services */

static uint64_t total_of(const struct dgram_reason *reasons, size_t count)
{
	uint64_t total = 0;

	for (size_t i = 0; i < count; i++)
		total += reasons[i].count;
	return total;
}

static void put_queue(FILE *file, uint64_t queued, unsigned capacity)
{
	char waiting[HTML_NUMBER_MAX], room[HTML_NUMBER_MAX];

	if (capacity == 0) {
		html_number_cell(file, "queue", "none");
		return;
	}
	(void)fprintf(file,
		"<td class=\"n\" data-label=\"queue\"><meter max=\"%u\" high=\"%u\" optimum=\"0\" "
		"value=\"%llu\" aria-label=\"queue\"></meter> <span class=\"of\">%s of %s</span></td>",
		capacity, capacity - capacity / 4, (unsigned long long)queued,
		html_count(queued, waiting), html_count(capacity, room));
}

static void put_service(FILE *file, const struct dgram_service_stats *stats, unsigned capacity)
{
	(void)fputs("<tr>", file);
	html_name_cell(file, stats->name);
	put_queue(file, stats->queued, capacity);
	put_count_cell(file, "running", stats->running);
	put_count_cell(file, "received", stats->received);
	put_count_cell(file, "replied", stats->replied);
	put_count_cell(file, "no reply", stats->no_reply);
	put_count_cell(file, "dropped",
		total_of(stats->dropped, stats->dropped_count) + stats->dropped_by_kernel);
	put_count_cell(file, "failed", total_of(stats->failed, stats->failed_count));
	(void)fputs("</tr>\n", file);
}

void page_put_services(FILE *file, struct admin *admin, const struct admin_state *state)
{
	static const char *const columns[] = { "service", "#queue", "#running", "#received",
		"#replied", "#no reply", "#dropped", "#failed", NULL };
	struct dgram_service_stats *stats;

	html_table_begin(file, "Services", columns);
	for (size_t i = 0; dgram_server_stats(admin->server, i, &stats) == 0; i++) {
		put_service(file, stats, state->capacities[i]);
		dgram_stats_free(stats);
	}
	html_table_end(file);
}

/* --- drops */

static void put_reason(FILE *file, const char *service, const struct dgram_counter *counter)
{
	const char *advice = dgram_advice(counter->name);

	if (advice == NULL || counter->value == 0)
		return;
	(void)fputs("<tr>", file);
	html_name_cell(file, service);
	html_cell(file, "reason", counter->name);
	put_count_cell(file, "count", counter->value);
	html_cell(file, "advice", advice);
	(void)fputs("</tr>\n", file);
}

static bool has_losses(const struct dgram_service_stats *stats)
{
	for (size_t i = 0; i < stats->counters_count; i++)
		if (stats->counters[i].value > 0 && dgram_advice(stats->counters[i].name) != NULL)
			return true;
	return false;
}

void page_put_drops(FILE *file, struct admin *admin)
{
	static const char *const columns[] = { "service", "reason", "#count", "advice", NULL };
	struct dgram_service_stats *stats;
	bool begun = false;

	for (size_t i = 0; dgram_server_stats(admin->server, i, &stats) == 0; i++) {
		if (has_losses(stats) && !begun)
			html_table_begin(file, "Drops", columns);
		begun |= has_losses(stats);
		for (size_t k = 0; k < stats->counters_count; k++)
			put_reason(file, stats->name, &stats->counters[k]);
		dgram_stats_free(stats);
	}
	if (begun)
		html_table_end(file);
	else
		(void)fputs("<section><h2>Drops</h2><p>Nothing was dropped.</p></section>\n", file);
}
