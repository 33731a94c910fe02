/* Calls that the sandbox would refuse, where it only logs: the kernel holds each until this has seen it
 * (seccomp_unotify(2)), which a thread of its own does, because all others may be the ones that are held. */
#ifndef DAEMON_WATCH_H
#define DAEMON_WATCH_H

#include <dgram.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#define WATCH_KINDS (DGRAM_THREAD_LOG + 1)
#define WATCH_CALLS 1024 /* numbers of system calls */
#define WATCH_TEXT_MAX 64

struct watch {
	int epoll;
	int stop;
	int news; /* an eventfd: there may be a call that was not made before */
	pthread_t thread;
	_Atomic bool seen[WATCH_KINDS][WATCH_CALLS];
	bool told[WATCH_KINDS][WATCH_CALLS]; /* the main thread's */
};

/* Start the thread. -errno. Thread: main. */
int watch_open(struct watch *watch);

/* Watch the calling thread, whose filter has this listener, which it takes. -errno. Thread: that one. */
int watch_add(struct watch *watch, int listener, enum dgram_thread kind);

/* Write the next call that a thread of some kind has made for the first time: "openat by a worker". False: there is
 * none. Thread: main. */
bool watch_next(struct watch *watch, char ret_text[WATCH_TEXT_MAX]);

/* No thread that is watched may be left. Thread: main. */
void watch_close(struct watch *watch);

#endif
