/* The simulated machine: virtual time, the events in it, and the tasks that stand for threads.
 *
 * DESIGN: one real thread. Events happen in the order of their times; those of one moment in an
 * order drawn from the seed. A task is a coroutine: it runs the product's own code until that waits
 * (for a futex, for a socket, in a handler) or is held up somewhere at a system call, as a thread
 * may be that loses its processor. Time stands still while it runs. */
#ifndef SIM_WORLD_H
#define SIM_WORLD_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "coroutine.h"
#include "random.h"

#define WORLD_TASKS_MAX 32u

struct event {
	int64_t at_ns;
	uint64_t order; /* among those of one moment */
	void (*act)(void *context, uint64_t number);
	void *context;
	uint64_t number;
};

enum task_state { TASK_NONE, TASK_READY, TASK_RUNNING, TASK_WAITING, TASK_ENDED };

struct task {
	const char *name;
	unsigned number;
	struct coroutine *coroutine;
	enum task_state state;
	uint64_t generation;	/* of its wake-ups: older ones are void */
	_Atomic uint32_t *word; /* the futex that it waits for */
	bool polling;		/* it waits for a socket, or another task's end */
	bool sending;		/* it waits for room to send */
	bool receiving;		/* that takes a while */
	bool in_handler;
	bool runs_again; /* requests of its batch: each alone */
	bool unread;	 /* a handler has ended: it has to read the clock again */
	int64_t held_ns; /* how long it was held up since then */
	void (*main)(void *argument);
	void *argument;
};

struct world {
	struct random random;
	int64_t now_ns;
	int64_t wall_ns; /* CLOCK_REALTIME less CLOCK_MONOTONIC */
	uint64_t steps;
	unsigned hold_one_in; /* a task is held up at one system call in so many; 0: never */
	int64_t hold_most_ns;
	int64_t wake_most_ns; /* until one that is woken runs */
	int64_t reading_ns;   /* what it takes to read the clock */

	struct event *events; /* a heap */
	size_t events_count, events_room;
	struct task tasks[WORLD_TASKS_MAX];
	unsigned tasks_count;
	struct task *running;
	unsigned locks; /* that it holds */
	bool watching;	/* the model looks on: the task is not held up */

	uint64_t trace; /* a hash of all that happened */
	bool print;
};

void world_init(struct world *world, uint64_t seed);
void world_free(struct world *world);

/* Have act(context, number) called at this time. */
void world_at(struct world *world, int64_t at_ns, void (*act)(void *context, uint64_t number),
	void *context, uint64_t number);

/* The next event; false: there is none. */
bool world_step(struct world *world);

/* A new task, or a former one that has ended, which runs from now on. */
struct task *task_start(struct world *world, struct task *task, const char *name,
	void (*main)(void *argument), void *argument);

/* The running task waits: until a time, or until it is woken or the time has come (INT64_MAX:
 * none). */
void task_sleep(struct world *world, int64_t until_ns);
void task_wait(struct world *world, int64_t until_ns);

/* If it waits: it runs soon. */
void task_wake(struct world *world, struct task *task);

/* Wake all that poll: what they wait for may have changed. */
void world_poke(struct world *world);

/* A system call, or a lock to be taken: the running task may be held up there. */
void world_call(struct world *world);

void world_futex_wait(struct world *world, _Atomic uint32_t *word, int64_t timeout_ns);
void world_futex_wake(struct world *world, _Atomic uint32_t *word, unsigned count);

/* Note what happened. `what` is a constant. */
void world_trace(struct world *world, const char *what, int64_t a, int64_t b, int64_t c);

#endif
