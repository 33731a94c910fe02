/* The pool: the threads that run the workers.
 *
 * DESIGN: a worker, its log ring and its buffers are made once for its number and kept; its thread
 * comes and goes with pool.workers. A worker that is not wanted any more ends after its batch. It decides
 * that under the pool's lock, so that a worker that is wanted again either stays or is known to be gone.
 * Thread: owner, except what the threads do themselves. */
#ifndef ENGINE_POOL_H
#define ENGINE_POOL_H

#include <dgram.h>

#include "base/cpus.h"
#include "base/start_latch.h"
#include "base/lock.h"
#include "base/thread.h"
#include "engine/worker.h"

struct pool_member {
	struct pool *pool;
	struct worker *_Atomic worker; /* NULL: this number was never wanted; the owner writes */
	pthread_t thread;
	struct start_latch latch;
	bool started; /* the thread has to be joined */
	bool parked;  /* it waits at the latch */
	bool leaving; /* under the pool's lock: it has decided to end */
};

struct pool {
	/* Set by the owner. */
	struct worker_shared shared;
	struct log *log;
	int workers_done_fd;	 /* an eventfd: readable once the last worker has ended */
	const struct cpus *cpus; /* that the workers stay on */
	struct thread_prologue prologue;

	struct lock lock;
	_Atomic unsigned running;
	struct pool_member members[DGRAM_WORKERS_MAX];
};

void pool_init(struct pool *pool);

/* Frees the workers. No thread may run. */
void pool_destroy(struct pool *pool);

/* Make workers, without threads, up to this number. -ENOMEM: those made are kept. */
int pool_make(struct pool *pool, unsigned workers);

/* The worker of this number; NULL: none was made. Thread: any. */
struct worker *pool_worker(struct pool *pool, unsigned number);

/* Create the threads of this many workers, parked. On failure there are none, and the first error was
 * logged in `ring`. */
int pool_park(struct pool *pool, unsigned workers, struct log_ring *ring);

/* Let the parked ones run, or end them. */
void pool_release(struct pool *pool, bool go);

/* Change the number of workers, made before, of a pool that runs. Workers that are too many end after
 * their batch. An error, which is logged in `ring`, leaves the pool as it was. */
int pool_resize(struct pool *pool, unsigned workers, struct log_ring *ring);

/* Wait for the end of all threads. */
void pool_join(struct pool *pool);

#endif
