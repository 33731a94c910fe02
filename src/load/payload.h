/* What requests carry: always the same, or a few that differ, and in front of them, where it is
 * stamped, the number of the request. */
#ifndef LOAD_PAYLOAD_H
#define LOAD_PAYLOAD_H

#include "load/options.h"

/* A number of this run, so that answers to others are told apart, and the request's. */
#define LOAD_STAMP_BYTES 12

/* Request n is the n-th of so many, cyclically; a batch has room in them. */
#define LOAD_VARIANTS 64u

struct load_payload {
	uint8_t *bytes; /* of all variants, each `stride` long */
	size_t size;
	size_t stride;
	uint32_t run;
	bool stamped;
};

/* Make what the options ask for. -EINVAL: they cannot be met; or -ENOMEM: one line on stderr says
 * why. Free it with load_payload_free(). */
int load_payload_make(const struct load_options *options, struct load_payload *ret_payload);
void load_payload_free(struct load_payload *payload);

/* Where request `number` stands, `size` bytes. */
uint8_t *load_payload_of(const struct load_payload *payload, uint64_t number);

/* Write the number into request `number`, if it is stamped. */
void load_payload_stamp(const struct load_payload *payload, uint64_t number);

/* The number that an answer carries. False: none of this run. */
bool load_payload_number(const struct load_payload *payload, const uint8_t *answer, size_t length,
	uint64_t *ret_number);

/* Whether the answer is the request as it was sent. `answer` holds what was received of it, up to
 * payload->size. */
bool load_payload_is_echo(
	const struct load_payload *payload, uint64_t number, const uint8_t *answer, size_t length);

#endif
