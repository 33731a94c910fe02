/* The children of a service: processes that answer its requests, by "dgram 1" (dgram-1(7)) on a stream (stream.h), or
 * in memory that they share with us (hand_over.h). These say that they are up on their stream, too.
 *
 * DESIGN: the owner's thread makes children and buries them, all in its loop, because a child is killed when the
 * thread that made it ends. It waits for their first line, their deaths and what they write to standard error. Workers
 * only talk to them.
 *
 *	state		whose	what it waits for, and what follows
 *	NONE		owner	its turn (paced, after a back-off): STARTING
 *	STARTING	owner	its first line: FREE; its end, a bad line, start_timeout_ms: ENDING
 *	FREE		owner	a worker takes it: TAKEN; it ends, or is replaced: ENDING
 *	TAKEN		worker	answers: FREE; if it ends, breaks the protocol, takes timeout_ms, or is to be
 *				replaced, the worker gives it up: GIVEN
 *	GIVEN		owner	that it looks: ENDING
 *	ENDING		owner	end of file and TERM; after 100 ms KILL; once it is reaped: NONE
 *
 * A state changes under the lock, and the stream is used by whose child it is. The owner reaps a child that ends while
 * it is TAKEN, but leaves stream and pidfd open until the worker, which polls both, gives it up: it has read the
 * stream to its end then, so no answer is lost. Whatever the worker did not get an answer for it runs in the next
 * child, one by one, or it counts as failed_child; see asked.h.
 *
 * FREE and TAKEN children are those that serve. The queue lets no more workers hold the service, so each finds one,
 * except when a child ends between: then it waits for the next.
 *
 * One more child than is wanted may run: the successor of one that has used up its max_requests or max_rss_bytes,
 * which serves until the new one is up. */
#ifndef PROCESS_CHILDREN_H
#define PROCESS_CHILDREN_H

#include <dgram.h>
#include <signal.h>

#include "base/events.h"
#include "base/eventcount.h"
#include "base/lock.h"
#include "engine/outside.h"
#include "process/frame.h"
#include "process/quarantine.h"
#include "process/shared.h"
#include "process/spawn.h"
#include "process/stderr_lines.h"

/* The window of the binary form; that of the text form is 1. */
#define CHILDREN_WINDOW_MAX 32u

/* So many deaths that come too early make a service fail. */
#define CHILDREN_EARLY_MAX 5

/* Ends of children that are remembered. */
#define CHILDREN_ENDS_MAX 8

/* Of the last that a child wrote, for the report of its death. */
#define CHILD_LAST_MAX 256

/* What can change while they run. */
struct children_limits {
	unsigned wanted; /* how many */
	unsigned start_timeout_ms, timeout_ms;
	unsigned memory_bytes, files;
	unsigned max_requests, max_rss_bytes;
	bool rerun;
};

/* What stays. The texts are borrowed. */
struct children_program {
	struct dgram_command command;
	const char *service;
	size_t request_bytes, reply_bytes; /* the longest */
};

/* Whom the owner's side uses. */
struct children_host {
	struct events *events;
	struct log_ring *log; /* the owner's */
	void (*changed)(void *context, unsigned serving);
	void (*over)(void *context); /* the streams that were handed in have ended */
	void *context;
};

enum child_state { CHILD_NONE, CHILD_STARTING, CHILD_FREE, CHILD_TAKEN, CHILD_GIVEN, CHILD_ENDING };

/* Why it ended or was ended. */
enum child_fault {
	CHILD_ENDED, /* by itself, or by somebody else */
	CHILD_BAD,   /* what it said was wrong */
	CHILD_LATE,
	CHILD_REPLACED,
	CHILD_STOPPED,
};

/* The request that it cost, the oldest of those that were unanswered. */
struct child_victim {
	union addr client;
	size_t bytes;
	uint64_t hash;
	unsigned unanswered; /* how many were; 0: it was idle */
};

struct child {
	struct children *children;

	/* Under the lock. */
	enum child_state state;
	struct child *next; /* in a list */
	bool spent;   /* it is to be replaced: the worker that gives it back tells the owner */
	bool retired; /* now */
	bool reaped;  /* the owner writes it */
	_Atomic unsigned worker; /* the last that took it */

	/* Whose it is: the stream. */
	int fd;
	struct frame_reader reader;
	uint8_t *said;	/* for the reader */
	uint8_t *asked; /* a question as text */
	uint64_t next_id;
	struct shared shared; /* beside the stream, which carries our rings then */
	uint64_t requests, answers;
	enum child_fault fault;
	const char *reason;
	struct child_victim victim;
	struct log_limit error_limit;

	/* The owner's, but that a worker polls pidfd. */
	struct spawned process;
	int errors;		   /* what reads its standard error */
	bool asked_to_end, forced; /* it was sent TERM, and KILL */
	bool served;		   /* it was up */
	unsigned requests_max, rss_max;
	siginfo_t end; /* of one that was reaped */
	struct events_watch watch_stream, watch_process, watch_errors, watch_shared;
	struct events_timer timer; /* its start takes too long; or TERM does */
	struct stderr_lines lines;
	char last[CHILD_LAST_MAX];
	size_t last_length;
};

struct children_counts {
	_Atomic uint64_t recycled, crashed, killed, start_failed;
};

struct children {
	struct outside outside; /* first: a pointer to it is one to the whole */
	struct children_program program;
	struct children_host host;
	enum frame_form form;
	unsigned window;	       /* requests that wait in a child at once */
	struct children_limits limits; /* the owner's; workers have these two: */
	_Atomic unsigned timeout_ms;
	atomic_bool rerun;
	struct children_counts counts;
	struct quarantine quarantine;

	struct lock lock;
	/* under the lock: */
	struct child *free;
	struct child *given_up;				/* to the owner */
	struct dgram_child_end ends[CHILDREN_ENDS_MAX]; /* the last first */
	unsigned ends_count;

	struct eventcount freed;
	atomic_bool answered; /* since the last death that came too early */
	atomic_bool failing;
	atomic_bool closed;	   /* nothing will be free */
	struct events_watch given; /* an eventfd: the owner is to look */

	/* The owner's. */
	_Atomic unsigned serving; /* any thread reads */
	bool stopping;
	unsigned early;			      /* deaths that came too early, in a row */
	int64_t early_ns[CHILDREN_EARLY_MAX]; /* when the last ones were */
	int64_t due_ns;			      /* no child starts before */
	int64_t second_ns;		      /* in which so many were started: */
	unsigned in_second;
	unsigned unpaced; /* so many more need not wait */
	size_t adopted;	  /* of the streams that were handed in */
	struct events_timer plan_timer, rss_timer;
	struct log_limit start_limit;
	struct child *all[DGRAM_WORKERS_MAX + 1]; /* NULL: this one was never needed */
};

/* None for now. -ENOMEM, -EMFILE. Thread: owner. */
int children_new(const struct children_program *program, const struct children_host *host,
	struct children **ret_children);

/* None must be alive. NULL is fine. */
void children_free(struct children *children);

/* Have as many as are wanted, from now on, by these limits. What holds for a process holds for those that start
 * later. Thread: owner. */
void children_limit(struct children *children, const struct children_limits *limits);

/* Other arguments: those that run are replaced, each when its successor is up. Thread: owner. */
void children_renew(struct children *children, char *const *arguments);

/* End all, and wait for that. Thread: owner. */
void children_stop(struct children *children);

/* Kill all at once, and have no more: workers that wait for answers see that. Thread: owner. */
void children_abort(struct children *children);

/* Bytes of address space that they take at most. */
size_t children_bytes(const struct children *children);

/* --- between the two sides, children.c and what stands beside it */

/* One that is free, which is the worker's now; waits for it until `until_ns`. NULL: there was none. Thread: a
 * worker's. */
struct child *children_take(struct children *children, unsigned worker, int64_t until_ns);

/* Give it back: it answered all, or it is not to be used any more. Thread: a worker's. */
void children_give(struct child *child);
void children_give_up(struct child *child);

/* Note why it is given up. Only the first reason counts. */
void children_blame(struct child *child, enum child_fault fault, const char *reason);

/* For life.c: it is up; it is dead and buried; it is ENDING from now on, if it is the owner's. Thread: owner. */
void children_welcome(struct child *child);
void children_bury(struct child *child);
bool children_withdraw(struct child *child);

/* children_plan.c: start those that are missing, as soon as that may be, and have those leave that are too many; the
 * successor of a spent one comes first. End one; one that a worker has comes to its end when that gives it back.
 * Free their memory. Thread: owner. */
void children_plan(struct children *children);
void children_end(struct child *child, enum child_fault fault);
void children_forget(struct children *children);

/* children_log.c: it is up; it is buried; no more could be started; the service begins to fail, or ends it. */
void children_log_up(const struct child *child);
void children_log_end(const struct child *child);
void children_log_no_start(struct children *children, int error);
void children_log_failing(struct children *children, bool failing);

/* children_ends.c: note how one has ended; copy the last, up to CHILDREN_ENDS_MAX. Thread: owner; any. */
void children_note_end(const struct child *child, const char *how);
size_t children_ends(struct children *children, struct dgram_child_end *ret_ends);

#endif
