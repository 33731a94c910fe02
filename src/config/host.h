/* Addresses as people write them. Thread: any. */
#ifndef CONFIG_HOST_H
#define CONFIG_HOST_H

#include <stddef.h>

/* What is wrong with an address: the bytes from `offset` on. */
struct host_error {
	size_t offset, length;
	const char *message;
};

/* -EINVAL: not the numeric address of a host. */
int host_check(const char *text, struct host_error *ret_error);

#endif
