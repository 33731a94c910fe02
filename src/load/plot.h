/* The result of dgramload as a picture: latencies by percentile, and rates. */
#ifndef LOAD_PLOT_H
#define LOAD_PLOT_H

#include "load/find_max.h"

/* Write it to the file `options->plot`. `search` as for load_report_text(). -EPIPE: it could not
 * be, and one line on stderr says why. */
int load_plot(const struct load_options *options, struct load_result *result,
	const struct load_search *search);

#endif
