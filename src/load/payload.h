/* The payloads of requests. There are LOAD_VARIANTS of them, and request n has variant
 * n % LOAD_VARIANTS. */
#ifndef LOAD_PAYLOAD_H
#define LOAD_PAYLOAD_H

#include "load/options.h"

#define LOAD_VARIANTS 64u

struct load_payload {
	uint8_t *bytes; /* of all variants, `stride` bytes each */
	size_t size;
	size_t stride;
	struct load_id id; /* bytes 0: requests are not numbered */
	uint64_t run;	   /* the number of request 0, at random */
	bool numbers_back; /* answers must have the number */
	size_t min_answer; /* what is shorter is not an answer */
};

/* Make the payloads that the options ask for. -EINVAL, because the options cannot be met, or
 * -ENOMEM: one line on stderr says why. Free them with load_payload_free(). */
int load_payload_make(const struct load_options *options, struct load_payload *ret_payload);
void load_payload_free(struct load_payload *payload);

/* The `size` bytes of request `number`. */
uint8_t *load_payload_bytes(const struct load_payload *payload, uint64_t number);

/* Write the number into request `number`, if requests are numbered. */
void load_payload_stamp(const struct load_payload *payload, uint64_t number);

/* An answer, of which `bytes` has as much as load_batch_answer() gives. */
struct load_answer {
	const uint8_t *bytes;
	size_t length; /* the whole length */
};

/* Read the number of an answer when `next` is the next request: numbers of few bytes repeat, and the
 * newest request that has it is meant. False: the answer has no number, or no request has it. */
bool load_payload_read_number(const struct load_payload *payload, const struct load_answer *answer,
	uint64_t next, uint64_t *ret_number);

/* Whether an answer is request `number` as it was sent. */
bool load_payload_is_echo(
	const struct load_payload *payload, const struct load_answer *answer, uint64_t number);

#endif
