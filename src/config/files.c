/* What a start needs of the machine's files: it writes the log, and creates its files where there are none. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/target.h"
#include "config/files.h"

static int check_directory(char path[static PATH_MAX])
{
	char *slash = strrchr(path, '/');

	if (slash != NULL)
		slash[slash == path] = '\0';
	return faccessat(AT_FDCWD, slash != NULL ? path : ".", W_OK | X_OK, AT_EACCESS);
}

/* -errno, as open(2) would have it. */
static int check_file(const char *target, const char *who)
{
	char path[PATH_MAX];
	struct stat status;
	int error = target_expand(target, who, path);

	if (error < 0)
		return error;
	if (stat(path, &status) == 0) {
		if (S_ISDIR(status.st_mode))
			return -EISDIR;
		return faccessat(AT_FDCWD, path, W_OK, AT_EACCESS) < 0 ? -errno : 0;
	}
	if (errno != ENOENT)
		return -errno;
	return check_directory(path) < 0 ? -errno : 0;
}

/* One of each kind, and each worker's: with the placeholder in a directory, there are several. */
static int check_log(const struct config *config, const char *target)
{
	int error = check_file(target, "main");

	if (error < 0 || strstr(target, TARGET_WORKER) == NULL)
		return error;
	error = check_file(target, "rx0");
	for (unsigned i = 0; error == 0 && i < config->options.workers; i++) {
		char who[16];

		(void)snprintf(who, sizeof(who), "%u", i);
		error = check_file(target, who);
	}
	return error;
}

void files_check(const struct config *config, struct report *report)
{
	const struct value *value = &config->top.of[PARAM_LOG_TARGET];
	const char *target = config->options.log_target;
	int error;

	if (!value->present || strcmp(target, "stderr") == 0 || strcmp(target, "none") == 0)
		return;
	error = check_log(config, target);
	if (error < 0)
		report_add(report, value_text_place(value, 0), "%s: cannot be written to: %s",
			params[PARAM_LOG_TARGET].path,
			error == -ENOENT ? "the directory does not exist"
					 : strerrordesc_np(-error));
}
