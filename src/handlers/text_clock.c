#include "handlers/text_clock.h"

#include <errno.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

int text_clock_start(void *state, const struct dgram_start *start, void **ret_clock)
{
	struct text_clock *clock = calloc(1, sizeof(*clock));

	(void)state;
	(void)start;
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

/* With the lock of get_local_time(). A file that is not there has no inode. */
static bool zone_has_changed(void)
{
	static struct stat seen;
	struct stat now = { 0 };
	bool changed;

	(void)stat("/etc/localtime", &now);
	changed = now.st_ino != seen.st_ino || now.st_dev != seen.st_dev ||
		  now.st_mtim.tv_sec != seen.st_mtim.tv_sec ||
		  now.st_mtim.tv_nsec != seen.st_mtim.tv_nsec;
	seen = now;
	return changed;
}

/* localtime_r(3) alone reads /etc/localtime once in a process; tzset(3) reads it again, unless TZ is set, and
 * allocates each time. What both use is the process's, which the C library protects by a lock that
 * ThreadSanitizer does not see. */
static struct tm *get_local_time(const time_t *time, struct tm *tm)
{
	static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
	struct tm *result;

	(void)pthread_mutex_lock(&lock);
	if (zone_has_changed())
		tzset();
	result = localtime_r(time, tm);
	(void)pthread_mutex_unlock(&lock);
	return result;
}

/* CLOCK_REALTIME, because time(2) can be a tick behind and give the second before. */
ssize_t text_clock_read(struct text_clock *clock, const char *format, void *reply, size_t size)
{
	struct timespec now;
	struct tm tm;

	clock_gettime(CLOCK_REALTIME, &now);
	if (clock->length == 0 || now.tv_sec != clock->second) {
		if (get_local_time(&now.tv_sec, &tm) == NULL)
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
