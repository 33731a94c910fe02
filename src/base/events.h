/* Waiting for descriptors and times in one thread: an epoll. What waits are structs of the caller's, so
 * nothing is allocated. Callbacks may add, remove and set whatever they like, themselves included: what was
 * removed is not called any more, and its memory may be freed at once.
 *
 * Thread: one at a time. */
#ifndef BASE_EVENTS_H
#define BASE_EVENTS_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/epoll.h>

#include "base/link.h"

/* A step looks at this many descriptors at most, and the kernel deals them out in turn. */
#define EVENTS_BATCH 16

struct events {
	int fd;		    /* of the epoll; -1: none */
	struct link timers; /* by their times */
	struct epoll_event ready[EVENTS_BATCH];
	unsigned ready_count; /* that were not called yet: from the end */
};

/* A descriptor, and whom to call while it is ready. The caller keeps it, and sets all of it. */
struct events_watch {
	int fd;
	uint32_t wanted; /* EPOLLIN, EPOLLOUT; EPOLLERR and EPOLLHUP are always */
	void (*call)(void *context, uint32_t ready);
	void *context;
};

/* A time, and whom to call then, once. The caller keeps it, and sets `call` and `context`. */
struct events_timer {
	struct link link;
	bool set;
	int64_t due_ns;
	void (*call)(void *context);
	void *context;
};

/* -EMFILE, -ENFILE, -ENOMEM. Nothing was made when it fails. */
int events_open(struct events *events);

/* What still waits is forgotten. Closing one that is not open (fd -1) is fine. */
void events_close(struct events *events);

/* The descriptor stays open until it was removed. -EPERM: it is a file, which is always ready; -EBADF; -EEXIST;
 * -ENOMEM; -ENOSPC: see /proc/sys/fs/epoll/max_user_watches. */
int events_add(struct events *events, struct events_watch *watch);

/* Removing one that was not added, or whose descriptor is closed, is fine. */
void events_remove(struct events *events, const struct events_watch *watch);

/* Call it at this time of CLOCK_MONOTONIC (INT64_MAX: never) instead of the time that was set before. */
void events_set(struct events *events, struct events_timer *timer, int64_t due_ns);

/* Cancelling one that is not set is fine. */
void events_cancel(struct events_timer *timer);

/* Wait until something is ready or due, and call it. A timer that is due at once when it is set by a callback
 * is called in the next step. Returns the number of calls: 0 after a signal. */
unsigned events_step(struct events *events);

#endif
