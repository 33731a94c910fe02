#include "process/program.h"

#include <dlfcn.h>
#include <errno.h>
#include <link.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/auxv.h>
#include <unistd.h>

/* Of the object that has this code: the program, or a library. There may be no /proc. */
static int find_folder(char folder[PATH_MAX])
{
	struct link_map *map;
	Dl_info info;

	if (dladdr1((void *)(uintptr_t)program_find, &info, (void **)&map, RTLD_DL_LINKMAP) == 0)
		return -ENOENT;
	if (realpath(map->l_name[0] != '\0' ? map->l_name : "/proc/self/exe", folder) == NULL &&
		realpath((const char *)getauxval(AT_EXECFN), folder) == NULL)
		return -errno;
	*strrchr(folder, '/') = '\0';
	return 0;
}

/* Also where libraries have a folder for each architecture. */
int program_find(char ret_path[PATH_MAX])
{
	static const char *const places[] = { "", "/../libexec/dgramd", "/../../libexec/dgramd" };
	char folder[PATH_MAX], path[PATH_MAX + 64];
	int error = find_folder(folder);

	for (size_t i = 0; error == 0 && i < sizeof(places) / sizeof(places[0]); i++) {
		(void)snprintf(path, sizeof(path), "%s%s/" PROGRAM_NAME, folder, places[i]);
		if (strlen(path) < PATH_MAX && access(path, F_OK) == 0) {
			memcpy(ret_path, path, strlen(path) + 1);
			return 0;
		}
	}
	return error < 0 ? error : -ENOENT;
}
