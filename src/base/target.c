#include "base/target.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

/* What somebody who writes it does not mean as the name of a file. The schema's pattern has the same. */
static const char *const no_files[] = { "-", "stdout", "syslog", "journal", "journald" };

static bool is_no_file(const char *target)
{
	for (size_t i = 0; i < sizeof(no_files) / sizeof(no_files[0]); i++)
		if (strcmp(target, no_files[i]) == 0)
			return true;
	return false;
}

/* Of the first "{...}" that is not TARGET_WORKER its length, else 0. */
static size_t find_placeholder(const char *target, const char **ret_at)
{
	for (const char *at = strchr(target, '{'); at != NULL; at = strchr(at + 1, '{')) {
		const char *end = strchr(at, '}');

		if (end == NULL)
			return 0;
		if (strncmp(at, TARGET_WORKER, strlen(TARGET_WORKER)) == 0)
			continue;
		*ret_at = at;
		return (size_t)(end - at) + 1;
	}
	return 0;
}

bool target_is_valid(const char *target, char *message, size_t size)
{
	const char *at;
	size_t length = find_placeholder(target, &at);

	if (is_no_file(target))
		(void)snprintf(message, size,
			"must be \"stderr\", which the journal can be, \"none\" or a path; \"./%s\" is "
			"a file of that name",
			target);
	else if (*target == '~')
		(void)snprintf(message, size,
			"~ is not the home directory here: write the path; \"./~\" begins with the "
			"character itself");
	else if (length > 0)
		(void)snprintf(message, size, "%.*s is no placeholder: the only one is %s",
			length < 32 ? (int)length : 32, at, TARGET_WORKER);
	else
		return true;
	return false;
}

int target_expand(const char *target, const char *who, char path[static PATH_MAX])
{
	size_t used = 0;

	while (*target != '\0' && used < PATH_MAX) {
		if (strncmp(target, TARGET_WORKER, strlen(TARGET_WORKER)) == 0) {
			used += (size_t)snprintf(path + used, PATH_MAX - used, "%s", who);
			target += strlen(TARGET_WORKER);
		} else {
			path[used++] = *target++;
		}
	}
	if (used >= PATH_MAX)
		return -ENAMETOOLONG;
	path[used] = '\0';
	return 0;
}
