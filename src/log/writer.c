/* DESIGN: who consumes. With a writer, producers push and the writer alone consumes; without, a
 * thread that logs takes the lock, pushes into its ring and empties it (the one lock that is held
 * in system calls). `threaded` says which, and `sinks` what lines are rendered for; both change
 * while producers are at work.
 *
 * A producer makes its ring's `turns` odd, then reads `threaded` and `sinks`, and makes it even
 * after the push. Who changes one of them waits after that until each turn that he saw odd is over
 * (quiesce()). All of it is sequentially consistent: so either the producer sees the change, or its
 * line is in the ring before the wait is over. No line stays behind in a ring, or is rendered for
 * sinks that are gone.
 *
 * New sinks: first producers render for them, then what was rendered for those before is written to
 * those, then the consumer goes over (log_consumer_switch()). */
#include "log/log_internal.h"

#include <errno.h>
#include <signal.h>
#include <time.h>

#include "base/clock.h"
#include "base/sys.h"

/* What a thread that logs without a writer waits for a blocked sink. */
#define DIRECT_WAIT_NS (200 * NS_PER_MS)

/* What old sinks that are blocked get when they are replaced. */
#define REPLACE_WAIT_NS (500 * NS_PER_MS)

/* A turn is over in microseconds, unless its thread is not run. */
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

bool log_writer_push(struct log_ring *ring, const struct log_line *line)
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

/* SIGPIPE and SIGXFSZ come to the thread that writes. The writer has all signals blocked; a thread
 * of the program's, which may not know that it writes, must not die of a log line. */
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

bool log_writer_direct(struct log_ring *ring, const struct log_line *line)
{
	struct log *log = ring->log;
	sigset_t before, held;
	bool threaded;

	hold_signals(&before, &held);
	lock_take(&log->lock);
	threaded = atomic_load(&log->threaded);
	if (!threaded) {
		push(ring, line);
		log_consumer_empty(&log->consumer, sys_monotonic_ns() + DIRECT_WAIT_NS);
	}
	lock_release(&log->lock);
	release_signals(&before, &held);
	return !threaded;
}

/* Consumer. */
static void go_over(struct log *log, struct log_sinks *sinks)
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
	go_over(log, sinks);
	atomic_store(&log->request, NULL);
	eventcount_notify(&log->served, 1);
}

/* Looks again after it said that it will wait: a line pushed before that woke nobody. */
static void move_or_wait(struct log *log)
{
	uint32_t key;

	if (log_consumer_step(&log->consumer, NULL) != LOG_IDLE)
		return;
	key = eventcount_prepare(&log->wake);
	if (atomic_load(&log->stopping) || atomic_load(&log->request) != NULL ||
		log_consumer_step(&log->consumer, NULL) != LOG_IDLE)
		eventcount_cancel(&log->wake);
	else
		eventcount_wait(&log->wake, key, -1);
}

/* From here on producers take the lock, and wait until the rings are empty. */
static void hand_over(struct log *log)
{
	lock_take(&log->lock);
	atomic_store(&log->threaded, false);
	quiesce(log);
	log_consumer_finish(&log->consumer, log->stop_ns);
	lock_release(&log->lock);
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
	hand_over(log);
	return NULL;
}

void log_writer_replace(struct log *log, struct log_sinks *sinks)
{
	if (!log->running) {
		lock_take(&log->lock);
		go_over(log, sinks);
		lock_release(&log->lock);
		return;
	}
	atomic_store(&log->request, sinks);
	eventcount_notify(&log->wake, 1);
	while (atomic_load(&log->request) != NULL) {
		uint32_t key = eventcount_prepare(&log->served);

		if (atomic_load(&log->request) != NULL)
			eventcount_wait(&log->served, key, -1);
		else
			eventcount_cancel(&log->served);
	}
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
