/* From what the command line of dgramload gives to what is to be done. */
#ifndef LOAD_SETTLE_H
#define LOAD_SETTLE_H

#include "load/options.h"

#define LOAD_SECONDS_MAX 1000000

enum load_option {
	LOAD_RATE = 1,
	LOAD_IN_FLIGHT,
	LOAD_SEARCH,
	LOAD_SOCKETS,
	LOAD_SOURCES,
	LOAD_DURATION,
	LOAD_COUNT,
	LOAD_WARMUP,
	LOAD_RAMP,
	LOAD_PATIENCE,
	LOAD_SIZE,
	LOAD_TEXT,
	LOAD_HEX,
	LOAD_FILE,
	LOAD_RANDOM,
	LOAD_CHECK,
	LOAD_GSO,
	LOAD_MAX_LOSS,
	LOAD_MAX_P99,
	LOAD_JSON,
	LOAD_PLOT,
	LOAD_HELP_OPTION = 'h',
	LOAD_VERSION_OPTION = 'V',
};

#define LOAD_OPTIONS_MAX 128

/* By option; numbers are in the option's unit and within its range. */
struct load_given {
	const char *server;
	bool given[LOAD_OPTIONS_MAX];
	const char *texts[LOAD_OPTIONS_MAX];
	double numbers[LOAD_OPTIONS_MAX];
	const char *for_load; /* the first that makes no sense for one request */
};

/* -EINVAL: they do not go together; one line on stderr says why. */
int load_settle(const struct load_given *given, struct load_options *ret_options);

#endif
