#include "load/progress.h"

#include <inttypes.h>
#include <unistd.h>

#include "base/clock.h"

#define TERMINAL_NS (500 * NS_PER_MS)
#define CLEAR_LINE "\r\033[K"

/* What is shown: rates and latencies since the last time, counts since the run began. */
struct view {
	double seconds, rate_sent, rate_answered, p50_us, p99_us;
	bool latency_known;
};

void load_progress_init(struct load_progress *progress, const struct load_options *options)
{
	progress->options = options;
	progress->every_ns = options->progress_ns;
	progress->in_place = options->progress_ns == 0 && isatty(STDERR_FILENO) && !options->json;
	if (progress->in_place)
		progress->every_ns = TERMINAL_NS;
}

static double quantile_us(struct histogram *histogram, double quantile)
{
	return (double)histogram_quantile(histogram, quantile) / (double)NS_PER_US;
}

/* A loss that is not yet noticed may have mixed up the order. */
static struct view view_of(
	const struct load_progress *progress, struct load_counters *counters, int64_t now_ns)
{
	double seconds = (double)(now_ns - progress->ns) / (double)NS_PER_S;
	uint64_t answered = counters->answered - progress->answered;
	struct view view = {
		.seconds = (double)now_ns / (double)NS_PER_S,
		.rate_sent = (double)(counters->sent - progress->sent) / seconds,
		.rate_answered = (double)answered / seconds,
		.latency_known = answered > 0 && !counters->in_order,
	};
	struct histogram latency;

	histogram_copy(&latency, &counters->latency.histogram);
	histogram_subtract(&latency, (struct histogram *)&progress->latency);
	view.p50_us = quantile_us(&latency, 0.5);
	view.p99_us = quantile_us(&latency, 0.99);
	return view;
}

static void print_text(const struct load_progress *progress, const struct load_counters *counters,
	const struct view *view)
{
	(void)fprintf(stderr, "%s%.0f s", progress->in_place ? CLEAR_LINE : "", view->seconds);
	if (progress->options->rate > 0)
		(void)fprintf(stderr, " at %.0f/s", progress->options->rate);
	(void)fprintf(stderr, ": sent %.0f/s, answered %.0f/s, lost %" PRIu64, view->rate_sent,
		view->rate_answered, counters->lost + counters->late);
	if (view->latency_known)
		(void)fprintf(stderr, ", p50 %.0f us, p99 %.0f us", view->p50_us, view->p99_us);
	if (!progress->in_place)
		(void)fputc('\n', stderr);
}

static void print_json(const struct load_progress *progress, const struct load_counters *counters,
	const struct view *view)
{
	(void)fprintf(stderr, "{ \"seconds\": %.3f, \"rate\": ", view->seconds);
	if (progress->options->rate > 0)
		(void)fprintf(stderr, "%.3f", progress->options->rate);
	else
		(void)fputs("null", stderr);
	(void)fprintf(stderr,
		", \"sent\": %" PRIu64 ", \"answered\": %" PRIu64 ", \"lost\": %" PRIu64
		", \"late\": %" PRIu64 ", \"rate_sent\": %.3f, \"rate_answered\": %.3f",
		counters->sent, counters->answered, counters->lost, counters->late, view->rate_sent,
		view->rate_answered);
	if (view->latency_known)
		(void)fprintf(stderr, ", \"p50_us\": %.3f, \"p99_us\": %.3f }\n", view->p50_us,
			view->p99_us);
	else
		(void)fputs(", \"p50_us\": null, \"p99_us\": null }\n", stderr);
}

void load_progress_show(
	struct load_progress *progress, struct load_counters *counters, int64_t now_ns)
{
	struct view view;

	if (progress->every_ns == 0 || now_ns - progress->ns < progress->every_ns)
		return;
	view = view_of(progress, counters, now_ns);
	if (progress->options->json)
		print_json(progress, counters, &view);
	else
		print_text(progress, counters, &view);
	(void)fflush(stderr);
	progress->ns = now_ns;
	progress->sent = counters->sent;
	progress->answered = counters->answered;
	histogram_copy(&progress->latency, &counters->latency.histogram);
}

void load_progress_end(const struct load_progress *progress)
{
	if (progress->in_place && progress->ns > 0)
		(void)fputs(CLEAR_LINE, stderr);
}
