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
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/sys.h"
#include "log/log_state.h"

/* How long a thread that logs without a writer waits for a blocked sink: a program must not hang at
 * its start because nobody reads a pipe. */
#define DIRECT_WAIT_NS (200 * NS_PER_MS)

/* How long blocked sinks are waited for when new ones replace them, and at log_free(). */
#define REPLACE_WAIT_NS (500 * NS_PER_MS)
#define FREE_TIMEOUT_MS 1000

/* How long log_flush() waits: a crash must not become a hang. */
#define FLUSH_WAIT_NS (2 * NS_PER_S)

/* A turn is over in microseconds, unless its thread does not run. */
#define TURN_WAIT_NS NS_PER_MS

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

void log_hold_signals(sigset_t *ret_before, sigset_t *ret_held)
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

void log_release_signals(const sigset_t *before, const sigset_t *held)
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

	log_hold_signals(&before, &held);
	lock_take(&log->lock);
	threaded = atomic_load(&log->threaded);
	if (!threaded) {
		push(ring, line);
		log_consumer_empty(&log->consumer, NULL, sys_monotonic_ns() + DIRECT_WAIT_NS);
	}
	lock_release(&log->lock);
	log_release_signals(&before, &held);
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

void log_alarm(
	struct log_ring *ring, enum log_event_id id, const struct log_field *fields, size_t count)
{
	struct log_line line = {
		.level = log_events[id].level,
		.source = ring->source,
		.realtime_ns = sys_realtime_ns(),
		.event = log_events[id].name,
		.fields = fields,
		.count = count,
	};
	sigset_t before, held;

	log_event(ring, id, fields, count);
	log_hold_signals(&before, &held);
	log_sinks_alarm(atomic_load(&ring->log->sinks), &line);
	log_release_signals(&before, &held);
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
	bool asked = atomic_load(&log->flush) == LOG_FLUSH_ASKED;

	if (log_consumer_step(&log->consumer, NULL) != LOG_IDLE)
		return;
	if (asked) {
		atomic_store(&log->flush, LOG_FLUSH_NONE);
		sys_futex_wake(&log->flush, UINT32_MAX);
	}
	if (!atomic_load(&log->stopping) && atomic_load(&log->request) == NULL)
		eventcount_wait(&log->wake, key, -1);
}

static void *writer_main(void *argument)
{
	struct log *log = argument;

	thread_name("dgram/log", THREAD_NO_NUMBER);
	if (!start_latch_arrive(&log->latch, thread_begin(&log->prologue)))
		return NULL;
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

void log_begin_with(struct log *log, struct thread_prologue prologue)
{
	log->prologue = prologue;
}

int log_start(struct log *log)
{
	int error;

	assert(!log->running);
	atomic_store(&log->stopping, false);
	start_latch_init(&log->latch);
	error = thread_start(writer_main, log, &log->writer);
	if (error < 0)
		return error;
	error = start_latch_await(&log->latch);
	log->running = error == 0;
	/* Until the lock is free, another thread consumes. */
	lock_take(&log->lock);
	atomic_store(&log->threaded, log->running);
	lock_release(&log->lock);
	start_latch_release(&log->latch, log->running);
	if (!log->running)
		thread_join(log->writer);
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

void log_use_sinks(struct log *log, struct log_sinks *sinks)
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

void log_set_level(struct log *log, const struct log_settings *settings)
{
	bool none = strcmp(settings->target, "none") == 0;

	atomic_store(&log->level, none ? -1 : (int)settings->level);
}

static void close_stderr(const struct log *log)
{
	if (log->kept_stderr >= 0)
		(void)close(log->kept_stderr);
}

int log_new(const struct log_settings *settings, unsigned receivers, struct log **ret_log)
{
	struct log *log = calloc(1, sizeof(*log));
	struct log_settings on_stderr = *settings;
	int error;

	if (log == NULL)
		return -ENOMEM;
	on_stderr.target = "stderr";
	log->kept_stderr = log_sinks_open_stderr();
	error = log_sinks_new(&on_stderr, receivers, log->kept_stderr, &log->consumer.sinks);
	if (error < 0) {
		close_stderr(log);
		free(log);
		return error;
	}
	lock_init(&log->lock);
	atomic_store(&log->sinks, log->consumer.sinks);
	log->workers = LOG_WORKERS_MAX;
	log->receivers = receivers;
	log_set_level(log, settings);
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
	close_stderr(log);
	lock_destroy(&log->lock);
	free(log);
}

bool log_has_writer(const struct log *log)
{
	return atomic_load(&log->threaded) && !pthread_equal(pthread_self(), log->writer);
}

/* The writer cannot wait for itself. */
void log_flush(struct log *log)
{
	int64_t end_ns = sys_monotonic_ns() + FLUSH_WAIT_NS, left_ns = FLUSH_WAIT_NS;

	if (!log_has_writer(log))
		return;
	atomic_store(&log->flush, LOG_FLUSH_ASKED);
	eventcount_notify(&log->wake, 1);
	while (left_ns > 0 && atomic_load(&log->flush) == LOG_FLUSH_ASKED) {
		sys_futex_wait(&log->flush, LOG_FLUSH_ASKED, left_ns);
		left_ns = end_ns - sys_monotonic_ns();
	}
}

uint64_t log_lost(const struct log *log)
{
	uint64_t lost = atomic_load(&log->consumer.lost);

	for (struct log_ring *ring = atomic_load(&log->consumer.rings); ring != NULL;
		ring = atomic_load(&ring->next))
		lost += atomic_load(&ring->lost);
	return lost;
}
