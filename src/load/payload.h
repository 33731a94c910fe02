/* The payloads of requests. There are LOAD_VARIANTS of them, and request n has variant
 * n % LOAD_VARIANTS. A stamped payload begins with the number of its request. */
#ifndef LOAD_PAYLOAD_H
#define LOAD_PAYLOAD_H

#include "load/options.h"

/* 4 random bytes of the run, which answers to other runs do not have, and the number in 8 bytes. */
#define LOAD_STAMP_BYTES 12

#define LOAD_VARIANTS 64u

struct load_payload {
	uint8_t *bytes; /* of all variants, `stride` bytes each */
	size_t size;
	size_t stride;
	uint32_t run;
	bool stamped;
};

/* Make the payloads that the options ask for. -EINVAL, because the options cannot be met, or
 * -ENOMEM: one line on stderr says why. Free them with load_payload_free(). */
int load_payload_make(const struct load_options *options, struct load_payload *ret_payload);
void load_payload_free(struct load_payload *payload);

/* The `size` bytes of request `number`. */
uint8_t *load_payload_bytes(const struct load_payload *payload, uint64_t number);

/* Write the number into request `number`, if payloads are stamped. */
void load_payload_stamp(const struct load_payload *payload, uint64_t number);

/* Read the number of an answer. False: it has no number of this run. */
bool load_payload_read_number(const struct load_payload *payload, const uint8_t *answer,
	size_t length, uint64_t *ret_number);

/* Whether an answer of `length` bytes is request `number` as it was sent. `answer` may end after
 * payload->size bytes. */
bool load_payload_is_echo(
	const struct load_payload *payload, uint64_t number, const uint8_t *answer, size_t length);

#endif
