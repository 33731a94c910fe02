#include "load/report.h"

#include <inttypes.h>

#include "base/clock.h"

static const char *const mode_sentences[] = {
	[LOAD_SINGLE] = "one request",
	[LOAD_OPEN] = "open loop",
	[LOAD_CLOSED] = "closed loop",
	[LOAD_FIND_MAX] = "the highest rate",
};

static const char *const mode_names[] = {
	[LOAD_SINGLE] = "lone",
	[LOAD_OPEN] = "open",
	[LOAD_CLOSED] = "closed",
	[LOAD_FIND_MAX] = "find-max",
};

/* --- text */

static void print_head(const struct load_options *options, const struct load_result *result)
{
	char server[ADDR_TEXT_MAX];

	(void)printf(
		"%s, %s", addr_format(&options->server, server), mode_sentences[options->mode]);
	if (options->mode == LOAD_OPEN)
		(void)printf(" of %.0f/s", options->rate);
	if (options->mode == LOAD_CLOSED)
		(void)printf(" of %u in flight each", options->in_flight);
	(void)printf(", %u socket%s, %zu bytes, %.1f s\n", options->sockets,
		options->sockets == 1 ? "" : "s", result->size, result->seconds);
}

static void print_counts(const struct load_result *result)
{
	const struct load_counters *counters = &result->counters;
	double sent = counters->sent > 0 ? (double)counters->sent : 1;

	if (result->mode == LOAD_OPEN)
		(void)printf("  due       %12" PRIu64 "  %12.0f/s\n", result->due,
			load_run_rate(result, result->due));
	(void)printf("  sent      %12" PRIu64 "  %12.0f/s\n", counters->sent,
		load_run_rate(result, counters->sent));
	(void)printf("  answered  %12" PRIu64 "  %12.0f/s  %.3f %%\n", counters->answered,
		load_run_rate(result, counters->answered), 100 * (double)counters->answered / sent);
	(void)printf("  lost      %12" PRIu64 "  %14s  %.3f %%\n", counters->lost, "",
		100 * (double)counters->lost / sent);
	(void)printf("  late      %12" PRIu64 "  %14s  %.3f %%\n", counters->late, "",
		100 * (double)counters->late / sent);
	if (counters->duplicates + counters->reordered + counters->wrong + counters->strays +
			counters->too_short >
		0)
		(void)printf("  duplicates %" PRIu64 ", reordered %" PRIu64 ", wrong %" PRIu64
			     ", of long ago %" PRIu64 ", too short %" PRIu64 "\n",
			counters->duplicates, counters->reordered, counters->wrong,
			counters->strays, counters->too_short);
}

static void print_times(struct load_result *result)
{
	struct load_durations *latency = &result->counters.latency, *lag = &result->counters.lag;

	if (latency->count == 0)
		(void)puts("  latency   none: nothing was answered");
	else if (!load_window_knows_latency(&result->counters))
		(void)puts("  latency   unknown");
	else
		(void)printf("  latency   p50 %.1f us, p90 %.1f us, p99 %.1f us, p99.9 %.1f us, "
			     "max %.1f us\n",
			load_durations_quantile_us(latency, 0.5),
			load_durations_quantile_us(latency, 0.9),
			load_durations_quantile_us(latency, 0.99),
			load_durations_quantile_us(latency, 0.999),
			load_durations_quantile_us(latency, 1));
	if (result->mode == LOAD_OPEN)
		(void)printf("  own lag   p50 %.1f us, p99 %.1f us, max %.1f us\n",
			load_durations_quantile_us(lag, 0.5), load_durations_quantile_us(lag, 0.99),
			load_durations_quantile_us(lag, 1));
	(void)printf("  own CPU   %.0f %%, and waited for one %.0f %%\n", result->cpu_percent,
		result->wait_percent);
}

static void print_search(const struct load_search *search)
{
	(void)printf("  rates tried  answered/s      loss         p99  limited by\n");
	for (unsigned i = 0; i < search->steps_count; i++) {
		const struct load_step *step = &search->steps[i];

		(void)printf("  %11.0f  %10.0f  %6.3f %%  ", step->rate, step->answered,
			step->loss_percent);
		if (step->latency_known)
			(void)printf("%8.0f us", step->p99_us);
		else
			(void)printf("%11s", "unknown");
		(void)printf("  %s\n", load_limit_names[step->limit]);
	}
	if (search->max_rate == 0) {
		(void)printf(
			"  no rate held, limited by %s\n", load_limit_sentences[search->limit]);
		return;
	}
	(void)printf("  highest rate %.0f/s, limited by %s\n", search->max_rate,
		load_limit_sentences[search->limit]);
	if (search->steady_rate > 0)
		(void)printf("  range: %.0f/s held in each try, ", search->steady_rate);
	else
		(void)printf("  range: no rate held in each try, ");
	if (search->failed_rate > 0)
		(void)printf("%.0f/s in none\n", search->failed_rate);
	else
		(void)puts("no higher one was tried");
}

static void print_summary(const struct load_options *options, struct load_result *result,
	const struct load_search *search)
{
	struct load_remarks remarks;

	print_head(options, result);
	print_counts(result);
	print_times(result);
	if (options->mode == LOAD_FIND_MAX)
		print_search(search);
	else
		(void)printf("  limited by %s\n",
			load_limit_sentences[load_limit_find(options, result)]);
	load_limit_remark(result, &remarks);
	for (unsigned i = 0; i < remarks.count; i++)
		(void)printf("  %s\n", remarks.texts[i]);
}

/* --- JSON */

static void write_counts(const struct load_result *result)
{
	const struct load_counters *counters = &result->counters;
	const struct {
		const char *name;
		uint64_t count;
	} counts[] = {
		{ "due", result->due },
		{ "sent", counters->sent },
		{ "answered", counters->answered },
		{ "lost", counters->lost },
		{ "late", counters->late },
		{ "duplicates", counters->duplicates },
		{ "reordered", counters->reordered },
		{ "wrong", counters->wrong },
		{ "strays", counters->strays },
		{ "too_short", counters->too_short },
		{ "send_errors", result->send_errors },
		{ "refused", result->refused },
		{ "bytes_sent", counters->sent * result->size },
		{ "bytes_received", result->bytes_received },
		{ "client_drops", result->client_drops },
	};

	for (size_t i = 0; i < sizeof(counts) / sizeof(counts[0]); i++)
		(void)printf("  \"%s\": %" PRIu64 ",\n", counts[i].name, counts[i].count);
	(void)printf("  \"rate_offered\": %.3f,\n", load_run_rate(result, result->due));
	(void)printf("  \"rate_sent\": %.3f,\n", load_run_rate(result, counters->sent));
	(void)printf("  \"rate_answered\": %.3f,\n", load_run_rate(result, counters->answered));
}

/* null: unknown, or there is none. */
static void write_latency(struct load_counters *counters)
{
	struct load_durations *latency = &counters->latency;
	static const struct {
		const char *name;
		double quantile;
	} quantiles[] = { { "p50", 0.5 }, { "p90", 0.9 }, { "p99", 0.99 }, { "p999", 0.999 } };

	if (!load_window_knows_latency(counters)) {
		(void)puts("  \"latency_us\": null,");
		return;
	}
	(void)printf("  \"latency_us\": { \"min\": %.3f, \"mean\": %.3f",
		(double)latency->min_ns / (double)NS_PER_US,
		latency->sum_ns / (double)latency->count / (double)NS_PER_US);
	for (size_t i = 0; i < sizeof(quantiles) / sizeof(quantiles[0]); i++)
		(void)printf(", \"%s\": %.3f", quantiles[i].name,
			load_durations_quantile_us(latency, quantiles[i].quantile));
	(void)printf(", \"max\": %.3f },\n", (double)latency->max_ns / (double)NS_PER_US);
}

static void write_lag(struct load_durations *lag)
{
	(void)printf("  \"lag_us\": { \"p50\": %.3f, \"p99\": %.3f, \"max\": %.3f },\n",
		load_durations_quantile_us(lag, 0.5), load_durations_quantile_us(lag, 0.99),
		(double)lag->max_ns / (double)NS_PER_US);
}

static void write_search(const struct load_search *search)
{
	(void)printf("  \"max_rate\": %.3f,\n  \"steady_rate\": %.3f,\n", search->max_rate,
		search->steady_rate);
	if (search->failed_rate > 0)
		(void)printf("  \"failed_rate\": %.3f,\n", search->failed_rate);
	else
		(void)puts("  \"failed_rate\": null,");
	(void)puts("  \"steps\": [");
	for (unsigned i = 0; i < search->steps_count; i++) {
		const struct load_step *step = &search->steps[i];

		(void)printf("    { \"rate\": %.3f, \"answered\": %.3f, \"loss_percent\": %.4f, "
			     "\"p99_us\": ",
			step->rate, step->answered, step->loss_percent);
		if (step->latency_known)
			(void)printf("%.3f", step->p99_us);
		else
			(void)printf("null");
		(void)printf(", \"limited_by\": \"%s\" }%s\n", load_limit_names[step->limit],
			i + 1 < search->steps_count ? "," : "");
	}
	(void)puts("  ],");
}

/* No remark has a character that JSON would escape. */
static void write_remarks(struct load_result *result)
{
	struct load_remarks remarks;

	load_limit_remark(result, &remarks);
	(void)printf("  \"remarks\": [");
	for (unsigned i = 0; i < remarks.count; i++)
		(void)printf("%s\n    \"%s\"", i > 0 ? "," : "", remarks.texts[i]);
	(void)puts(" ]");
}

static void write_summary(const struct load_options *options, struct load_result *result,
	const struct load_search *search)
{
	bool searched = options->mode == LOAD_FIND_MAX;
	enum load_limit limit = searched ? search->limit : load_limit_find(options, result);
	char server[ADDR_TEXT_MAX];

	(void)printf("{\n  \"mode\": \"%s\",\n  \"server\": \"%s\",\n  \"sockets\": %u,\n",
		mode_names[options->mode], addr_format(&options->server, server), options->sockets);
	(void)printf("  \"seconds\": %.6f,\n", result->seconds);
	write_counts(result);
	write_latency(&result->counters);
	write_lag(&result->counters.lag);
	(void)printf("  \"client_cpu_percent\": %.1f,\n", result->cpu_percent);
	(void)printf("  \"client_cpu_wait_percent\": %.1f,\n", result->wait_percent);
	if (result->server.local)
		(void)printf("  \"server_drops\": %" PRIu64 ",\n", result->server.drops);
	else
		(void)puts("  \"server_drops\": null,");
	(void)printf("  \"limited_by\": \"%s\",\n", load_limit_names[limit]);
	if (searched)
		write_search(search);
	else
		(void)puts("  \"max_rate\": null,\n  \"steady_rate\": null,\n"
			   "  \"failed_rate\": null,\n  \"steps\": [],");
	write_remarks(result);
	(void)puts("}");
}

/* --- */

void load_report(const struct load_options *options, struct load_result *result,
	const struct load_search *search)
{
	if (options->json)
		write_summary(options, result, search);
	else if (options->mode != LOAD_SINGLE)
		print_summary(options, result, search);
}
