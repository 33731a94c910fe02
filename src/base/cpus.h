/* Lists of CPUs as taskset(1) has them, "2-5,8", and threads that stay on one of them. */
#ifndef BASE_CPUS_H
#define BASE_CPUS_H

#include <pthread.h>
#include <stdint.h>

#define CPUS_MAX 1024u

struct cpus {
	unsigned count; /* 0: any */
	uint16_t list[CPUS_MAX];
};

/* "" is an empty list. -EINVAL: not a list, or a number from CPUS_MAX on. Thread: any. */
int cpus_parse(const char *text, struct cpus *ret_cpus);

/* Bind a thread to one CPU of the list: number `number`, modulo their count. An empty list binds nothing.
 * -EINVAL: there is no such CPU, or it may not be used. Thread: any. */
int cpus_pin(const struct cpus *cpus, unsigned number, pthread_t thread);

#endif
