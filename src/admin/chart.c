#include "admin/chart.h"

#define WIDTH 300.0
#define HEIGHT 60.0
#define MARGIN 2.0 /* so that a line is not cut in two */

static const char *chart_text(
	enum history_figure which, double value, char text[static HTML_NUMBER_MAX])
{
	if (which == HISTORY_P99_NS)
		return html_duration(value / 1e3, text);
	return html_count((uint64_t)(value + 0.5), text);
}

static double most_of(const double *values, unsigned count)
{
	double most = 0;

	for (unsigned i = 0; i < count; i++)
		if (values[i] > most)
			most = values[i];
	return most;
}

/* The last second is at the right. */
static double x_of(unsigned i, unsigned count)
{
	return WIDTH * (HISTORY_SECONDS - count + i) / (HISTORY_SECONDS - 1);
}

static void put_points(FILE *file, const double *values, unsigned count)
{
	double most = most_of(values, count), room = HEIGHT - 2 * MARGIN;

	for (unsigned i = 0; i < count; i++)
		(void)fprintf(file, "%.1f,%.1f ", x_of(i, count),
			HEIGHT - MARGIN - (most > 0 ? values[i] / most * room : 0));
}

static void put_curve(FILE *file, const double *values, unsigned count)
{
	(void)fprintf(file,
		"<svg viewBox=\"0 0 %.0f %.0f\" preserveAspectRatio=\"none\" aria-hidden=\"true\">"
		"<polygon fill=\"currentColor\" fill-opacity=\"0.15\" points=\"",
		WIDTH, HEIGHT);
	if (count > 0) {
		put_points(file, values, count);
		(void)fprintf(file, "%.1f,%.1f %.1f,%.1f", WIDTH, HEIGHT, x_of(0, count), HEIGHT);
	}
	(void)fputs("\"/><polyline fill=\"none\" stroke=\"currentColor\" stroke-width=\"1.5\" "
		    "stroke-linejoin=\"round\" vector-effect=\"non-scaling-stroke\" points=\"",
		file);
	put_points(file, values, count);
	(void)fputs("\"/></svg>", file);
}

void chart_put(FILE *file, const char *title, const struct history_minute *minute,
	enum history_figure which)
{
	const double *values = minute->of[which];
	char now[HTML_NUMBER_MAX], most[HTML_NUMBER_MAX];

	(void)fprintf(file,
		"<figure><figcaption><span>%s</span> <strong>%s</strong> "
		"<small>at most %s</small></figcaption>",
		title, chart_text(which, minute->count > 0 ? values[minute->count - 1] : 0, now),
		chart_text(which, most_of(values, minute->count), most));
	put_curve(file, values, minute->count);
	(void)fputs("</figure>\n", file);
}
