/* The number of a request, in its payload and in its answer: big-endian, and counted from a random
 * number on, so that answers to another run have none of ours. */
#ifndef LOAD_ID_H
#define LOAD_ID_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define LOAD_PAYLOAD_MAX 65507 /* of a UDP datagram over IPv4 */
#define LOAD_ID_BYTES_MAX 8

struct load_id {
	size_t offset; /* in a request */
	size_t bytes;  /* 0: there is none */
	size_t answer_offset;
};

/* "OFFSET:BYTES" or "OFFSET:BYTES:OFFSET", the last one in the answer. -EINVAL. */
int load_id_parse(const char *text, struct load_id *ret_id);

/* How many requests have different numbers, at most 2^63. */
uint64_t load_id_count(const struct load_id *id);

void load_id_write(const struct load_id *id, uint64_t value, uint8_t *request);

/* False: the answer is too short for it. */
bool load_id_read(
	const struct load_id *id, const uint8_t *answer, size_t length, uint64_t *ret_value);

#endif
