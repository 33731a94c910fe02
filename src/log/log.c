/* DESIGN: who consumes. If the writer runs, producers push and the writer alone consumes. If not, a
 * thread that logs takes the lock, pushes into its ring and empties it (this is the one lock that
 * is held in system calls). `threaded` says which, and `sinks` what lines are formatted for. Both
 * change while producers are at work.
 *
 * A producer makes its ring's `turns` odd, then reads `threaded` and `sinks`, and makes it even
 * after the push. A thread that has changed one of the two waits until each turn that it sees odd
 * is over (quiesce()). All of this is sequentially consistent: either the producer sees the change,
 * or its line is in the ring before the wait is over. No line stays behind in a ring, or is
 * formatted for sinks that are gone.
 *
 * New sinks: first producers format for them, then the lines for the old sinks are written to
 * those, then the consumer uses the new ones (log_consumer_switch()). */
#include "log/log.h"

#include <assert.h>
#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/clock.h"
#include "base/eventcount.h"
#include "base/lock.h"
#include "base/sys.h"
#include "base/thread.h"
#include "log/consumer.h"

/* How long a thread that logs without a writer waits for a blocked sink: a program must not hang at
 * its start because nobody reads a pipe. */
#define DIRECT_WAIT_NS (200 * NS_PER_MS)

/* How long blocked sinks are waited for when new ones replace them, and at log_free(). */
#define REPLACE_WAIT_NS (500 * NS_PER_MS)
#define FREE_TIMEOUT_MS 1000

/* A turn is over in microseconds, unless its thread does not run. */
#define TURN_WAIT_NS NS_PER_MS

struct log {
	_Atomic int level;		 /* the highest that is logged; -1: none */
	struct log_sinks *_Atomic sinks; /* what producers format for; changed by the consumer */
	_Atomic bool threaded;		 /* the writer is the consumer, and no producer is */
	struct lock lock;		 /* else: its holder is the consumer */
	struct log_consumer consumer;

	/* To the writer. */
	struct eventcount wake;
	struct log_sinks *_Atomic request; /* switch to these; NULL: done */
	_Atomic bool stopping;
	int64_t stop_ns; /* the deadline; written before `stopping` */

	/* From the writer. */
	struct eventcount served;

	/* The owner's. */
	unsigned workers;   /* those below have files */
	unsigned receivers; /* all have files */
	bool running;	    /* the writer */
	pthread_t writer;
};

static void quiesce(struct log *log)
{
	for (struct log_ring *ring = atomic_load(&log->consumer.rings); ring != NULL;
		ring = atomic_load(&ring->next)) {
		uint32_t turn = atomic_load(&ring->turns);

		while (turn % 2 == 1 && atomic_load(&ring->turns) == turn)
			sys_futex_wait(&ring->turns, turn, TURN_WAIT_NS);
	}
}

static void push(struct log_ring *ring, const struct log_line *line)
{
	const struct log_sinks *sinks = atomic_load(&ring->log->sinks);
	char text[LOG_LINE_MAX];
	struct log_record record = {
		.realtime_ns = line->realtime_ns,
		.source = line->source,
		.length = (uint16_t)log_format_line(line, &sinks->style, text),
		.generation = sinks->generation,
	};

	(void)log_ring_push(ring, &record, text);
}

/* False if there is no writer. Thread: the ring's. */
static bool push_to_writer(struct log_ring *ring, const struct log_line *line)
{
	struct log *log = ring->log;
	bool threaded;

	atomic_fetch_add(&ring->turns, 1);
	threaded = atomic_load(&log->threaded);
	if (threaded)
		push(ring, line);
	atomic_fetch_add(&ring->turns, 1);
	if (threaded)
		eventcount_notify(&log->wake, 1);
	return threaded;
}

/* The thread that writes gets SIGPIPE and SIGXFSZ. The writer has all signals blocked; a thread of
 * the program, which may not know that it writes, must not die of a log line. */
static void hold_signals(sigset_t *ret_before, sigset_t *ret_held)
{
	sigset_t held, pending;

	(void)sigemptyset(&held);
	(void)sigpending(&pending);
	if (sigismember(&pending, SIGPIPE) == 0)
		(void)sigaddset(&held, SIGPIPE);
	if (sigismember(&pending, SIGXFSZ) == 0)
		(void)sigaddset(&held, SIGXFSZ);
	PTHREAD_OK(pthread_sigmask(SIG_BLOCK, &held, ret_before));
	*ret_held = held;
}

static void release_signals(const sigset_t *before, const sigset_t *held)
{
	const struct timespec now = { 0 };

	while (sigtimedwait(held, NULL, &now) > 0)
		;
	PTHREAD_OK(pthread_sigmask(SIG_SETMASK, before, NULL));
}

/* False if there is a writer. Thread: the ring's. */
static bool write_directly(struct log_ring *ring, const struct log_line *line)
{
	struct log *log = ring->log;
	sigset_t before, held;
	bool threaded;

	hold_signals(&before, &held);
	lock_take(&log->lock);
	threaded = atomic_load(&log->threaded);
	if (!threaded) {
		push(ring, line);
		log_consumer_empty(&log->consumer, NULL, sys_monotonic_ns() + DIRECT_WAIT_NS);
	}
	lock_release(&log->lock);
	release_signals(&before, &held);
	return !threaded;
}

bool log_enabled(const struct log_ring *ring, enum log_level level)
{
	return (int)level <= atomic_load_explicit(&ring->log->level, memory_order_relaxed);
}

static void put_line(struct log_ring *ring, struct log_line line)
{
	if (!log_enabled(ring, line.level))
		return;
	line.realtime_ns = sys_realtime_ns();
	/* The writer may start or stop in between. */
	while (!push_to_writer(ring, &line) && !write_directly(ring, &line))
		;
}

void log_event(
	struct log_ring *ring, enum log_event_id id, const struct log_field *fields, size_t count)
{
	log_event_as(ring, ring->source, id, fields, count);
}

void log_event_as(struct log_ring *ring, struct log_source source, enum log_event_id id,
	const struct log_field *fields, size_t count)
{
	put_line(ring, (struct log_line){ .level = log_events[id].level,
			       .source = source,
			       .event = log_events[id].name,
			       .fields = fields,
			       .count = count });
}

void log_user_event(struct log_ring *ring, enum log_level level, const char *name,
	const struct log_field *fields, size_t count)
{
	put_line(ring, (struct log_line){ .level = level,
			       .source = ring->source,
			       .event = name,
			       .fields = fields,
			       .count = count });
}

/* Consumer. */
static void switch_sinks(struct log *log, struct log_sinks *sinks)
{
	sinks->generation = (uint8_t)(log->consumer.sinks->generation + 1);
	atomic_store(&log->sinks, sinks);
	quiesce(log);
	log_consumer_switch(&log->consumer, sinks, sys_monotonic_ns() + REPLACE_WAIT_NS);
}

static void serve_request(struct log *log)
{
	struct log_sinks *sinks = atomic_load(&log->request);

	if (sinks == NULL)
		return;
	switch_sinks(log, sinks);
	atomic_store(&log->request, NULL);
	eventcount_notify(&log->served, 1);
}

static void move_or_wait(struct log *log)
{
	uint32_t key = eventcount_key(&log->wake);

	if (log_consumer_step(&log->consumer, NULL) == LOG_IDLE && !atomic_load(&log->stopping) &&
		atomic_load(&log->request) == NULL)
		eventcount_wait(&log->wake, key, -1);
}

static void *writer_main(void *argument)
{
	struct log *log = argument;

	/* Until log_start() is done, others consume. */
	lock_take(&log->lock);
	lock_release(&log->lock);
	while (!atomic_load(&log->stopping)) {
		serve_request(log);
		move_or_wait(log);
	}
	/* From here on producers take the lock, and wait until the rings are empty. */
	lock_take(&log->lock);
	atomic_store(&log->threaded, false);
	quiesce(log);
	log_consumer_finish(&log->consumer, log->stop_ns);
	lock_release(&log->lock);
	return NULL;
}

int log_start(struct log *log)
{
	int error;

	assert(!log->running);
	atomic_store(&log->stopping, false);
	lock_take(&log->lock);
	error = thread_start("dgram/log", THREAD_NO_NUMBER, writer_main, log, &log->writer);
	if (error == 0)
		atomic_store(&log->threaded, true);
	lock_release(&log->lock);
	log->running = error == 0;
	return error;
}

void log_stop(struct log *log, int timeout_ms)
{
	if (!log->running)
		return;
	log->stop_ns = sys_monotonic_ns() + timeout_ms * NS_PER_MS;
	atomic_store(&log->stopping, true);
	eventcount_notify(&log->wake, 1);
	thread_join(log->writer);
	log->running = false;
}

/* Make the consumer use these sinks, which it takes. */
static void replace_sinks(struct log *log, struct log_sinks *sinks)
{
	if (!log->running) {
		lock_take(&log->lock);
		switch_sinks(log, sinks);
		lock_release(&log->lock);
		return;
	}
	atomic_store(&log->request, sinks);
	eventcount_notify(&log->wake, 1);
	for (;;) {
		uint32_t key = eventcount_key(&log->served);

		if (atomic_load(&log->request) == NULL)
			return;
		eventcount_wait(&log->served, key, -1);
	}
}

static void set_level(struct log *log, const struct log_settings *settings)
{
	bool none = strcmp(settings->target, "none") == 0;

	atomic_store(&log->level, none ? -1 : (int)settings->level);
}

int log_new(const struct log_settings *settings, unsigned receivers, struct log **ret_log)
{
	struct log *log = calloc(1, sizeof(*log));
	struct log_settings on_stderr = *settings;
	int error;

	if (log == NULL)
		return -ENOMEM;
	on_stderr.target = "stderr";
	error = log_sinks_new(&on_stderr, receivers, &log->consumer.sinks);
	if (error < 0) {
		free(log);
		return error;
	}
	lock_init(&log->lock);
	atomic_store(&log->sinks, log->consumer.sinks);
	log->workers = LOG_WORKERS_MAX;
	log->receivers = receivers;
	set_level(log, settings);
	*ret_log = log;
	return 0;
}

void log_free(struct log *log)
{
	if (log == NULL)
		return;
	log_stop(log, FREE_TIMEOUT_MS);
	for (struct log_ring *ring = atomic_load(&log->consumer.rings); ring != NULL;) {
		struct log_ring *next = atomic_load(&ring->next);

		free(ring);
		ring = next;
	}
	log_sinks_free(log->consumer.sinks);
	lock_destroy(&log->lock);
	free(log);
}

static int open_own(struct log *log, struct log_sinks *sinks, struct log_source source)
{
	if (source.speaker == LOG_MAIN ||
		(source.speaker == LOG_WORKER && source.number >= log->workers))
		return 0;
	return log_sinks_open_own(sinks, source);
}

static int open_files(struct log *log, struct log_sinks *sinks)
{
	int error = 0;

	for (struct log_ring *ring = atomic_load(&log->consumer.rings); ring != NULL && error == 0;
		ring = atomic_load(&ring->next))
		error = open_own(log, sinks, ring->source);
	return error;
}

int log_add_ring(
	struct log *log, enum log_speaker speaker, unsigned number, struct log_ring **ret_ring)
{
	struct log_source source = { speaker, number };
	struct log_ring *ring = calloc(1, log_ring_bytes(speaker));
	int error;

	if (ring == NULL)
		return -ENOMEM;
	error = open_own(log, atomic_load(&log->sinks), source);
	if (error < 0) {
		free(ring);
		return error;
	}
	ring->log = log;
	ring->size = log_ring_bytes(speaker) - sizeof(*ring);
	ring->source = source;
	atomic_store(&ring->next, atomic_load(&log->consumer.rings));
	atomic_store(&log->consumer.rings, ring);
	*ret_ring = ring;
	return 0;
}

int log_apply(struct log *log, const struct log_settings *settings)
{
	struct log_sinks *sinks;
	int error = log_sinks_new(settings, log->receivers, &sinks);

	if (error < 0)
		return error;
	error = log_sinks_open_main(sinks);
	if (error == 0)
		error = open_files(log, sinks);
	if (error < 0) {
		log_sinks_free(sinks);
		return error;
	}
	replace_sinks(log, sinks);
	set_level(log, settings);
	return 0;
}

int log_reopen(struct log *log)
{
	struct log_sinks *sinks;
	int error = log_sinks_copy(atomic_load(&log->sinks), LOG_WORKERS_MAX, &sinks);

	if (error < 0)
		return error;
	error = log_sinks_reopen(sinks);
	replace_sinks(log, sinks);
	return error;
}

int log_set_workers(struct log *log, unsigned workers)
{
	struct log_sinks *sinks = atomic_load(&log->sinks), *fewer;
	unsigned before = log->workers;
	int opened, closed = 0;

	assert(workers <= LOG_WORKERS_MAX);
	log->workers = workers;
	opened = open_files(log, sinks);
	if (opened < 0)
		log->workers = before;
	if (log_sinks_have_workers(sinks, log->workers)) {
		closed = log_sinks_copy(sinks, log->workers, &fewer);
		if (closed == 0)
			replace_sinks(log, fewer);
	}
	return opened < 0 ? opened : closed;
}

uint64_t log_lost(const struct log *log)
{
	uint64_t lost = atomic_load(&log->consumer.lost);

	for (struct log_ring *ring = atomic_load(&log->consumer.rings); ring != NULL;
		ring = atomic_load(&ring->next))
		lost += atomic_load(&ring->lost);
	return lost;
}

bool log_limit_pass(struct log_limit *limit, int64_t monotonic_ns, uint64_t *ret_suppressed)
{
	if (monotonic_ns < limit->next_ns) {
		limit->suppressed++;
		return false;
	}
	*ret_suppressed = limit->suppressed;
	limit->suppressed = 0;
	limit->next_ns = monotonic_ns + NS_PER_S;
	return true;
}
