#include "log/log.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "log/log_internal.h"
#include "base/sys.h"

#define FREE_TIMEOUT_MS 1000

static void set_level(struct log *log, const struct log_settings *settings)
{
	bool none = strcmp(settings->target, "none") == 0;

	atomic_store(&log->level, none ? -1 : (int)settings->level);
}

int log_new(const struct log_settings *settings, struct log **ret_log)
{
	struct log *log = calloc(1, sizeof(*log));
	struct log_sinks *sinks;
	int error;

	if (log == NULL)
		return -ENOMEM;
	error = log_sinks_new_plain(settings, &sinks);
	if (error < 0) {
		free(log);
		return error;
	}
	lock_init(&log->lock);
	log->consumer.sinks = sinks;
	atomic_store(&log->sinks, sinks);
	log->workers = LOG_WORKERS_MAX;
	set_level(log, settings);
	*ret_log = log;
	return 0;
}

static int add_workers(struct log *log, struct log_sinks *sinks)
{
	int error = 0;

	for (struct log_ring *ring = atomic_load(&log->consumer.rings); ring != NULL && error == 0;
		ring = atomic_load(&ring->next))
		if (ring->source.speaker == LOG_WORKER && ring->source.number < log->workers)
			error = log_sinks_add_worker(sinks, ring->source.number);
	return error;
}

int log_apply(struct log *log, const struct log_settings *settings)
{
	struct log_sinks *sinks;
	int error = log_sinks_new(settings, &sinks);

	if (error < 0)
		return error;
	error = add_workers(log, sinks);
	if (error < 0) {
		log_sinks_free(sinks);
		return error;
	}
	log_writer_replace(log, sinks);
	set_level(log, settings);
	return 0;
}

int log_reopen(struct log *log)
{
	struct log_sinks *sinks;
	int kept = 0;
	int error = log_sinks_new_again(atomic_load(&log->sinks), &sinks, &kept);

	if (error < 0)
		return error;
	log_writer_replace(log, sinks);
	return kept;
}

static int close_workers(struct log *log)
{
	struct log_sinks *before = atomic_load(&log->sinks), *sinks;
	int error;

	if (!log_sinks_have_workers(before, log->workers))
		return 0;
	error = log_sinks_new_fewer(before, log->workers, &sinks);
	if (error == 0)
		log_writer_replace(log, sinks);
	return error;
}

int log_set_workers(struct log *log, unsigned workers)
{
	unsigned before = log->workers;
	int error;

	assert(workers <= LOG_WORKERS_MAX);
	log->workers = workers;
	if (workers <= before)
		return close_workers(log);
	error = add_workers(log, atomic_load(&log->sinks));
	if (error < 0) {
		log->workers = before;
		(void)close_workers(log);
	}
	return error;
}

uint64_t log_lost(const struct log *log)
{
	uint64_t lost = atomic_load(&log->consumer.lost);

	for (struct log_ring *ring = atomic_load(&log->consumer.rings); ring != NULL;
		ring = atomic_load(&ring->next))
		lost += atomic_load(&ring->lost);
	return lost;
}

size_t log_ring_bytes(enum log_speaker speaker)
{
	return sizeof(struct log_ring) + log_ring_size(speaker);
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

int log_ring_new(
	struct log *log, enum log_speaker speaker, unsigned number, struct log_ring **ret_ring)
{
	struct log_ring *ring = calloc(1, log_ring_bytes(speaker));
	int error = 0;

	if (ring == NULL)
		return -ENOMEM;
	if (speaker == LOG_WORKER && number < log->workers)
		error = log_sinks_add_worker(atomic_load(&log->sinks), number);
	if (error < 0) {
		free(ring);
		return error;
	}
	ring->log = log;
	ring->size = log_ring_size(speaker);
	ring->source = (struct log_source){ speaker, number };
	atomic_store(&ring->next, atomic_load(&log->consumer.rings));
	atomic_store(&log->consumer.rings, ring);
	*ret_ring = ring;
	return 0;
}

bool log_enabled(const struct log_ring *ring, enum log_level level)
{
	return (int)level <= atomic_load_explicit(&ring->log->level, memory_order_relaxed);
}

static void put(struct log_ring *ring, struct log_line line)
{
	if (!log_enabled(ring, line.level))
		return;
	line.realtime_ns = sys_realtime_ns();
	/* The writer may start or stop in between. */
	while (!log_writer_push(ring, &line) && !log_writer_direct(ring, &line))
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
	put(ring, (struct log_line){ .level = log_events[id].level,
			  .source = source,
			  .event = log_events[id].name,
			  .fields = fields,
			  .count = count });
}

void log_user_event(struct log_ring *ring, enum log_level level, const char *name,
	const struct log_field *fields, size_t count)
{
	put(ring, (struct log_line){ .level = level,
			  .source = ring->source,
			  .event = name,
			  .fields = fields,
			  .count = count });
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
