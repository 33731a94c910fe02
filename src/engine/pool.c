#include "engine/pool.h"

#include <errno.h>
#include <string.h>
#include <sys/eventfd.h>

void pool_init(struct pool *pool)
{
	lock_init(&pool->lock);
	for (unsigned i = 0; i < DGRAM_WORKERS_MAX; i++)
		pool->members[i].pool = pool;
}

void pool_destroy(struct pool *pool)
{
	for (unsigned i = 0; i < DGRAM_WORKERS_MAX; i++) {
		assert(!pool->members[i].started);
		worker_free(pool->members[i].worker);
	}
	lock_destroy(&pool->lock);
}

int pool_make(struct pool *pool, unsigned workers)
{
	for (unsigned i = 0; i < workers; i++) {
		struct worker *worker = NULL;
		struct log_ring *ring;
		int error;

		if (pool->members[i].worker != NULL)
			continue;
		error = log_add_ring(pool->log, LOG_WORKER, i, &ring);
		if (error == 0)
			error = worker_new(&pool->shared,
				&(struct worker_identity){ .number = i, .log = ring }, &worker);
		if (error < 0)
			return error;
		atomic_store(&pool->members[i].worker, worker);
	}
	return 0;
}

struct worker *pool_worker(struct pool *pool, unsigned number)
{
	return atomic_load(&pool->members[number].worker);
}

static bool leaves(struct pool_member *member, bool ended)
{
	struct pool *pool = member->pool;

	lock_take(&pool->lock);
	member->leaving = ended ||
			  member->worker->number >= atomic_load(&pool->shared.demand.wanted);
	lock_release(&pool->lock);
	return member->leaving;
}

static void note_end(struct pool *pool)
{
	if (atomic_fetch_sub(&pool->running, 1) == 1)
		(void)eventfd_write(pool->workers_done_fd, 1);
}

static void *member_main(void *argument)
{
	char signal_stack[THREAD_SIGNAL_STACK];
	struct pool_member *member = argument;
	struct worker *worker = member->worker;
	int error;

	thread_name("dgram/w", (int)worker->number);
	thread_use_signal_stack(signal_stack, sizeof(signal_stack));
	error = worker_start(worker);
	if (error == 0)
		error = thread_begin(&member->pool->prologue);
	if (!start_latch_arrive(&member->latch, error)) {
		worker_stop(worker);
		return NULL;
	}
	while (!leaves(member, worker_run(worker)))
		;
	/* Others may sleep, and have to see that all is over, or what this one was woken for. */
	worker_wake_all(worker->shared);
	worker_stop(worker);
	note_end(member->pool);
	return NULL;
}

/* Of the system's, where the worker's own start did not fail. */
static void log_start_error(struct log_ring *ring, const struct worker *worker, int error)
{
	if (worker->refused != NULL)
		handler_log_refusal(worker->refused, ring, error);
	else
		log_event(ring, EVENT_CANNOT_START_WORKER,
			LOG_FIELDS(log_uint("worker", worker->number), log_errno("error", -error)));
}

/* A worker that cannot be pinned still runs. */
static void pin_worker(struct pool_member *member, struct log_ring *ring)
{
	unsigned number = member->worker->number;
	int error = cpus_pin(member->pool->cpus, number, member->thread);

	if (error < 0)
		log_event(ring, EVENT_CANNOT_PIN_WORKER,
			LOG_FIELDS(log_uint("worker", number), log_errno("error", -error),
				log_text("hint", "pool.cpus names a CPU that is not there, or may "
						 "not be used")));
}

static int park(struct pool_member *member, struct log_ring *ring)
{
	int error;

	start_latch_init(&member->latch);
	member->leaving = false;
	member->worker->refused = NULL;
	error = thread_start(member_main, member, &member->thread);
	member->started = error == 0;
	member->parked = error == 0;
	if (error == 0)
		pin_worker(member, ring);
	return error;
}

static void join_worker(struct pool_member *member)
{
	thread_join(member->thread);
	member->started = false;
}

/* Have a thread, parked or running, for each of the first `workers`. */
static int park_missing(struct pool *pool, unsigned workers, struct log_ring *ring)
{
	unsigned failed = 0;
	int error = 0;

	for (unsigned i = 0; i < workers && error == 0; i++) {
		if (!pool->members[i].started)
			error = park(&pool->members[i], ring);
		failed = i;
	}
	for (unsigned i = 0; i < workers; i++) {
		int reported = pool->members[i].parked ? start_latch_await(&pool->members[i].latch)
						       : 0;

		if (reported < 0 && error == 0) {
			error = reported;
			failed = i;
		}
	}
	if (error < 0) {
		log_start_error(ring, pool->members[failed].worker, error);
		pool_release(pool, false);
	}
	return error;
}

int pool_park(struct pool *pool, unsigned workers, struct log_ring *ring)
{
	atomic_store(&pool->shared.demand.wanted, workers);
	return park_missing(pool, workers, ring);
}

void pool_release(struct pool *pool, bool go)
{
	for (unsigned i = 0; i < DGRAM_WORKERS_MAX; i++) {
		struct pool_member *member = &pool->members[i];

		if (!member->parked)
			continue;
		member->parked = false;
		if (go)
			atomic_fetch_add(&pool->running, 1);
		start_latch_release(&member->latch, go);
		if (!go)
			join_worker(member);
	}
}

/* Change the number that is wanted, and join the threads that have ended by then. */
static void set_wanted(struct pool *pool, unsigned workers)
{
	lock_take(&pool->lock);
	atomic_store(&pool->shared.demand.wanted, workers);
	lock_release(&pool->lock);
	worker_wake_all(&pool->shared);
	for (unsigned i = 0; i < workers; i++) {
		struct pool_member *member = &pool->members[i];
		bool leaving;

		lock_take(&pool->lock);
		leaving = member->leaving;
		lock_release(&pool->lock);
		if (member->started && leaving)
			join_worker(member);
	}
}

int pool_resize(struct pool *pool, unsigned workers, struct log_ring *ring)
{
	unsigned before = atomic_load(&pool->shared.demand.wanted);
	int error;

	set_wanted(pool, workers);
	error = park_missing(pool, workers, ring);
	if (error < 0)
		set_wanted(pool, before);
	else
		pool_release(pool, true);
	return error;
}

void pool_join(struct pool *pool)
{
	for (unsigned i = 0; i < DGRAM_WORKERS_MAX; i++)
		if (pool->members[i].started)
			join_worker(&pool->members[i]);
}
