/* What the kernel tells of this machine's addresses and interfaces, as they change. Thread: its owner. */
#ifndef GUARD_NOTICES_H
#define GUARD_NOTICES_H

#include "guard/netlink.h"

struct notices {
	struct netlink netlink;
};

/* What may be other than before. */
enum {
	NOTICES_ADDRESSES = 1,
	NOTICES_INTERFACES = 2,
};

/* Not open. */
void notices_init(struct notices *notices);

/* Have the kernel tell from now on. -errno: it stays closed. */
int notices_open(struct notices *notices);

/* Closing a closed one is fine. */
void notices_close(struct notices *notices);

/* To poll for reading; -1: not open. */
int notices_fd(const struct notices *notices);

/* Take in what has come; waits for nothing. Returns what may have changed: all, where notices were lost. */
unsigned notices_take(struct notices *notices);

#endif
