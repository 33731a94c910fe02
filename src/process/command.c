#include "process/command.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "process/path.h"

#define PATH_DEFAULT "/usr/local/bin:/usr/bin:/bin"

static const char *fault_of_file(const char *path)
{
	struct stat file;

	if (stat(path, &file) < 0)
		return strerrordesc_np(errno);
	if (!S_ISREG(file.st_mode))
		return "is not a file";
	return faccessat(AT_FDCWD, path, X_OK, AT_EACCESS) < 0 ? "is not executable" : NULL;
}

/* The first that can be executed, as a shell takes it. */
static bool search(const char *word, char ret_path[PATH_MAX + 1])
{
	const char *folder = getenv("PATH");
	size_t length;

	for (folder = folder != NULL ? folder : PATH_DEFAULT; folder != NULL;
		folder = folder[length] != '\0' ? folder + length + 1 : NULL) {
		length = strcspn(folder, ":");
		(void)snprintf(ret_path, PATH_MAX + 1, "%.*s%s%s", (int)length, folder,
			length > 0 ? "/" : "./", word);
		if (fault_of_file(ret_path) == NULL)
			return true;
	}
	return false;
}

bool command_find(const char *base, const char *word, char ret_path[PATH_MAX + 1],
	char ret_error[COMMAND_ERROR_MAX])
{
	const char *fault;

	if (word[0] == '\0' || strchr(word, '/') == NULL) {
		if (word[0] != '\0' && search(word, ret_path))
			return true;
		(void)snprintf(ret_error, COMMAND_ERROR_MAX,
			"\"%.100s\": there is no such program along PATH", word);
		return false;
	}
	path_beside(base, word, ret_path);
	fault = fault_of_file(ret_path);
	if (fault == NULL)
		return true;
	(void)snprintf(ret_error, COMMAND_ERROR_MAX, "%s: %s", path_shown(ret_path), fault);
	return false;
}
