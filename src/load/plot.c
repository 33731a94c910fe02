#include "load/plot.h"

#include <errno.h>
#include <math.h>
#include <string.h>

#include "base/clock.h"

#define WIDTH 760
#define HEIGHT 790
#define LEFT 84
#define RIGHT (WIDTH - 36)
#define LEGEND_WIDTH 170
#define CURVE_POINTS 300
#define DIGITS_MAX 6 /* 99.9999 % */

/* A value's place on the page, linearly between `from` and `to`. */
struct scale {
	double low, high; /* values */
	double from, to;  /* pixels */
};

/* A diagram and its axes. */
struct frame {
	FILE *file;
	struct scale x, y;
};

/* The colour and dashes of a line or a dot, by the number of its CSS class. */
enum stroke { STROKE_FIRST, STROKE_SECOND, STROKE_IDEAL };

/* Readable on light and on dark pages. */
static const char style[] =
	"<style>\n"
	"text { font: 13px system-ui, sans-serif; fill: #24292f; }\n"
	".title { font-size: 15px; font-weight: 600; }\n"
	".axis { stroke: #57606a; } .grid { stroke: #d0d7de; }\n"
	".line { fill: none; stroke-width: 2; }\n"
	".s0 { stroke: #2f81f7; } .s1 { stroke: #db6d28; stroke-dasharray: 8 4; }\n"
	".s2 { stroke: #6e7781; stroke-dasharray: 3 4; }\n"
	".d0 { fill: #2f81f7; } .d1 { fill: #db6d28; }\n"
	"@media (prefers-color-scheme: dark) {\n"
	"text { fill: #e6edf3; } .axis { stroke: #8b949e; } .grid { stroke: #30363d; }\n"
	"}\n"
	"</style>\n";

/* --- diagrams */

static double scale_place(const struct scale *scale, double value)
{
	double share = (value - scale->low) / (scale->high - scale->low);

	return scale->from + fmin(fmax(share, 0), 1) * (scale->to - scale->from);
}

static void draw_line(FILE *file, const char *class, const double from[2], const double to[2])
{
	(void)fprintf(file,
		"<line x1=\"%.1f\" y1=\"%.1f\" x2=\"%.1f\" y2=\"%.1f\" class=\"%s\"/>\n", from[0],
		from[1], to[0], to[1], class);
}

static void draw_text(FILE *file, const char *anchor, double x, double y, const char *text)
{
	(void)fprintf(file, "<text x=\"%.1f\" y=\"%.1f\" text-anchor=\"%s\">%s</text>\n", x, y,
		anchor, text);
}

/* The lines and names of the axes, and the title. */
static void draw_axes(
	const struct frame *frame, const char *title, const char *x_name, const char *y_name)
{
	const struct scale *x = &frame->x, *y = &frame->y;
	double middle = (y->from + y->to) / 2;

	draw_line(
		frame->file, "axis", (double[]){ x->from, y->from }, (double[]){ x->to, y->from });
	draw_line(
		frame->file, "axis", (double[]){ x->from, y->from }, (double[]){ x->from, y->to });
	(void)fprintf(frame->file, "<text x=\"%.1f\" y=\"%.1f\" class=\"title\">%s</text>\n",
		x->from, y->to - 18, title);
	draw_text(frame->file, "middle", (x->from + x->to) / 2, y->from + 42, x_name);
	(void)fprintf(frame->file,
		"<text x=\"16\" y=\"%.1f\" text-anchor=\"middle\" transform=\"rotate(-90 16 %.1f)\">%s"
		"</text>\n",
		middle, middle, y_name);
}

/* A tick of an axis, with a line across the diagram. */
static void draw_tick_x(const struct frame *frame, double value, const char *label)
{
	double x = scale_place(&frame->x, value);

	draw_line(
		frame->file, "grid", (double[]){ x, frame->y.from }, (double[]){ x, frame->y.to });
	draw_text(frame->file, "middle", x, frame->y.from + 20, label);
}

static void draw_tick_y(const struct frame *frame, double value, const char *label)
{
	double y = scale_place(&frame->y, value);

	draw_line(
		frame->file, "grid", (double[]){ frame->x.from, y }, (double[]){ frame->x.to, y });
	draw_text(frame->file, "end", frame->x.from - 8, y + 4, label);
}

/* 1, 2 or 5 times a power of ten, so that there are at most six steps. */
static double round_step(double high)
{
	double step = pow(10, floor(log10(high / 6)));

	if (high / step <= 6)
		return step;
	if (high / step <= 12)
		return 2 * step;
	return high / step <= 30 ? 5 * step : 10 * step;
}

static void draw_round_ticks(const struct frame *frame, const struct scale *scale,
	void draw_tick(const struct frame *frame, double value, const char *label))
{
	double step = round_step(scale->high);
	char label[32];

	for (int i = 0; i * step <= scale->high; i++) {
		double value = i * step;

		if (value >= 1e6)
			(void)snprintf(label, sizeof(label), "%gM", value / 1e6);
		else if (value >= 1e4)
			(void)snprintf(label, sizeof(label), "%gk", value / 1e3);
		else
			(void)snprintf(label, sizeof(label), "%g", value);
		draw_tick(frame, value, label);
	}
}

/* A curve: begin, its points, end. */
static void begin_curve(const struct frame *frame, enum stroke stroke)
{
	(void)fprintf(frame->file, "<polyline class=\"line s%d\" points=\"", (int)stroke);
}

static void add_point(const struct frame *frame, double x, double y)
{
	(void)fprintf(
		frame->file, "%.1f,%.1f ", scale_place(&frame->x, x), scale_place(&frame->y, y));
}

static void end_curve(const struct frame *frame)
{
	(void)fputs("\"/>\n", frame->file);
}

static void draw_dot(const struct frame *frame, enum stroke stroke, double x, double y)
{
	(void)fprintf(frame->file, "<circle cx=\"%.1f\" cy=\"%.1f\" r=\"3.5\" class=\"d%d\"/>\n",
		scale_place(&frame->x, x), scale_place(&frame->y, y), (int)stroke);
}

/* What a line or a dot means, below the diagram; `place` counts from 0. */
static void draw_legend(
	const struct frame *frame, int place, enum stroke stroke, bool dot, const char *name)
{
	double x = frame->x.from + place * LEGEND_WIDTH, y = frame->y.from + 66;

	(void)fprintf(frame->file, "<g transform=\"translate(%.1f %.1f)\">", x, y - 4);
	if (dot)
		(void)fprintf(frame->file, "<circle cx=\"20\" r=\"3.5\" class=\"d%d\"/></g>\n",
			(int)stroke);
	else
		(void)fprintf(
			frame->file, "<path class=\"line s%d\" d=\"M0 0h28\"/></g>\n", (int)stroke);
	draw_text(frame->file, "start", x + 34, y, name);
}

/* --- latencies: x is the power of ten of the share of longer ones, y of the microseconds */

static double log_us(int64_t ns)
{
	return log10(fmax((double)ns, 1) / (double)NS_PER_US);
}

static void draw_quantiles(
	const struct frame *frame, struct load_durations *durations, enum stroke stroke)
{
	if (durations->count == 0)
		return;
	begin_curve(frame, stroke);
	for (int i = 0; i <= CURVE_POINTS; i++) {
		double x = frame->x.high * i / CURVE_POINTS;

		add_point(frame, x, log_us(load_durations_quantile_ns(durations, 1 - pow(10, -x))));
	}
	end_curve(frame);
}

static void draw_latency_ticks(const struct frame *frame)
{
	static const char *const shares[] = { "0 %", "90 %", "99 %", "99.9 %", "99.99 %",
		"99.999 %", "99.9999 %" };
	static const char *const times[] = { "1 ns", "10 ns", "100 ns", "1 us", "10 us", "100 us",
		"1 ms", "10 ms", "100 ms", "1 s", "10 s", "100 s", "1000 s" };

	for (int i = 0; i <= (int)frame->x.high; i++)
		draw_tick_x(frame, i, shares[i]);
	draw_tick_x(frame, log10(2), "50 %");
	for (int i = (int)frame->y.low; i <= (int)frame->y.high && i + 3 < 13; i++)
		draw_tick_y(frame, i, times[i + 3]);
}

static void draw_latencies(FILE *file, const char *title, struct load_result *result)
{
	static struct load_durations none;
	bool known = load_window_knows_latency(&result->counters);
	struct load_durations *latency = known ? &result->counters.latency : &none;
	struct load_durations *lag = &result->counters.lag;
	bool with_lag = result->mode == LOAD_OPEN;
	double digits = floor(log10(fmax((double)latency->count, 10)));
	double low = floor(log_us(latency->min_ns)), high = ceil(log_us(latency->max_ns));
	struct frame frame = {
		.file = file,
		.x = { 0, fmin(digits, DIGITS_MAX), LEFT, RIGHT },
		.y = { low, fmax(high, low + 1), 300, 50 },
	};

	if (with_lag && lag->count > 0)
		frame.y.low =
			fmax(fmin(low, floor(log_us(load_durations_quantile_ns(lag, 0.5)))), -1);
	draw_axes(&frame, title, "share of requests answered within", "latency");
	draw_latency_ticks(&frame);
	draw_quantiles(&frame, latency, STROKE_FIRST);
	draw_legend(&frame, 0, STROKE_FIRST, false, known ? "latency" : "latency: unknown");
	if (!with_lag)
		return;
	draw_quantiles(&frame, lag, STROKE_SECOND);
	draw_legend(&frame, 1, STROKE_SECOND, false, "own lag, in it");
}

/* --- rates */

/* A rate of the time from a sample to the next one, a second. */
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

static struct frame rates_frame(FILE *file, double x_high, double y_high)
{
	return (struct frame){
		.file = file,
		.x = { 0, x_high, LEFT, RIGHT },
		.y = { 0, y_high * 1.05, 690, 440 },
	};
}

/* The answered against the offered rate, with the line on which all requests are answered. */
static struct frame begin_answered_rates(FILE *file, double high)
{
	struct frame frame = rates_frame(file, high, high);

	draw_axes(&frame, "Answered against offered rate", "offered, requests a second",
		"answered, requests a second");
	draw_round_ticks(&frame, &frame.x, draw_tick_x);
	draw_round_ticks(&frame, &frame.y, draw_tick_y);
	begin_curve(&frame, STROKE_IDEAL);
	add_point(&frame, 0, 0);
	add_point(&frame, high, high);
	end_curve(&frame);
	draw_legend(&frame, 0, STROKE_IDEAL, false, "all answered");
	return frame;
}

static void draw_steps(FILE *file, const struct load_search *search)
{
	struct frame frame;
	double high = 1;

	for (unsigned i = 0; i < search->steps_count; i++)
		high = fmax(high, search->steps[i].rate);
	frame = begin_answered_rates(file, high);
	for (unsigned i = 0; i < search->steps_count; i++) {
		const struct load_step *step = &search->steps[i];

		draw_dot(&frame, step->limit == LOAD_LIMIT_NONE ? STROKE_FIRST : STROKE_SECOND,
			step->rate, step->answered);
	}
	draw_legend(&frame, 1, STROKE_FIRST, true, "within the limits");
	draw_legend(&frame, 2, STROKE_SECOND, true, "beyond them");
}

static void draw_ramp(FILE *file, const struct load_result *result)
{
	struct frame frame = begin_answered_rates(file, highest_rate(result));

	for (unsigned i = 0; i + 1 < result->samples_count; i++)
		draw_dot(&frame, STROKE_FIRST, due_rate(&result->samples[i]),
			answered_rate(&result->samples[i]));
	draw_legend(&frame, 1, STROKE_FIRST, true, "a moment of the run");
}

static double seconds_of(const struct load_sample *sample)
{
	return (double)sample->ns / (double)NS_PER_S;
}

static void draw_rate(const struct frame *frame, const struct load_result *result,
	sample_rate *rate, enum stroke stroke)
{
	begin_curve(frame, stroke);
	for (unsigned i = 0; i + 1 < result->samples_count; i++) {
		const struct load_sample *sample = &result->samples[i];

		add_point(frame, seconds_of(&sample[0]), rate(sample));
		add_point(frame, seconds_of(&sample[1]), rate(sample));
	}
	end_curve(frame);
}

static void draw_rates_over_time(FILE *file, const struct load_result *result)
{
	double end_s = seconds_of(&result->samples[result->samples_count - 1]);
	struct frame frame = rates_frame(file, end_s, highest_rate(result));

	draw_axes(&frame, "Offered and answered rate", "seconds", "requests a second");
	draw_round_ticks(&frame, &frame.x, draw_tick_x);
	draw_round_ticks(&frame, &frame.y, draw_tick_y);
	draw_rate(&frame, result, due_rate, STROKE_SECOND);
	draw_rate(&frame, result, answered_rate, STROKE_FIRST);
	draw_legend(&frame, 0, STROKE_FIRST, false, "answered");
	draw_legend(&frame, 1, STROKE_SECOND, false, "offered");
}

/* --- the picture */

static void draw_picture(FILE *file, const struct load_options *options, struct load_result *result,
	const struct load_search *search)
{
	char server[ADDR_TEXT_MAX], title[160];

	(void)snprintf(title, sizeof(title), "%s: latency of %.0f answers a second",
		addr_format(&options->server, server),
		load_run_rate(result, result->counters.answered));
	(void)fprintf(file,
		"<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 %d %d\" width=\"%d\" "
		"height=\"%d\">\n%s",
		WIDTH, HEIGHT, WIDTH, HEIGHT, style);
	draw_latencies(file, title, result);
	if (options->mode == LOAD_FIND_MAX)
		draw_steps(file, search);
	else if (options->ramp_ns > 0)
		draw_ramp(file, result);
	else if (result->samples_count > 1)
		draw_rates_over_time(file, result);
	(void)fputs("</svg>\n", file);
}

int load_plot(const struct load_options *options, struct load_result *result,
	const struct load_search *search)
{
	FILE *file = fopen(options->plot, "we");
	int error = 0;

	if (file == NULL) {
		error = -errno;
	} else {
		draw_picture(file, options, result, search);
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
