#include "load/svg.h"

#include <math.h>

#define LEGEND_WIDTH 170

static const char style[] =
	"<style>\n"
	"text { font: 13px system-ui, sans-serif; fill: #24292f; }\n"
	".title { font-size: 15px; font-weight: 600; }\n"
	".axis { stroke: #57606a; } .grid { stroke: #d0d7de; }\n"
	".line { fill: none; stroke-width: 2; }\n"
	".s0 { stroke: #2f81f7; } .s1 { stroke: #db6d28; stroke-dasharray: 8 4; }\n"
	".s2 { stroke: #8957e5; stroke-dasharray: 2 4; }\n"
	".s3 { stroke: #6e7781; stroke-dasharray: 3 4; }\n"
	".d0 { fill: #2f81f7; } .d1 { fill: #db6d28; } .d2 { fill: #8957e5; } .d3 { fill: #6e7781; }\n"
	"@media (prefers-color-scheme: dark) {\n"
	"text { fill: #e6edf3; } .axis { stroke: #8b949e; } .grid { stroke: #30363d; }\n"
	"}\n"
	"</style>\n";

double load_scale_place(const struct load_scale *scale, double value)
{
	double share = (value - scale->low) / (scale->high - scale->low);

	return scale->from + fmin(fmax(share, 0), 1) * (scale->to - scale->from);
}

void load_svg_begin(FILE *file, int width, int height)
{
	(void)fprintf(file,
		"<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 %d %d\" width=\"%d\" "
		"height=\"%d\">\n%s",
		width, height, width, height, style);
}

void load_svg_end(FILE *file)
{
	(void)fputs("</svg>\n", file);
}

static void draw_line(FILE *file, const char *kind, const double from[2], const double to[2])
{
	(void)fprintf(file,
		"<line x1=\"%.1f\" y1=\"%.1f\" x2=\"%.1f\" y2=\"%.1f\" class=\"%s\"/>\n", from[0],
		from[1], to[0], to[1], kind);
}

static void draw_text(FILE *file, const char *anchor, double x, double y, const char *text)
{
	(void)fprintf(file, "<text x=\"%.1f\" y=\"%.1f\" text-anchor=\"%s\">%s</text>\n", x, y,
		anchor, text);
}

void load_svg_axes(
	const struct load_frame *frame, const char *title, const char *x_name, const char *y_name)
{
	const struct load_scale *x = &frame->x, *y = &frame->y;
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

void load_svg_tick_x(const struct load_frame *frame, double value, const char *label)
{
	double x = load_scale_place(&frame->x, value);

	draw_line(
		frame->file, "grid", (double[]){ x, frame->y.from }, (double[]){ x, frame->y.to });
	draw_text(frame->file, "middle", x, frame->y.from + 20, label);
}

void load_svg_tick_y(const struct load_frame *frame, double value, const char *label)
{
	double y = load_scale_place(&frame->y, value);

	draw_line(
		frame->file, "grid", (double[]){ frame->x.from, y }, (double[]){ frame->x.to, y });
	draw_text(frame->file, "end", frame->x.from - 8, y + 4, label);
}

/* 1, 2 or 5 times a power of ten, so that there are at most six. */
static double round_step(double high)
{
	double step = pow(10, floor(log10(high / 6)));

	if (high / step <= 6)
		return step;
	if (high / step <= 12)
		return 2 * step;
	return high / step <= 30 ? 5 * step : 10 * step;
}

void load_svg_round_ticks(const struct load_frame *frame, bool x)
{
	double high = x ? frame->x.high : frame->y.high;
	double step = round_step(high);
	char label[32];

	for (int i = 0; i * step <= high; i++) {
		double value = i * step;

		if (value >= 1e6)
			(void)snprintf(label, sizeof(label), "%gM", value / 1e6);
		else if (value >= 1e4)
			(void)snprintf(label, sizeof(label), "%gk", value / 1e3);
		else
			(void)snprintf(label, sizeof(label), "%g", value);
		if (x)
			load_svg_tick_x(frame, value, label);
		else
			load_svg_tick_y(frame, value, label);
	}
}

void load_svg_line_begin(const struct load_frame *frame, enum load_stroke stroke)
{
	(void)fprintf(frame->file, "<polyline class=\"line s%d\" points=\"", (int)stroke);
}

void load_svg_line_point(const struct load_frame *frame, double x, double y)
{
	(void)fprintf(frame->file, "%.1f,%.1f ", load_scale_place(&frame->x, x),
		load_scale_place(&frame->y, y));
}

void load_svg_line_end(const struct load_frame *frame)
{
	(void)fputs("\"/>\n", frame->file);
}

void load_svg_dot(const struct load_frame *frame, enum load_stroke stroke, double x, double y)
{
	(void)fprintf(frame->file, "<circle cx=\"%.1f\" cy=\"%.1f\" r=\"3.5\" class=\"d%d\"/>\n",
		load_scale_place(&frame->x, x), load_scale_place(&frame->y, y), (int)stroke);
}

static void legend(const struct load_frame *frame, int place, const char *mark, const char *name)
{
	double x = frame->x.from + place * LEGEND_WIDTH, y = frame->y.from + 66;

	(void)fprintf(
		frame->file, "<g transform=\"translate(%.1f %.1f)\">%s</g>\n", x, y - 4, mark);
	draw_text(frame->file, "start", x + 34, y, name);
}

void load_svg_legend_line(
	const struct load_frame *frame, int place, enum load_stroke stroke, const char *name)
{
	char mark[64];

	(void)snprintf(mark, sizeof(mark), "<path class=\"line s%d\" d=\"M0 0h28\"/>", (int)stroke);
	legend(frame, place, mark, name);
}

void load_svg_legend_dot(
	const struct load_frame *frame, int place, enum load_stroke stroke, const char *name)
{
	char mark[64];

	(void)snprintf(
		mark, sizeof(mark), "<circle cx=\"20\" r=\"3.5\" class=\"d%d\"/>", (int)stroke);
	legend(frame, place, mark, name);
}
