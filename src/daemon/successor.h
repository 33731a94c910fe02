/* A process that is to take our place: what it says, and whether it is ready. Thread: main. */
#ifndef DAEMON_SUCCESSOR_H
#define DAEMON_SUCCESSOR_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#define SUCCESSOR_WORDS_MAX 4096

/* Borrowed for the start. */
struct successor_plan {
	const char *path;
	char *const *arguments;
	char *const *environment;
	const int *fds; /* that are its 3, 4 ...; behind them it gets the two of SUCCESSOR_OWN */
	size_t fds_count;
	unsigned patience_ms; /* until it must be ready */
	int epoll;	      /* which is ready when successor_step() is to be called */
};

/* Where it says which process it is, and then that it is ready: its number, and a line end each; and our standard error.
 * What it writes to its own is words to us. */
#define SUCCESSOR_OWN 2

struct successor {
	pid_t pid; /* that was started; it ends with status 0 when the one that it says is ready */
	int pidfd;
	char said[24]; /* at ready_fd */
	size_t said_bytes;
	pid_t heir; /* 0: it has not said */
	int heir_fd;
	bool stepped_aside; /* the first process, for its heir */
	int ready_fd;	    /* -1: it has closed it, as with the next */
	int words_fd;
	int timer_fd;
	unsigned patience_ms;
	size_t length;
	char words[SUCCESSOR_WORDS_MAX + 1];
	char why[96]; /* it failed */
};

enum successor_state { SUCCESSOR_STARTS, SUCCESSOR_READY, SUCCESSOR_FAILED };

/* -errno. The child is a program of its own: it does not end with us. */
int successor_start(const struct successor_plan *plan, struct successor *ret_successor);

/* Ready: it serves. Failed: it has ended, or is late. */
enum successor_state successor_step(struct successor *successor);

/* Unless it was left in charge, end it; else its heir_fd stays open. */
void successor_end(struct successor *successor, enum successor_state state);

#endif
