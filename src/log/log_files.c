/* What the owner makes of a log: its rings, its files, and their changes. */
#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "log/log_state.h"

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
	int error = log_sinks_new(settings, log->receivers, log->kept_stderr, &sinks);

	if (error < 0)
		return error;
	error = log_sinks_open_main(sinks);
	if (error == 0)
		error = open_files(log, sinks);
	if (error < 0) {
		log_sinks_free(sinks);
		return error;
	}
	log_use_sinks(log, sinks);
	log_set_level(log, settings);
	return 0;
}

int log_restyle(struct log *log, const struct log_settings *settings)
{
	struct log_sinks *sinks;
	int error = log_sinks_copy(atomic_load(&log->sinks), LOG_WORKERS_MAX, &sinks);

	if (error < 0)
		return error;
	error = log_sinks_restyle(sinks, settings);
	if (error < 0) {
		log_sinks_free(sinks);
		return error;
	}
	log_use_sinks(log, sinks);
	log_set_level(log, settings);
	return 0;
}

bool log_has_target(const struct log *log, const char *target)
{
	return strcmp(atomic_load(&log->sinks)->target, target) == 0;
}

int log_reopen(struct log *log)
{
	struct log_sinks *sinks;
	int error = log_sinks_copy(atomic_load(&log->sinks), LOG_WORKERS_MAX, &sinks);

	if (error < 0)
		return error;
	error = log_sinks_reopen(sinks);
	log_use_sinks(log, sinks);
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
			log_use_sinks(log, fewer);
	}
	return opened < 0 ? opened : closed;
}
