/* A socket of NETLINK_ROUTE, which the kernel answers at once: nothing here waits. Thread: its owner. */
#ifndef GUARD_NETLINK_H
#define GUARD_NETLINK_H

#include <linux/rtnetlink.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

/* The kernel gives at most this at once (af_netlink.c). */
#define NETLINK_BUFFER_BYTES 32768u

struct netlink {
	int fd; /* -1: not open */
	uint32_t sequence;
	_Alignas(struct nlmsghdr) unsigned char buffer[NETLINK_BUFFER_BYTES];
};

/* Open it, and subscribe to the notices of these groups. -errno; it is to be closed even then. */
int netlink_open(struct netlink *netlink, unsigned groups);

/* Closing a closed one is fine. */
void netlink_close(struct netlink *netlink);

/* Receive messages into the buffer. Returns their bytes; 0: they were not the kernel's. -EAGAIN: there are
 * none; -ENOBUFS: notices were lost. */
ssize_t netlink_receive(struct netlink *netlink);

/* The next of the messages received, from *at on, which moves behind it; NULL: there is no whole one. */
const struct nlmsghdr *netlink_next(const struct netlink *netlink, size_t length, size_t *at);

/* What a message says after its header, or NULL: less than this. */
const void *netlink_payload(const struct nlmsghdr *message, size_t bytes);

/* The attribute of this type among those in `length` bytes, or NULL: there is none of `bytes` at least.
 * *ret_length, if not NULL: its own length. */
const void *netlink_attribute(
	const void *attributes, size_t length, unsigned type, size_t bytes, size_t *ret_length);

/* The route of a message about one that leads to this machine (of type local or anycast), or NULL. */
const struct rtmsg *netlink_local_route(const struct nlmsghdr *message);

/* Takes a message of an answer. Returns 0 or -errno. */
typedef int netlink_take(void *context, const struct nlmsghdr *message);

/* What to list: the type of the message, and what follows its header. */
struct netlink_question {
	uint16_t type;
	size_t bytes;
	const void *what;
};

/* Ask, and give each message of the answer to `take`. Returns its -errno, or the kernel's; -EINTR: something
 * changed meanwhile, so the list may be wrong. */
int netlink_list(struct netlink *netlink, const struct netlink_question *question,
	netlink_take *take, void *context);

#endif
