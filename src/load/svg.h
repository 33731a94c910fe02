/* Drawing of diagrams as SVG, readable on light and on dark pages. */
#ifndef LOAD_SVG_H
#define LOAD_SVG_H

#include <stdbool.h>
#include <stdio.h>

/* A value's place on the page is between `from` and `to`, linearly. */
struct load_scale {
	double low, high; /* values */
	double from, to;  /* pixels */
};

/* A diagram and its axes. */
struct load_frame {
	FILE *file;
	struct load_scale x, y;
};

/* How a line is drawn: the first three for what was measured, the last for what would be. */
enum load_stroke { LOAD_STROKE_FIRST, LOAD_STROKE_SECOND, LOAD_STROKE_THIRD, LOAD_STROKE_IDEAL };

double load_scale_place(const struct load_scale *scale, double value);

void load_svg_begin(FILE *file, int width, int height);
void load_svg_end(FILE *file);

/* The axes' lines and names, and the title. */
void load_svg_axes(
	const struct load_frame *frame, const char *title, const char *x_name, const char *y_name);

/* A tick of an axis, with a line across the diagram. */
void load_svg_tick_x(const struct load_frame *frame, double value, const char *label);
void load_svg_tick_y(const struct load_frame *frame, double value, const char *label);

/* Ticks at round numbers from 0 on. */
void load_svg_round_ticks(const struct load_frame *frame, bool x);

/* A line: begin, its points, end. */
void load_svg_line_begin(const struct load_frame *frame, enum load_stroke stroke);
void load_svg_line_point(const struct load_frame *frame, double x, double y);
void load_svg_line_end(const struct load_frame *frame);

void load_svg_dot(const struct load_frame *frame, enum load_stroke stroke, double x, double y);

/* What a line or a dot means, below the diagram; `place` counts from 0. */
void load_svg_legend_line(
	const struct load_frame *frame, int place, enum load_stroke stroke, const char *name);
void load_svg_legend_dot(
	const struct load_frame *frame, int place, enum load_stroke stroke, const char *name);

#endif
