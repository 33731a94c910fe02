/* What children write to their standard error, as lines for the log: cut at STDERR_LINE_MAX bytes, and no more than
 * STDERR_LINES_PER_S of them in a second. Thread: one. */
#ifndef PROCESS_STDERR_LINES_H
#define PROCESS_STDERR_LINES_H

#include <stddef.h>
#include <stdint.h>

#define STDERR_LINE_MAX 400
#define STDERR_LINES_PER_S 20

/* Starts zeroed, but for the first two. */
struct stderr_lines {
	/* A line without its end, to be logged. `suppressed`: how many were not since the last one. */
	void (*tell)(void *context, const char *line, size_t length, uint64_t suppressed);
	void *context;
	char line[STDERR_LINE_MAX];
	size_t length; /* of the line that has not ended yet, and may be longer */
	size_t last;   /* of the last one that has, which `line` holds after the end */
	int64_t second_ns;
	unsigned in_second;
	uint64_t suppressed;
};

/* Take what a child has written. */
void stderr_lines_add(
	struct stderr_lines *lines, const char *text, size_t length, int64_t monotonic_ns);

/* The child has ended, and a last line without an end with it. */
void stderr_lines_end(struct stderr_lines *lines, int64_t monotonic_ns);

#endif
