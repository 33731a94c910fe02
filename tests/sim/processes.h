/* The simulated children of services whose handler is outside: processes that are asked on a stream, answer, and die at
 * any step. The product's children_*, stream and asked talk to them; the owner's side of a life (process/life.h) is
 * simulated, too. */
#ifndef SIM_PROCESSES_H
#define SIM_PROCESSES_H

#include <poll.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "process/children.h"
#include "random.h"

#define PROCESSES_MAX 64u
#define PROCESS_BYTES 16384u
#define PROCESS_STREAM_FD 100 /* and after it those of all streams, */
#define PROCESS_PIDFD 200     /* and of all processes */

/* What a service's children are like. Each "one in" is of steps; 0: never. */
struct sim_children {
	unsigned window;
	bool rerun;
	bool unpaced; /* a new one starts at once, though others have died of late */
	unsigned timeout_ms, max_requests;
	unsigned room; /* bytes that a stream holds */
	unsigned bad_start_one_in;
	unsigned die_one_in;	/* before a request, within, in the middle of an answer, after it */
	unsigned poison_one_in; /* requests that each child dies of */
	unsigned stuck_one_in;
	unsigned stray_one_in; /* answers to what it was not asked, too */
	int64_t lives_ns;      /* about; 0: as long as it likes */
};

/* What a worker asks it now, as the watch has seen it. */
struct talk_seen {
	uint32_t letters[CHILDREN_WINDOW_MAX];
	bool answered[CHILDREN_WINDOW_MAX];
	unsigned count;
	uint64_t first_id;
	const struct datagram *first;
	bool stray; /* it said what does not belong here */
	bool noted; /* for the quarantine */
};

/* A whole frame of what it says. */
struct utterance {
	size_t end;
	uint64_t id;
	ssize_t outcome; /* of the request, as struct letter has it */
};

struct process {
	struct child *child; /* NULL: there is none */
	const struct sim_children *like;
	int64_t service_ns;
	unsigned number;
	uint64_t plans; /* what was planned before is void */
	bool alive, greeted, awake, forced;
	bool hello_due, death_due; /* the owner does not know yet */
	bool reset;		   /* told the reader that not all was read */
	int64_t kill_ns;

	uint8_t asked[PROCESS_BYTES];
	size_t asked_size, asked_read;
	uint8_t said[PROCESS_BYTES];
	size_t said_size, said_read;
	struct utterance utterances[CHILDREN_WINDOW_MAX * 2];
	unsigned utterances_count, utterances_heard;
	struct talk_seen talk;
};

struct run;

struct process *process_of(const struct child *child);

/* What children of the service are like, from now on. */
void processes_draw(struct random *random, struct sim_children *children);

/* -errno: it does not start. */
int process_start(struct child *child, const struct sim_children *like, int64_t service_ns);

/* It ends within `most_ns`. */
void process_kill(struct process *process, int64_t most_ns);

/* A descriptor of one, and what poll(2) would say. */
static inline bool process_is_fd(int fd)
{
	return fd >= PROCESS_STREAM_FD && fd < PROCESS_PIDFD + (int)PROCESSES_MAX;
}

short process_poll(const struct pollfd *fd);

/* How many of the requests of its talk it can have begun: those of which it was sent anything. */
unsigned process_begun(const struct process *process);

/* owner.c: the owner's thread: wait until this time, or until it is woken, and do what falls due for children. */
void owner_wait(struct run *run, int64_t until_ns);

/* watch_asked.c: the worker has read more of what it said. */
void watch_heard(struct process *process);

#endif
