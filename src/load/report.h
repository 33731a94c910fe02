/* The result of dgramload, as text or as JSON. */
#ifndef LOAD_REPORT_H
#define LOAD_REPORT_H

#include "load/search.h"

/* Print to stdout: JSON with options->json, else text, but no text for a single request. `search` is
 * read with --find-max only, and `result` then comes from it. */
void load_report(const struct load_options *options, struct load_result *result,
	const struct load_search *search);

#endif
