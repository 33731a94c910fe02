#include "log/consumer.h"

#include <errno.h>
#include <string.h>

#include "base/clock.h"
#include "base/sys.h"

/* How long one step waits for a blocked sink; meanwhile nothing else is looked at. */
#define SLICE_MS 50

/* A sink that failed rests so long, twice as long after each further failure. */
#define REST_MIN_NS (100 * NS_PER_MS)
#define REST_MAX_NS (5 * NS_PER_S)

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

/* Note what was dropped because the ring was full. */
static void take_note(struct log_ring *ring, struct log_sink *sink, uint64_t lost)
{
	if (lost <= ring->lost_told)
		return;
	sink->unreported += lost - ring->lost_told;
	ring->lost_told = lost;
}

static bool is_resting(const struct log_sink *sink)
{
	return sink->rest_ns > 0 && sys_monotonic_ns() < sink->rested_ns;
}

static void let_rest(struct log_sink *sink, int error)
{
	sink->error = error;
	sink->rest_ns = sink->rest_ns == 0 ? REST_MIN_NS : 2 * sink->rest_ns;
	if (sink->rest_ns > REST_MAX_NS)
		sink->rest_ns = REST_MAX_NS;
	sink->rested_ns = sys_monotonic_ns() + sink->rest_ns;
}

static void clear(struct log_batch *batch)
{
	batch->length = 0;
	batch->done = 0;
	batch->told = 0;
}

static void count_told(struct log_batch *batch)
{
	batch->sink->unreported -= batch->told;
	if (batch->told > 0)
		batch->sink->error = 0;
}

/* Lines of the batch that are not written. One that lacks no more than its newline is: the newline
 * is what the sink gets first, next time. */
static uint64_t count_unwritten(const struct log_batch *batch, bool torn)
{
	uint64_t lines = 0;

	for (size_t i = batch->done; i < batch->length; i++)
		lines += batch->bytes[i] == '\n';
	return torn && batch->bytes[batch->done] == '\n' ? lines - 1 : lines;
}

/* The sink does not take the rest of the batch. */
static void give_up(struct log_consumer *consumer, int error)
{
	struct log_batch *batch = &consumer->batch;
	bool torn = batch->done > 0 && batch->bytes[batch->done - 1] != '\n';
	uint64_t unwritten;

	if (batch->length == 0)
		return;
	unwritten = count_unwritten(batch, torn);
	if (batch->told == 0)
		lose(consumer, batch->sink, unwritten);
	else if (unwritten == 0)
		count_told(batch);
	batch->sink->torn = batch->sink->torn || torn;
	let_rest(batch->sink, error);
	clear(batch);
}

/* False when the sink is blocked; the batch then waits. */
static bool flush(struct log_consumer *consumer)
{
	struct log_batch *batch = &consumer->batch;

	while (batch->done < batch->length) {
		ssize_t written = log_sink_write(batch->sink, batch->bytes + batch->done,
			batch->length - batch->done, SLICE_MS);

		if (written == -EAGAIN)
			return false;
		if (written < 0) {
			give_up(consumer, (int)-written);
			return true;
		}
		batch->done += (size_t)written;
	}
	if (batch->length > 0) {
		batch->sink->rest_ns = 0;
		count_told(batch);
		clear(batch);
	}
	return true;
}

/* Write a line that tells of all lines lost on the way to this sink. The batch must be empty. */
static bool tell(struct log_consumer *consumer, struct log_sink *sink, struct log_source source,
	int64_t realtime_ns)
{
	struct log_batch *batch = &consumer->batch;
	const char *error = sink->error != 0 ? strerrorname_np(sink->error) : NULL;
	const struct log_field fields[] = {
		log_uint("lost", sink->unreported),
		log_text("error", error != NULL ? error : ""),
	};
	struct log_line line = {
		.level = log_events[EVENT_LOG_LINES_LOST].level,
		.source = source,
		.realtime_ns = realtime_ns,
		.event = log_events[EVENT_LOG_LINES_LOST].name,
		.fields = fields,
		.count = error != NULL ? 2 : 1,
	};

	batch->sink = sink;
	batch->told = sink->unreported;
	batch->length = log_format_line(&line, &consumer->sinks->style, batch->bytes);
	return flush(consumer);
}

/* Take a ring's first line, or make room for it first. False: blocked. */
static bool move_line(
	struct log_consumer *consumer, struct log_ring *ring, const struct log_record *record)
{
	struct log_sink *sink = log_sinks_route(consumer->sinks, record->source);
	struct log_batch *batch = &consumer->batch;

	take_note(ring, sink, record->lost);
	if (batch->length > 0 && (batch->sink != sink || sink->unreported > 0 ||
					 batch->length + record->length > LOG_BATCH_BYTES))
		if (!flush(consumer))
			return false;
	if (is_resting(sink)) {
		log_ring_take(ring, record, NULL);
		lose(consumer, sink, 1);
	} else if (sink->unreported > 0) {
		return tell(consumer, sink, record->source, record->realtime_ns);
	} else {
		log_ring_take(ring, record, batch->bytes + batch->length);
		batch->sink = sink;
		batch->length += record->length;
	}
	return true;
}

/* A ring's first record, if it is not one for `next`. */
static bool peek(struct log_ring *ring, const struct log_sinks *next, struct log_record *ret_record)
{
	return log_ring_peek(ring, ret_record) &&
	       (next == NULL || ret_record->generation != next->generation);
}

/* One ring's fullness at most: others wait. */
static enum log_progress move_some(
	struct log_consumer *consumer, struct log_ring *ring, const struct log_sinks *next)
{
	enum log_progress progress = LOG_IDLE;
	struct log_record record;

	for (size_t bytes = 0; bytes < ring->size; bytes += record.length) {
		if (!peek(ring, next, &record))
			break;
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
		enum log_progress moved = move_some(consumer, ring, next);

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

		take_note(ring, sink, record.lost);
		log_ring_take(ring, &record, NULL);
		lose(consumer, sink, 1);
	}
}

/* Until the rings have nothing but what is for `next`. */
static void empty(struct log_consumer *consumer, const struct log_sinks *next, int64_t deadline_ns)
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

void log_consumer_empty(struct log_consumer *consumer, int64_t deadline_ns)
{
	empty(consumer, NULL, deadline_ns);
}

void log_consumer_finish(struct log_consumer *consumer, int64_t deadline_ns)
{
	log_sinks_wake(consumer->sinks);
	log_consumer_empty(consumer, deadline_ns);
	for (struct log_ring *ring = first_ring(consumer); ring; ring = next_ring(ring)) {
		struct log_sink *sink = log_sinks_route(consumer->sinks, ring->source);

		take_note(ring, sink, atomic_load_explicit(&ring->lost, memory_order_acquire));
		if (sink->unreported > 0 && !is_resting(sink) &&
			!tell(consumer, sink, ring->source, sys_realtime_ns()))
			give_up(consumer, ETIMEDOUT);
	}
}

void log_consumer_switch(struct log_consumer *consumer, struct log_sinks *next, int64_t deadline_ns)
{
	struct log_sinks *before = consumer->sinks;

	empty(consumer, next, deadline_ns);
	log_sinks_inherit(next, before);
	consumer->sinks = next;
	log_sinks_free(before);
}
