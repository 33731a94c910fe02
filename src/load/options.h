/* What the command line asks dgramload to do. */
#ifndef LOAD_OPTIONS_H
#define LOAD_OPTIONS_H

#include <stdio.h>

#include "load/address.h"
#include "load/id.h"

#define LOAD_SOCKETS_MAX 65536
#define LOAD_IN_FLIGHT_MAX 65536
#define LOAD_ALL_IN_FLIGHT_MAX (1 << 22) /* bounds the memory: see REQUESTS_MAX in loop.c */
#define LOAD_RATE_MAX 10000000

enum load_action { LOAD_GO, LOAD_HELP, LOAD_VERSION };

enum load_mode {
	LOAD_SINGLE,   /* send one request and print its answer */
	LOAD_OPEN,     /* open loop: send at a rate, whatever is answered */
	LOAD_CLOSED,   /* closed loop: send the next request when one is answered or lost */
	LOAD_FIND_MAX, /* open loops at rate after rate */
};

struct load_options {
	enum load_action action;
	enum load_mode mode;
	union addr server;
	struct load_sources sources;
	unsigned sockets;
	double rate;	    /* requests a second, of all sockets together */
	unsigned in_flight; /* requests of each socket */
	int64_t duration_ns;
	uint64_t count; /* UINT64_MAX: no limit */
	int64_t warmup_ns;
	int64_t ramp_ns;
	int64_t timeout_ns;		     /* a later answer does not count as an answer */
	size_t size;			     /* of a payload */
	const char *text, *hex, *file, *dns; /* at most one of them, `random` and `ntp` */
	bool sized;			     /* whether the command line has --size */
	bool random, ntp;
	struct load_id id; /* bytes 0: that of the payload */
	size_t min_answer; /* a shorter answer is none; SIZE_MAX: depends on the requests */
	bool check;
	bool gso;
	bool json;
	const char *plot;
	double max_loss_percent;
	int64_t max_p99_ns;
	int64_t progress_ns; /* 0: not asked for */
};

/* Parse and validate. Strings in the options point into argv. -EINVAL: one line on stderr says
 * why. Thread: one, because getopt_long(3) has a static state. */
int load_options_parse(int argc, char **argv, struct load_options *ret_options);

void load_options_print_help(FILE *file);

#endif
