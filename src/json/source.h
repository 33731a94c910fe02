/* The text of a file that configures, read whole. Thread: any. */
#ifndef JSON_SOURCE_H
#define JSON_SOURCE_H

#include "json/report.h"

/* Read the text of source number `number`, with a NUL behind it; at most `bytes_max` and one more, which says that it is
 * too long. Where the file is wrong, 0 without a text: the report says so. -errno: the system's error, also in the
 * report; -ENOMEM. */
int source_read(struct report_source *source, size_t number, const char *path, size_t bytes_max,
	struct report *report);
int source_read_stdin(
	struct report_source *source, size_t number, size_t bytes_max, struct report *report);

#endif
