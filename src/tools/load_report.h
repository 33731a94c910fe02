/* The result of dgramload, as text and as JSON. */
#ifndef TOOLS_LOAD_REPORT_H
#define TOOLS_LOAD_REPORT_H

#include <stdio.h>

#include "tools/load_find_max.h"
#include "tools/load_verdict.h"

/* `search`: NULL, or what --find-max found; `result` is then its best step's. */
void load_report_text(const struct load_options *options, struct load_result *result,
	const struct load_search *search, FILE *file);
void load_report_json(const struct load_options *options, struct load_result *result,
	const struct load_search *search, FILE *file);

#endif
