#include "base/thread_look.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"

/* Of a thread's file in /proc, the first bytes; "" if it cannot be read. */
static void read_task_file(pid_t thread, const char *name, char *text, size_t size)
{
	ssize_t length = -1;
	char path[64];
	int fd;

	(void)snprintf(path, sizeof(path), "/proc/self/task/%d/%s", thread, name);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd >= 0) {
		length = read(fd, text, size - 1);
		(void)close(fd);
	}
	text[length > 0 ? length : 0] = '\0';
}

/* Behind its name in parentheses, which may have any bytes; '\0': it is gone. */
static char task_state(pid_t thread)
{
	char stat[128];
	const char *name_end;

	read_task_file(thread, "stat", stat, sizeof(stat));
	name_end = strrchr(stat, ')');
	return name_end != NULL && name_end[1] == ' ' ? name_end[2] : '\0';
}

const char *thread_look(pid_t thread, char text[static THREAD_LOOK_MAX])
{
	char where[40], call[12], state = task_state(thread);
	const char *how = state == 'D' ? "uninterruptibly " : "";

	if (state == 'R' || state == '\0') {
		(void)snprintf(text, THREAD_LOOK_MAX, state == 'R' ? "burns CPU" : "unknown");
		return text;
	}
	read_task_file(thread, "wchan", where, sizeof(where));
	read_task_file(thread, "syscall", call, sizeof(call));
	call[strcspn(call, " \n")] = '\0';
	(void)snprintf(text, THREAD_LOOK_MAX, "waits %sin %s%s%s%s", how,
		where[0] != '\0' && strcmp(where, "0") != 0 ? where : "the kernel",
		call[0] != '\0' ? " (syscall " : "", call, call[0] != '\0' ? ")" : "");
	return text;
}

/* The clock's number as the kernel makes it of a thread's. */
int64_t thread_look_cpu_ns(pid_t thread)
{
	const clockid_t clock = (clockid_t)(~(unsigned)thread << 3 | 6);
	struct timespec spent;

	return clock_gettime(clock, &spent) == 0 ? spent.tv_sec * NS_PER_S + spent.tv_nsec : 0;
}
