/* The ring of one thread: records of lines, from that thread (the producer) to the thread that
 * empties the rings (the consumer, one at a time).
 *
 * DESIGN: a byte ring with two positions that only grow. The producer stores `head` with release
 * after it wrote a record, and the consumer `tail` after it read one. Each loads the other's with
 * acquire. */
#ifndef LOG_RING_H
#define LOG_RING_H

#include <stdatomic.h>

#include "log/format.h"

/* What stands in front of each line. */
struct log_record {
	int64_t realtime_ns;
	uint64_t lost; /* lines of this ring that were dropped before this one, since its start */
	struct log_source source;
	uint16_t length;
	uint8_t generation; /* of the sinks that it was formatted for */
};

struct log_ring {
	struct log *log;
	size_t size;		       /* of `bytes` */
	struct log_ring *_Atomic next; /* a list that only grows */
	struct log_source source;
	_Atomic uint32_t turns; /* odd: the producer is between choosing sinks and having pushed */

	char apart1[64]; /* the producer's and the consumer's own cache lines */
	_Atomic size_t head;
	_Atomic uint64_t lost;

	char apart2[64];
	_Atomic size_t tail;
	uint64_t lost_noted; /* the consumer's: how many of `lost` a sink reports */

	char bytes[];
};

/* Producer: false when there is no room; the line is then counted in `lost`. Sets record->lost. */
bool log_ring_push(struct log_ring *ring, struct log_record *record, const char *line);

/* Consumer: look at the first record; false when there is none. */
bool log_ring_peek(struct log_ring *ring, struct log_record *ret_record);

/* Consumer: take its line, record->length bytes, or throw it away if `ret_line` is NULL. */
void log_ring_take(struct log_ring *ring, const struct log_record *record, char *ret_line);

#endif
