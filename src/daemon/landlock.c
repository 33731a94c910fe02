#include "daemon/landlock.h"

#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <limits.h>
#include <linux/landlock.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/target.h"

/* Of the third version, which the headers of Debian 12 do not have. */
#define TRUNCATE (1u << 14)
#define VERSION_TRUNCATE 3

#define READING \
	(LANDLOCK_ACCESS_FS_EXECUTE | LANDLOCK_ACCESS_FS_READ_FILE | LANDLOCK_ACCESS_FS_READ_DIR)
#define WRITING (((LANDLOCK_ACCESS_FS_MAKE_SYM << 1) - 1) & ~READING)

/* That all of its files are beneath; NULL: it is no file. */
static const char *folder_of(const char *target, char path[static PATH_MAX])
{
	char *who;

	if (strcmp(target, "stderr") == 0 || strcmp(target, "none") == 0)
		return NULL;
	(void)snprintf(path, PATH_MAX, "%s", target);
	who = strstr(path, TARGET_WORKER);
	if (who != NULL)
		who[1] = '\0';
	return dirname(path);
}

static int allow(int rules, const char *folder)
{
	struct landlock_path_beneath_attr beneath = {
		.allowed_access = LANDLOCK_ACCESS_FS_WRITE_FILE | LANDLOCK_ACCESS_FS_MAKE_REG
	};
	long result;

	beneath.parent_fd = open(folder, O_PATH | O_CLOEXEC);
	if (beneath.parent_fd < 0)
		return -errno;
	result = syscall(SYS_landlock_add_rule, rules, LANDLOCK_RULE_PATH_BENEATH, &beneath, 0);
	result = result < 0 ? -errno : 0;
	(void)close(beneath.parent_fd);
	return (int)result;
}

int landlock_enter(const char *log_target, int *ret_version)
{
	long version =
		syscall(SYS_landlock_create_ruleset, NULL, 0, LANDLOCK_CREATE_RULESET_VERSION);
	struct landlock_ruleset_attr handled = { .handled_access_fs = WRITING };
	char path[PATH_MAX];
	const char *folder = folder_of(log_target, path);
	int rules, error = 0;

	if (version <= 0) {
		*ret_version = 0;
		return 0;
	}
	if (version >= VERSION_TRUNCATE)
		handled.handled_access_fs |= TRUNCATE;
	rules = (int)syscall(SYS_landlock_create_ruleset, &handled, sizeof(handled), 0);
	if (rules < 0)
		return -errno;
	if (folder != NULL)
		error = allow(rules, folder);
	if (error == 0 && syscall(SYS_landlock_restrict_self, rules, 0) < 0)
		error = -errno;
	(void)close(rules);
	if (error == 0)
		*ret_version = (int)version;
	return error;
}
