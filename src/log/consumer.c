#include "log/consumer.h"

#include <errno.h>
#include <string.h>

#include "base/clock.h"
#include "base/sys.h"

/* How long one step waits for a blocked sink: log_stop() and log_apply() can be late by this. */
#define SLICE_MS 50

/* The pause after a failure of a sink doubles from MIN to MAX: a short failure loses few lines, and
 * a disk that is full for hours costs a write(2) in 5 s. */
#define BACKOFF_MIN_NS (100 * NS_PER_MS)
#define BACKOFF_MAX_NS (5 * NS_PER_S)

static struct log_ring *first_ring(struct log_consumer *consumer)
{
	return atomic_load_explicit(&consumer->rings, memory_order_acquire);
}

static struct log_ring *next_ring(struct log_ring *ring)
{
	return atomic_load_explicit(&ring->next, memory_order_acquire);
}

static void lose(struct log_consumer *consumer, struct log_sink *sink, uint64_t lines)
{
	atomic_fetch_add_explicit(&consumer->lost, lines, memory_order_relaxed);
	sink->unreported += lines;
}

/* Of the lines that a full ring dropped, have the sink report those that none has yet. */
static void note_dropped(struct log_ring *ring, struct log_sink *sink, uint64_t lost)
{
	if (lost <= ring->lost_noted)
		return;
	sink->unreported += lost - ring->lost_noted;
	ring->lost_noted = lost;
}

static bool backs_off(const struct log_sink *sink)
{
	return sink->backoff_ns > 0 && sys_monotonic_ns() < sink->retry_ns;
}

/* What fails cannot say so itself. Once, until it works again; at most once a second. */
static void alarm_stderr(struct log_consumer *consumer, struct log_sink *sink, int error)
{
	struct log_line line = {
		.level = log_events[EVENT_CANNOT_WRITE_LOG].level,
		.realtime_ns = sys_realtime_ns(),
		.event = log_events[EVENT_CANNOT_WRITE_LOG].name,
		.fields = (const struct log_field[]){ log_text("target", consumer->sinks->target),
			log_errno("error", error) },
		.count = 2,
	};
	uint64_t suppressed;

	if (sink->alarmed ||
		!log_limit_pass(&consumer->alarm_limit, sys_monotonic_ns(), &suppressed))
		return;
	sink->alarmed = true;
	log_sinks_alarm(consumer->sinks, &line);
}

static void back_off(struct log_consumer *consumer, struct log_sink *sink, int error)
{
	alarm_stderr(consumer, sink, error);
	sink->error = error;
	sink->backoff_ns = sink->backoff_ns == 0 ? BACKOFF_MIN_NS : 2 * sink->backoff_ns;
	if (sink->backoff_ns > BACKOFF_MAX_NS)
		sink->backoff_ns = BACKOFF_MAX_NS;
	sink->retry_ns = sys_monotonic_ns() + sink->backoff_ns;
}

/* The batch is over. If it reported lost lines and was written, they are reported. */
static void clear(struct log_batch *batch, bool written)
{
	if (written && batch->reports > 0) {
		batch->sink->unreported -= batch->reports;
		batch->sink->error = 0;
	}
	batch->length = 0;
	batch->done = 0;
	batch->reports = 0;
}

/* Lines of the batch that are not written. A line that lacks only its newline is written: the sink
 * gets the newline first, next time. */
static uint64_t count_unwritten(const struct log_batch *batch, bool partial_line)
{
	uint64_t lines = 0;

	for (size_t i = batch->done; i < batch->length; i++)
		lines += batch->bytes[i] == '\n';
	return partial_line && batch->bytes[batch->done] == '\n' ? lines - 1 : lines;
}

/* The sink does not take what is left of the batch. */
static void give_up(struct log_consumer *consumer, int error)
{
	struct log_batch *batch = &consumer->batch;
	struct log_sink *sink = batch->sink;
	bool partial_line = batch->done > 0 && batch->bytes[batch->done - 1] != '\n';
	uint64_t unwritten;

	if (batch->length == 0)
		return;
	unwritten = count_unwritten(batch, partial_line);
	if (batch->reports == 0)
		lose(consumer, sink, unwritten);
	clear(batch, unwritten == 0);
	sink->partial_line = sink->partial_line || partial_line;
	back_off(consumer, sink, error);
}

/* While it is blocked, lines are lost in the rings. */
static void note_blocked(struct log_consumer *consumer, struct log_sink *sink)
{
	for (struct log_ring *ring = first_ring(consumer); ring; ring = next_ring(ring))
		if (atomic_load_explicit(&ring->lost, memory_order_relaxed) > ring->lost_noted)
			alarm_stderr(consumer, sink, EAGAIN);
}

/* False when the sink is blocked; the batch then waits. */
static bool flush(struct log_consumer *consumer)
{
	struct log_batch *batch = &consumer->batch;

	while (batch->done < batch->length) {
		ssize_t written = log_sink_write(batch->sink, batch->bytes + batch->done,
			batch->length - batch->done, SLICE_MS);

		if (written == -EAGAIN) {
			note_blocked(consumer, batch->sink);
			return false;
		}
		if (written < 0) {
			give_up(consumer, (int)-written);
			return true;
		}
		batch->done += (size_t)written;
	}
	if (batch->length > 0) {
		batch->sink->backoff_ns = 0;
		batch->sink->alarmed = false;
		clear(batch, true);
	}
	return true;
}

/* Write a line that reports all lines lost on the way to this sink. The batch must be empty. */
static bool report_lost(struct log_consumer *consumer, struct log_sink *sink,
	struct log_source source, int64_t realtime_ns)
{
	const char *error = strerrorname_np(sink->error);
	struct log_batch *batch = &consumer->batch;
	struct log_line line = {
		.level = log_events[EVENT_LOG_LINES_LOST].level,
		.source = source,
		.realtime_ns = realtime_ns,
		.event = log_events[EVENT_LOG_LINES_LOST].name,
		.fields = (const struct log_field[]){ log_uint("lost", sink->unreported),
			log_text("error", error) },
		.count = sink->error != 0 && error != NULL ? 2 : 1,
	};

	batch->sink = sink;
	batch->reports = sink->unreported;
	batch->length = log_format_line(&line, &consumer->sinks->style, batch->bytes);
	return flush(consumer);
}

/* Take a ring's first line, or make room for it first. False: blocked. */
static bool move_line(
	struct log_consumer *consumer, struct log_ring *ring, const struct log_record *record)
{
	struct log_sink *sink = log_sinks_route(consumer->sinks, record->source);
	struct log_batch *batch = &consumer->batch;

	note_dropped(ring, sink, record->lost);
	if (batch->length > 0 && (batch->sink != sink || sink->unreported > 0 ||
					 batch->length + record->length > LOG_BATCH_BYTES))
		if (!flush(consumer))
			return false;
	if (backs_off(sink)) {
		log_ring_take(ring, record, NULL);
		lose(consumer, sink, 1);
	} else if (sink->unreported > 0) {
		return report_lost(consumer, sink, record->source, record->realtime_ns);
	} else {
		log_ring_take(ring, record, batch->bytes + batch->length);
		batch->sink = sink;
		batch->length += record->length;
	}
	return true;
}

/* A ring's first record, unless it is for `next`. */
static bool peek(struct log_ring *ring, const struct log_sinks *next, struct log_record *ret_record)
{
	return log_ring_peek(ring, ret_record) &&
	       (next == NULL || ret_record->generation != next->generation);
}

/* At most as much as the ring holds: others wait. */
static enum log_progress move_lines(
	struct log_consumer *consumer, struct log_ring *ring, const struct log_sinks *next)
{
	enum log_progress progress = LOG_IDLE;
	struct log_record record;

	for (size_t bytes = 0; bytes < ring->size && peek(ring, next, &record);
		bytes += record.length) {
		if (!move_line(consumer, ring, &record))
			return LOG_BLOCKED;
		progress = LOG_MOVED;
	}
	return progress;
}

enum log_progress log_consumer_step(struct log_consumer *consumer, const struct log_sinks *next)
{
	enum log_progress progress = LOG_IDLE;

	for (struct log_ring *ring = first_ring(consumer); ring; ring = next_ring(ring)) {
		enum log_progress moved = move_lines(consumer, ring, next);

		if (moved == LOG_BLOCKED)
			return LOG_BLOCKED;
		if (moved == LOG_MOVED)
			progress = LOG_MOVED;
	}
	return flush(consumer) ? progress : LOG_BLOCKED;
}

static void discard(
	struct log_consumer *consumer, struct log_ring *ring, const struct log_sinks *next)
{
	struct log_record record;

	while (peek(ring, next, &record)) {
		struct log_sink *sink = log_sinks_route(consumer->sinks, record.source);

		note_dropped(ring, sink, record.lost);
		log_ring_take(ring, &record, NULL);
		lose(consumer, sink, 1);
	}
}

void log_consumer_empty(
	struct log_consumer *consumer, const struct log_sinks *next, int64_t deadline_ns)
{
	enum log_progress progress;

	while ((progress = log_consumer_step(consumer, next)) != LOG_IDLE)
		if (progress == LOG_BLOCKED && sys_monotonic_ns() >= deadline_ns)
			break;
	if (progress == LOG_IDLE)
		return;
	give_up(consumer, ETIMEDOUT);
	for (struct log_ring *ring = first_ring(consumer); ring; ring = next_ring(ring))
		discard(consumer, ring, next);
}

void log_consumer_finish(struct log_consumer *consumer, int64_t deadline_ns)
{
	log_sinks_end_backoff(consumer->sinks);
	log_consumer_empty(consumer, NULL, deadline_ns);
	for (struct log_ring *ring = first_ring(consumer); ring; ring = next_ring(ring)) {
		struct log_sink *sink = log_sinks_route(consumer->sinks, ring->source);

		note_dropped(ring, sink, atomic_load_explicit(&ring->lost, memory_order_acquire));
		if (sink->unreported > 0 && !backs_off(sink) &&
			!report_lost(consumer, sink, ring->source, sys_realtime_ns()))
			give_up(consumer, ETIMEDOUT);
	}
}

void log_consumer_switch(struct log_consumer *consumer, struct log_sinks *next, int64_t deadline_ns)
{
	struct log_sinks *before = consumer->sinks;

	log_consumer_empty(consumer, next, deadline_ns);
	log_sinks_inherit(next, before);
	log_sinks_end_backoff(next);
	consumer->sinks = next;
	log_sinks_free(before);
}
