/* The result of dgramload as an SVG picture: latencies by percentile, and rates. */
#ifndef LOAD_PLOT_H
#define LOAD_PLOT_H

#include "load/search.h"

/* Write the file options->plot. `search` and `result` are those of load_report(). -EPIPE: the file
 * could not be written, and one line on stderr says why. */
int load_plot(const struct load_options *options, struct load_result *result,
	const struct load_search *search);

#endif
