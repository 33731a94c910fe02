/* The time as text, made once a second by the zone that /etc/localtime has then. To find the local time takes a
 * lock. Each worker has a text clock of its own, so workers rarely wait for it. */
#ifndef HANDLERS_TEXT_CLOCK_H
#define HANDLERS_TEXT_CLOCK_H

#include <dgram.h>
#include <locale.h>
#include <stddef.h>
#include <sys/types.h>
#include <time.h>

#define TEXT_CLOCK_MAX 128

struct text_clock {
	locale_t locale; /* "C", independent of the program's */
	time_t second;	 /* that `text` says */
	size_t length;	 /* 0: there is none yet */
	char text[TEXT_CLOCK_MAX];
};

/* worker_start and worker_stop of a handler whose state is a text clock. */
int text_clock_start(void *state, const struct dgram_start *start, void **ret_clock);
void text_clock_stop(void *state);

/* Copy the text for this second, in strftime's `format` and the local time zone, to `reply`.
 * Returns its length, -EMSGSIZE, or -EOVERFLOW for a year that the C library cannot count. */
ssize_t text_clock_read(struct text_clock *clock, const char *format, void *reply, size_t size);

#endif
