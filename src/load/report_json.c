#include <inttypes.h>

#include "base/clock.h"
#include "load/report.h"

static const char *const mode_names[] = {
	[LOAD_SINGLE] = "lone",
	[LOAD_OPEN] = "open",
	[LOAD_CLOSED] = "closed",
	[LOAD_FIND_MAX] = "find-max",
};

static double a_second(const struct load_result *result, uint64_t count)
{
	return result->seconds > 0 ? (double)count / result->seconds : 0;
}

static double us(int64_t ns)
{
	return (double)ns / (double)NS_PER_US;
}

static void write_counts(const struct load_result *result, FILE *file)
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
		{ "send_errors", result->send_errors },
		{ "refused", result->refused },
		{ "bytes_sent", counters->sent * result->size },
		{ "bytes_received", result->bytes_received },
		{ "client_drops", result->client_drops },
	};

	for (size_t i = 0; i < sizeof(counts) / sizeof(counts[0]); i++)
		(void)fprintf(file, "  \"%s\": %" PRIu64 ",\n", counts[i].name, counts[i].count);
	(void)fprintf(file, "  \"rate_offered\": %.3f,\n", a_second(result, result->due));
	(void)fprintf(file, "  \"rate_sent\": %.3f,\n", a_second(result, counters->sent));
	(void)fprintf(file, "  \"rate_answered\": %.3f,\n", a_second(result, counters->answered));
}

static void write_latency(struct load_durations *latency, FILE *file)
{
	static const struct {
		const char *name;
		double quantile;
	} quantiles[] = { { "p50", 0.5 }, { "p90", 0.9 }, { "p99", 0.99 }, { "p999", 0.999 } };
	double mean_ns = latency->count > 0 ? latency->sum_ns / (double)latency->count : 0;

	(void)fprintf(file, "  \"latency_us\": { \"min\": %.3f, \"mean\": %.3f",
		us(latency->min_ns), mean_ns / (double)NS_PER_US);
	for (size_t i = 0; i < sizeof(quantiles) / sizeof(quantiles[0]); i++)
		(void)fprintf(file, ", \"%s\": %.3f", quantiles[i].name,
			us(load_durations_quantile_ns(latency, quantiles[i].quantile)));
	(void)fprintf(file, ", \"max\": %.3f },\n", us(latency->max_ns));
}

static void write_lag(struct load_durations *lag, FILE *file)
{
	(void)fprintf(file, "  \"lag_us\": { \"p50\": %.3f, \"p99\": %.3f, \"max\": %.3f },\n",
		us(load_durations_quantile_ns(lag, 0.5)), us(load_durations_quantile_ns(lag, 0.99)),
		us(lag->max_ns));
}

static void write_search(const struct load_search *search, FILE *file)
{
	if (search == NULL) {
		(void)fputs("  \"max_rate\": null,\n  \"steps\": [],\n", file);
		return;
	}
	(void)fprintf(file, "  \"max_rate\": %.3f,\n  \"steps\": [\n", search->max_rate);
	for (unsigned i = 0; i < search->steps_count; i++) {
		const struct load_step *step = &search->steps[i];

		(void)fprintf(file,
			"    { \"rate\": %.3f, \"answered\": %.3f, \"loss_percent\": %.4f, "
			"\"p99_us\": %.3f, \"limited_by\": \"%s\" }%s\n",
			step->rate, step->answered, step->loss_percent, step->p99_us,
			load_limit_names[step->limit], i + 1 < search->steps_count ? "," : "");
	}
	(void)fputs("  ],\n", file);
}

/* No remark has a character that JSON would escape. */
static void write_remarks(struct load_result *result, FILE *file)
{
	static const struct load_marks marks = { "\n    \"", "\"", "," };

	(void)fputs("  \"remarks\": [", file);
	load_verdict_remarks(result, &marks, file);
	(void)fputs(" ]\n", file);
}

void load_report_json(const struct load_options *options, struct load_result *result,
	const struct load_search *search, FILE *file)
{
	enum load_limit limit = search != NULL ? search->limit : load_verdict(options, result);
	char server[ADDR_TEXT_MAX];

	(void)fprintf(file, "{\n  \"mode\": \"%s\",\n  \"server\": \"%s\",\n  \"sockets\": %u,\n",
		mode_names[options->mode], addr_format(&options->server, server), options->sockets);
	(void)fprintf(file, "  \"seconds\": %.6f,\n", result->seconds);
	write_counts(result, file);
	write_latency(&result->counters.latency, file);
	write_lag(&result->counters.lag, file);
	(void)fprintf(file, "  \"client_cpu_percent\": %.1f,\n", result->cpu_percent);
	if (result->server.local)
		(void)fprintf(file, "  \"server_drops\": %" PRIu64 ",\n", result->server.drops);
	else
		(void)fputs("  \"server_drops\": null,\n", file);
	(void)fprintf(file, "  \"limited_by\": \"%s\",\n", load_limit_names[limit]);
	write_search(search, file);
	write_remarks(result, file);
	(void)fputs("}\n", file);
}
