#include "base/descriptors.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

int descriptors_open_standard(void)
{
	for (int fd = STDIN_FILENO; fd <= STDERR_FILENO; fd++)
		if (fcntl(fd, F_GETFD) < 0 && open("/dev/null", O_RDWR) < 0)
			return -errno;
	return 0;
}

/* A number of the environment, or 0. */
static unsigned long number_in_environment(const char *name)
{
	const char *text = getenv(name);

	return text != NULL ? strtoul(text, NULL, 10) : 0;
}

unsigned descriptors_handed_in(void)
{
	unsigned long count = number_in_environment("LISTEN_FDS");

	if (number_in_environment("LISTEN_PID") != (unsigned long)getpid())
		return 0;
	return count < DESCRIPTORS_HANDED_IN_MAX ? (unsigned)count : DESCRIPTORS_HANDED_IN_MAX;
}

unsigned descriptors_passed_on(void)
{
	const char *names = getenv(DESCRIPTORS_PASSED_ON);
	unsigned count = 0;

	for (; names != NULL && count < DESCRIPTORS_HANDED_IN_MAX; count++) {
		names = strchr(names, ':');
		if (names != NULL)
			names++;
	}
	return count;
}

void descriptors_close_inherited(int kept)
{
	unsigned passed_on = descriptors_passed_on();
	unsigned first = STDERR_FILENO + 1 + (passed_on > 0 ? passed_on : descriptors_handed_in());

	if (kept >= 0 && (unsigned)kept >= first) {
		if ((unsigned)kept > first)
			(void)close_range(first, (unsigned)kept - 1, 0);
		first = (unsigned)kept + 1;
	}
	(void)close_range(first, UINT_MAX, 0);
}

/* Programs whose stderr is something else inherit $JOURNAL_STREAM too: it counts if it names ours. */
bool descriptors_stderr_is_journal(void)
{
	const char *stream = getenv("JOURNAL_STREAM");
	struct stat status;
	char ours[64];

	if (stream == NULL || fstat(STDERR_FILENO, &status) < 0)
		return false;
	(void)snprintf(ours, sizeof(ours), "%" PRIuMAX ":%" PRIuMAX, (uintmax_t)status.st_dev,
		(uintmax_t)status.st_ino);
	return strcmp(stream, ours) == 0;
}
