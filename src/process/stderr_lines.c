#include "process/stderr_lines.h"

#include <string.h>

#include "base/clock.h"

static void end_line(struct stderr_lines *lines, int64_t monotonic_ns)
{
	size_t length = lines->length < STDERR_LINE_MAX ? lines->length : STDERR_LINE_MAX;

	lines->length = 0;
	if (length == 0)
		return;
	lines->last = length;
	if (monotonic_ns - lines->second_ns >= NS_PER_S) {
		lines->second_ns = monotonic_ns;
		lines->in_second = 0;
	}
	if (lines->in_second == STDERR_LINES_PER_S) {
		lines->suppressed++;
		return;
	}
	lines->in_second++;
	lines->tell(lines->context, lines->line, length, lines->suppressed);
	lines->suppressed = 0;
}

void stderr_lines_add(
	struct stderr_lines *lines, const char *text, size_t length, int64_t monotonic_ns)
{
	while (length > 0) {
		const char *end = memchr(text, '\n', length);
		size_t part = end != NULL ? (size_t)(end - text) : length;

		if (lines->length < STDERR_LINE_MAX) {
			size_t room = STDERR_LINE_MAX - lines->length;

			memcpy(lines->line + lines->length, text, part < room ? part : room);
		}
		lines->length += part;
		if (end != NULL)
			end_line(lines, monotonic_ns);
		part += end != NULL;
		text += part;
		length -= part;
	}
}

void stderr_lines_end(struct stderr_lines *lines, int64_t monotonic_ns)
{
	end_line(lines, monotonic_ns);
}
