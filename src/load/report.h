/* The result of dgramload, as text and as JSON. */
#ifndef LOAD_REPORT_H
#define LOAD_REPORT_H

#include <stdio.h>

#include "load/find_max.h"
#include "load/verdict.h"

/* `search`: NULL, or what --find-max found; `result` is then its best step's. */
void load_report_text(const struct load_options *options, struct load_result *result,
	const struct load_search *search, FILE *file);
void load_report_json(const struct load_options *options, struct load_result *result,
	const struct load_search *search, FILE *file);

#endif
