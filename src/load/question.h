/* Requests of protocols that dgramload knows, without their numbers. */
#ifndef LOAD_QUESTION_H
#define LOAD_QUESTION_H

#include "load/id.h"

#define LOAD_QUESTION_MAX 512

struct load_question {
	uint8_t bytes[LOAD_QUESTION_MAX];
	size_t length;
	struct load_id id;
};

/* A DNS query (RFC 1035) for "NAME" or "NAME/TYPE"; "A" without a type. A name has no escapes. -EINVAL. */
int load_question_dns(const char *text, struct load_question *ret_question);

/* A client's NTP request, version 4 (RFC 5905). Its number is the transmit timestamp, which the answer
 * has as its origin timestamp. */
void load_question_ntp(struct load_question *ret_question);

#endif
