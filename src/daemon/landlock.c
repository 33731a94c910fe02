#include "daemon/landlock.h"

#include <errno.h>
#include <fcntl.h>
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

#define LOGGING (LANDLOCK_ACCESS_FS_WRITE_FILE | LANDLOCK_ACCESS_FS_MAKE_REG)
#define WRITING                                                                     \
	(LOGGING | LANDLOCK_ACCESS_FS_REMOVE_DIR | LANDLOCK_ACCESS_FS_REMOVE_FILE | \
		LANDLOCK_ACCESS_FS_MAKE_CHAR | LANDLOCK_ACCESS_FS_MAKE_DIR |        \
		LANDLOCK_ACCESS_FS_MAKE_SOCK | LANDLOCK_ACCESS_FS_MAKE_FIFO |       \
		LANDLOCK_ACCESS_FS_MAKE_BLOCK | LANDLOCK_ACCESS_FS_MAKE_SYM)

/* That all of its files are beneath; "": it is no file. */
static void find_folder_of_log(const char *target, char folder[static PATH_MAX])
{
	char *slash;

	folder[0] = '\0';
	if (strcmp(target, "stderr") == 0 || strcmp(target, "none") == 0)
		return;
	(void)snprintf(folder, PATH_MAX, "%s", target);
	slash = strstr(folder, TARGET_WORKER);
	if (slash != NULL)
		*slash = '\0';
	slash = strrchr(folder, '/');
	if (slash != NULL)
		slash[slash == folder] = '\0';
	else
		(void)snprintf(folder, PATH_MAX, ".");
}

static int allow(int rules, const char *folder)
{
	struct landlock_path_beneath_attr beneath = { .allowed_access = LOGGING };
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
	char folder[PATH_MAX];
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
	find_folder_of_log(log_target, folder);
	if (folder[0] != '\0')
		error = allow(rules, folder);
	if (error == 0 && syscall(SYS_landlock_restrict_self, rules, 0) < 0)
		error = -errno;
	(void)close(rules);
	if (error == 0)
		*ret_version = (int)version;
	return error;
}
