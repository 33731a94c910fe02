/* Streams of children that are there already, which a supervisor hands in beside sockets. Thread: owner. */
#ifndef PROCESS_HANDED_H
#define PROCESS_HANDED_H

#include <dgram.h>
#include <stdbool.h>
#include <stddef.h>

struct handed {
	int fds[DGRAM_WORKERS_MAX];
	size_t count;
};

/* "4", or "4-7". False: it names no descriptors from 3 on, or too many. */
bool handed_parse(const char *text, struct handed *ret_handed);

/* Were all of them handed in, and are they streams? *ret_fd is one that is not. */
bool handed_check(const struct handed *handed, int *ret_fd);

#endif
