#include "load/plot.h"

#include <errno.h>
#include <math.h>
#include <string.h>

#include "base/clock.h"
#include "load/svg.h"

#define WIDTH 760
#define HEIGHT 790
#define LEFT 84
#define RIGHT (WIDTH - 36)
#define CURVE_POINTS 300
#define DIGITS_MAX 6 /* 99.9999 % */

/* --- latencies: percentiles by how few exceed them, both axes by powers of ten */

static double log_us(int64_t ns)
{
	return log10(fmax((double)ns, 1) / (double)NS_PER_US);
}

static void draw_quantiles(
	const struct load_frame *frame, struct load_durations *durations, enum load_stroke stroke)
{
	if (durations->count == 0)
		return;
	load_svg_line_begin(frame, stroke);
	for (int i = 0; i <= CURVE_POINTS; i++) {
		double x = frame->x.high * i / CURVE_POINTS;
		int64_t ns = load_durations_quantile_ns(durations, 1 - pow(10, -x));

		load_svg_line_point(frame, x, log_us(ns));
	}
	load_svg_line_end(frame);
}

static void draw_latency_ticks(const struct load_frame *frame)
{
	static const char *const shares[] = { "0 %", "90 %", "99 %", "99.9 %", "99.99 %",
		"99.999 %", "99.9999 %" };
	static const char *const times[] = { "1 ns", "10 ns", "100 ns", "1 us", "10 us", "100 us",
		"1 ms", "10 ms", "100 ms", "1 s", "10 s", "100 s", "1000 s" };

	for (int i = 0; i <= (int)frame->x.high; i++)
		load_svg_tick_x(frame, i, shares[i]);
	load_svg_tick_x(frame, log10(2), "50 %");
	for (int i = (int)frame->y.low; i <= (int)frame->y.high && i + 3 < 13; i++)
		load_svg_tick_y(frame, i, times[i + 3]);
}

static void draw_latencies(FILE *file, const char *title, struct load_result *result)
{
	struct load_durations *latency = &result->counters.latency, *lag = &result->counters.lag;
	bool with_lag = result->mode == LOAD_OPEN;
	double digits = floor(log10(fmax((double)latency->count, 10)));
	double low = floor(log_us(latency->min_ns)), high = ceil(log_us(latency->max_ns));
	struct load_frame frame = {
		.file = file,
		.x = { 0, fmin(digits, DIGITS_MAX), LEFT, RIGHT },
		.y = { low, fmax(high, low + 1), 300, 50 },
	};

	if (with_lag && lag->count > 0)
		frame.y.low =
			fmax(fmin(low, floor(log_us(load_durations_quantile_ns(lag, 0.5)))), -1);
	load_svg_axes(&frame, title, "share of requests answered within", "latency");
	draw_latency_ticks(&frame);
	draw_quantiles(&frame, latency, LOAD_STROKE_FIRST);
	load_svg_legend_line(&frame, 0, LOAD_STROKE_FIRST, "latency");
	if (!with_lag)
		return;
	draw_quantiles(&frame, lag, LOAD_STROKE_SECOND);
	load_svg_legend_line(&frame, 1, LOAD_STROKE_SECOND, "own lag, in it");
}

/* --- rates */

/* Some rate of the time between a sample and the next, a second. */
typedef double sample_rate(const struct load_sample *sample);

static double rate_of(const struct load_sample *sample, uint64_t count)
{
	double seconds = (double)(sample[1].ns - sample[0].ns) / (double)NS_PER_S;

	return seconds > 0 ? (double)count / seconds : 0;
}

static double due_rate(const struct load_sample *sample)
{
	return rate_of(sample, sample[1].due - sample[0].due);
}

static double answered_rate(const struct load_sample *sample)
{
	return rate_of(sample, sample[1].answered - sample[0].answered);
}

static double highest_rate(const struct load_result *result)
{
	double high = 1;

	for (unsigned i = 0; i + 1 < result->samples_count; i++)
		high = fmax(high,
			fmax(due_rate(&result->samples[i]), answered_rate(&result->samples[i])));
	return high;
}

static struct load_frame rates_frame(FILE *file, double x_high, double y_high)
{
	return (struct load_frame){
		.file = file,
		.x = { 0, x_high, LEFT, RIGHT },
		.y = { 0, y_high * 1.05, 690, 440 },
	};
}

static void draw_all_answered(const struct load_frame *frame)
{
	load_svg_axes(frame, "Answered against offered rate", "offered, requests a second",
		"answered, requests a second");
	load_svg_round_ticks(frame, true);
	load_svg_round_ticks(frame, false);
	load_svg_line_begin(frame, LOAD_STROKE_IDEAL);
	load_svg_line_point(frame, 0, 0);
	load_svg_line_point(frame, frame->x.high, frame->x.high);
	load_svg_line_end(frame);
	load_svg_legend_line(frame, 0, LOAD_STROKE_IDEAL, "all answered");
}

static void draw_steps(FILE *file, const struct load_search *search)
{
	struct load_frame frame;
	double high = 1;

	for (unsigned i = 0; i < search->steps_count; i++)
		high = fmax(high, search->steps[i].rate);
	frame = rates_frame(file, high, high);
	draw_all_answered(&frame);
	for (unsigned i = 0; i < search->steps_count; i++) {
		const struct load_step *step = &search->steps[i];

		load_svg_dot(&frame,
			step->limit == LOAD_LIMIT_NONE ? LOAD_STROKE_FIRST : LOAD_STROKE_SECOND,
			step->rate, step->answered);
	}
	load_svg_legend_dot(&frame, 1, LOAD_STROKE_FIRST, "within the limits");
	load_svg_legend_dot(&frame, 2, LOAD_STROKE_SECOND, "beyond them");
}

static void draw_ramp(FILE *file, const struct load_result *result)
{
	double high = highest_rate(result);
	struct load_frame frame = rates_frame(file, high, high);

	draw_all_answered(&frame);
	for (unsigned i = 0; i + 1 < result->samples_count; i++)
		load_svg_dot(&frame, LOAD_STROKE_FIRST, due_rate(&result->samples[i]),
			answered_rate(&result->samples[i]));
	load_svg_legend_dot(&frame, 1, LOAD_STROKE_FIRST, "a moment of the run");
}

static double seconds_of(const struct load_sample *sample)
{
	return (double)sample->ns / (double)NS_PER_S;
}

static void draw_rate(const struct load_frame *frame, const struct load_result *result,
	sample_rate *rate, enum load_stroke stroke)
{
	load_svg_line_begin(frame, stroke);
	for (unsigned i = 0; i + 1 < result->samples_count; i++) {
		const struct load_sample *sample = &result->samples[i];

		load_svg_line_point(frame, seconds_of(&sample[0]), rate(sample));
		load_svg_line_point(frame, seconds_of(&sample[1]), rate(sample));
	}
	load_svg_line_end(frame);
}

static void draw_course(FILE *file, const struct load_result *result)
{
	struct load_frame frame = rates_frame(file,
		seconds_of(&result->samples[result->samples_count - 1]), highest_rate(result));

	load_svg_axes(&frame, "Offered and answered rate", "seconds", "requests a second");
	load_svg_round_ticks(&frame, true);
	load_svg_round_ticks(&frame, false);
	draw_rate(&frame, result, due_rate, LOAD_STROKE_SECOND);
	draw_rate(&frame, result, answered_rate, LOAD_STROKE_FIRST);
	load_svg_legend_line(&frame, 0, LOAD_STROKE_FIRST, "answered");
	load_svg_legend_line(&frame, 1, LOAD_STROKE_SECOND, "offered");
}

/* --- */

static void draw(FILE *file, const struct load_options *options, struct load_result *result,
	const struct load_search *search)
{
	char server[ADDR_TEXT_MAX], title[160];

	(void)snprintf(title, sizeof(title), "%s: latency of %.0f answers a second",
		addr_format(&options->server, server),
		result->seconds > 0 ? (double)result->counters.answered / result->seconds : 0);
	load_svg_begin(file, WIDTH, HEIGHT);
	draw_latencies(file, title, result);
	if (search != NULL)
		draw_steps(file, search);
	else if (options->ramp_ns > 0)
		draw_ramp(file, result);
	else if (result->samples_count > 1)
		draw_course(file, result);
	load_svg_end(file);
}

int load_plot(const struct load_options *options, struct load_result *result,
	const struct load_search *search)
{
	FILE *file = fopen(options->plot, "we");
	int error = 0;

	if (file == NULL) {
		error = -errno;
	} else {
		draw(file, options, result, search);
		if (ferror(file))
			error = -EIO;
		if (fclose(file) != 0 && error == 0)
			error = -errno;
	}
	if (error == 0)
		return 0;
	(void)fprintf(stderr, "dgramload: %s: %s\n", options->plot, strerrordesc_np(-error));
	return -EPIPE;
}
