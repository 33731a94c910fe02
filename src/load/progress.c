#include "load/progress.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"

#define EVERY_NS (500 * NS_PER_MS)
#define CLEAR_LINE "\r\033[K"

void load_progress_begin(struct load_progress *ret_progress, const struct load_options *options)
{
	memset(ret_progress, 0, sizeof(*ret_progress));
	ret_progress->wanted = isatty(STDERR_FILENO) && !options->json;
}

static double us(struct histogram *histogram, double quantile)
{
	return (double)histogram_quantile(histogram, quantile) / (double)NS_PER_US;
}

void load_progress_show(struct load_progress *progress, struct load_result *result, int64_t now_ns)
{
	struct load_tally *tally = &result->tally;
	double seconds = (double)(now_ns - progress->shown_ns) / (double)NS_PER_S;
	struct histogram latency;

	if (!progress->wanted || now_ns - progress->shown_ns < EVERY_NS)
		return;
	histogram_copy(&latency, &tally->latency.histogram);
	histogram_subtract(&latency, &progress->latency);
	(void)fprintf(stderr,
		CLEAR_LINE "%.0f s: sent %.0f/s, answered %.0f/s, lost %" PRIu64
			   ", p50 %.0f us, p99 %.0f us",
		(double)now_ns / (double)NS_PER_S, (double)(tally->sent - progress->sent) / seconds,
		(double)(tally->answered - progress->answered) / seconds, tally->lost + tally->late,
		us(&latency, 0.5), us(&latency, 0.99));
	(void)fflush(stderr);
	progress->shown = true;
	progress->shown_ns = now_ns;
	progress->sent = tally->sent;
	progress->answered = tally->answered;
	histogram_copy(&progress->latency, &tally->latency.histogram);
}

void load_progress_end(struct load_progress *progress)
{
	if (progress->shown)
		(void)fputs(CLEAR_LINE, stderr);
}
