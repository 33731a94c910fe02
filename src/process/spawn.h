/* Starts a program in a process group of its own. Thread: any. */
#ifndef PROCESS_SPAWN_H
#define PROCESS_SPAWN_H

#include <sys/types.h>

#define SPAWN_ALSO_MAX 4u

struct spawn {
	const char *path;
	char *const *arguments;
	char *const *environment;
	int standard[3]; /* its standard descriptors, each above 2 */

	/* The most data and descriptors that it may have; 0: as we. */
	unsigned memory_bytes, files;

	/* Those that follow them, from 3 on, at most SPAWN_ALSO_MAX; it has no others. */
	const int *also;
	unsigned also_count;
};

struct spawned {
	pid_t pid;
	int pidfd; /* close-on-exec; the caller's to close */
};

/* posix_spawn(3) with what that lacks: the program is killed when this thread ends, gains no rights by what it
 * executes, and dumps no core. Its signals are as the kernel's defaults. -errno: there is no process. */
int spawn_start(const struct spawn *spawn, struct spawned *ret_spawned);

#endif
