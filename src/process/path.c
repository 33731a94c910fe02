#include "process/path.h"

#include <stdio.h>
#include <string.h>

void path_beside(const char *base, const char *name, char ret_path[PATH_MAX + 1])
{
	const char *folder = base != NULL && strchr(base, '/') != NULL ? base : "./";
	int length = name[0] != '/' ? (int)(strrchr(folder, '/') + 1 - folder) : 0;

	if (strncmp(name, "./", 2) == 0)
		name += 2;
	(void)snprintf(ret_path, PATH_MAX + 1, "%.*s%s", length, folder, name);
}

const char *path_shown(const char *path)
{
	size_t length = strlen(path);

	return path + (length > PATH_SHOWN ? length - PATH_SHOWN : 0);
}
