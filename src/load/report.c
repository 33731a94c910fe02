#include "load/report.h"

#include <inttypes.h>

#include "base/clock.h"

static const char *const mode_words[] = {
	[LOAD_SINGLE] = "one request",
	[LOAD_OPEN] = "open loop",
	[LOAD_CLOSED] = "closed loop",
	[LOAD_FIND_MAX] = "the highest rate",
};

static double a_second(const struct load_result *result, uint64_t count)
{
	return result->seconds > 0 ? (double)count / result->seconds : 0;
}

static double percent(uint64_t part, uint64_t whole)
{
	return whole > 0 ? 100.0 * (double)part / (double)whole : 0;
}

static double us_of(struct load_durations *durations, double quantile)
{
	return (double)load_durations_quantile_ns(durations, quantile) / (double)NS_PER_US;
}

static void print_head(
	const struct load_options *options, const struct load_result *result, FILE *file)
{
	char server[ADDR_TEXT_MAX];

	(void)fprintf(
		file, "%s, %s", addr_format(&options->server, server), mode_words[options->mode]);
	if (options->mode == LOAD_OPEN)
		(void)fprintf(file, " of %.0f/s", options->rate);
	if (options->mode == LOAD_CLOSED)
		(void)fprintf(file, " of %u in flight each", options->in_flight);
	(void)fprintf(file, ", %u socket%s, %zu bytes, %.1f s\n", options->sockets,
		options->sockets == 1 ? "" : "s", result->size, result->seconds);
}

static void print_counts(const struct load_result *result, FILE *file)
{
	const struct load_counters *counters = &result->counters;

	if (result->mode == LOAD_OPEN)
		(void)fprintf(file, "  due       %12" PRIu64 "  %12.0f/s\n", result->due,
			a_second(result, result->due));
	(void)fprintf(file, "  sent      %12" PRIu64 "  %12.0f/s\n", counters->sent,
		a_second(result, counters->sent));
	(void)fprintf(file, "  answered  %12" PRIu64 "  %12.0f/s  %.3f %%\n", counters->answered,
		a_second(result, counters->answered), percent(counters->answered, counters->sent));
	(void)fprintf(file, "  lost      %12" PRIu64 "  %14s  %.3f %%\n", counters->lost, "",
		percent(counters->lost, counters->sent));
	(void)fprintf(file, "  late      %12" PRIu64 "  %14s  %.3f %%\n", counters->late, "",
		percent(counters->late, counters->sent));
	if (counters->duplicates + counters->reordered + counters->wrong + counters->strays > 0)
		(void)fprintf(file,
			"  duplicates %" PRIu64 ", reordered %" PRIu64 ", wrong %" PRIu64
			", of long ago %" PRIu64 "\n",
			counters->duplicates, counters->reordered, counters->wrong,
			counters->strays);
}

static void print_times(struct load_result *result, FILE *file)
{
	struct load_durations *latency = &result->counters.latency;
	struct load_durations *lag = &result->counters.lag;

	(void)fprintf(file,
		"  latency   p50 %.1f us, p90 %.1f us, p99 %.1f us, p99.9 %.1f us, max %.1f us\n",
		us_of(latency, 0.5), us_of(latency, 0.9), us_of(latency, 0.99),
		us_of(latency, 0.999), us_of(latency, 1));
	if (result->mode == LOAD_OPEN)
		(void)fprintf(file, "  own lag   p50 %.1f us, p99 %.1f us, max %.1f us\n",
			us_of(lag, 0.5), us_of(lag, 0.99), us_of(lag, 1));
	(void)fprintf(file, "  own CPU   %.0f %%\n", result->cpu_percent);
}

static void print_search(const struct load_search *search, FILE *file)
{
	(void)fprintf(file, "  rates tried  answered/s      loss         p99  limited by\n");
	for (unsigned i = 0; i < search->steps_count; i++) {
		const struct load_step *step = &search->steps[i];

		(void)fprintf(file, "  %11.0f  %10.0f  %6.3f %%  %8.0f us  %s\n", step->rate,
			step->answered, step->loss_percent, step->p99_us,
			load_limit_names[step->limit]);
	}
	if (search->max_rate > 0)
		(void)fprintf(file, "  highest rate %.0f/s, limited by %s\n", search->max_rate,
			load_limit_sentences[search->limit]);
	else
		(void)fprintf(file, "  no rate passed, limited by %s\n",
			load_limit_sentences[search->limit]);
}

void load_report_text(const struct load_options *options, struct load_result *result,
	const struct load_search *search, FILE *file)
{
	static const struct load_marks marks = { "  ", "\n", "" };

	print_head(options, result, file);
	print_counts(result, file);
	print_times(result, file);
	if (search != NULL)
		print_search(search, file);
	load_verdict_remarks(result, &marks, file);
}
