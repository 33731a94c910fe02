/* The line of a source that a message is about, with a caret under the place. Thread: any. */
#ifndef JSON_EXCERPT_H
#define JSON_EXCERPT_H

#include <stddef.h>
#include <stdio.h>

#include "json/report.h"

/* Two lines; a long one is cut to what stands around the place. */
void excerpt_write(FILE *file, const struct report_source *source, const struct report_place *place,
	size_t line_number);

#endif
