#include "handlers/text_clock.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

int text_clock_start(void *state, unsigned worker, void **ret_clock)
{
	struct text_clock *clock = calloc(1, sizeof(*clock));

	(void)state;
	(void)worker;
	if (clock == NULL)
		return -ENOMEM;
	clock->locale = newlocale(LC_ALL_MASK, "C", (locale_t)0);
	if (clock->locale == (locale_t)0) {
		free(clock);
		return -ENOMEM;
	}
	*ret_clock = clock;
	return 0;
}

void text_clock_stop(void *state)
{
	struct text_clock *clock = state;

	freelocale(clock->locale);
	free(clock);
}

#define SECONDS_PER_MINUTE 60

/* localtime_r(3) reads /etc/localtime once in a process. tzset(3) looks at it again (6 us), unless TZ is set.
 * The name of a zone stays valid, as other threads may still use it. */
static void follow_zone(const struct text_clock *clock, time_t now)
{
	if (clock->length == 0 || now / SECONDS_PER_MINUTE != clock->second / SECONDS_PER_MINUTE)
		tzset();
}

/* CLOCK_REALTIME, because time(2) can be a tick behind and give the second before. */
ssize_t text_clock_read(struct text_clock *clock, const char *format, void *reply, size_t size)
{
	struct timespec now;
	struct tm tm;

	clock_gettime(CLOCK_REALTIME, &now);
	if (clock->length == 0 || now.tv_sec != clock->second) {
		follow_zone(clock, now.tv_sec);
		if (localtime_r(&now.tv_sec, &tm) == NULL)
			return -EOVERFLOW;
		clock->length =
			strftime_l(clock->text, sizeof(clock->text), format, &tm, clock->locale);
		clock->second = now.tv_sec;
	}
	if (clock->length > size)
		return -EMSGSIZE;
	memcpy(reply, clock->text, clock->length);
	return (ssize_t)clock->length;
}
