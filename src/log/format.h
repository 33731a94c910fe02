/* A line of the log as text: see log.h for what it looks like. Thread: any. */
#ifndef LOG_FORMAT_H
#define LOG_FORMAT_H

#include "log/log.h"

/* With its newline. RFC 5424, section 6.1: a receiver of syslog should accept messages of this
 * size. */
#define LOG_LINE_MAX 2048u

enum log_format {
	LOG_FORMAT_LOGFMT,
	LOG_FORMAT_JSON,
	LOG_FORMAT_JOURNAL,
};

struct log_style {
	enum log_format format;
	bool color;
};

struct log_line {
	enum log_level level;
	struct log_source source;
	int64_t realtime_ns;
	const char *event;
	const struct log_field *fields;
	size_t count;
};

/* Returns the length. Ends in a newline, not in a NUL; never has another newline. */
size_t log_format_line(
	const struct log_line *line, const struct log_style *style, char text[static LOG_LINE_MAX]);

#endif
