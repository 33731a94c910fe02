/* The time as text, made once a second: the C library takes a lock of its own to know the local
 * time, and each worker has a text clock, so they do not meet there. */
#ifndef HANDLERS_TEXT_CLOCK_H
#define HANDLERS_TEXT_CLOCK_H

#include <locale.h>
#include <stddef.h>
#include <sys/types.h>
#include <time.h>

#define TEXT_CLOCK_MAX 128

struct text_clock {
	locale_t locale; /* "C", whatever the program's is */
	time_t second;	 /* that `text` says */
	size_t length;	 /* 0: there is none yet */
	char text[TEXT_CLOCK_MAX];
};

/* dgram_handler's worker_start and worker_stop for a handler whose state is one. */
int text_clock_start(void *state, unsigned worker, void **ret_clock);
void text_clock_stop(void *state);

/* Copy the text for this second, in strftime's `format` and the local time zone, to `reply`; its
 * length or -EMSGSIZE. */
ssize_t text_clock_read(struct text_clock *clock, const char *format, void *reply, size_t size);

#endif
