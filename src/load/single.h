/* A single request: send it, and print its answer. */
#ifndef LOAD_SINGLE_H
#define LOAD_SINGLE_H

#include "load/run.h"

/* Send the payload once and wait for the answer. Print that to stdout unless options->json: printable
 * ASCII as it is, anything else in hexadecimal. -EIO: there was no answer, and `ret_result` says so;
 * another -errno: it could not be sent. Either way one line on stderr says what failed. */
int load_single(const struct load_options *options, const struct load_payload *payload,
	struct load_result *ret_result);

#endif
