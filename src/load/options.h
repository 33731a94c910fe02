/* What dgramload was asked to do, as its command line says it. */
#ifndef LOAD_OPTIONS_H
#define LOAD_OPTIONS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "load/address.h"

#define LOAD_SOCKETS_MAX 65536
#define LOAD_IN_FLIGHT_MAX 65536
#define LOAD_ALL_IN_FLIGHT_MAX (1 << 22)
#define LOAD_RATE_MAX 10000000
#define LOAD_PAYLOAD_MAX 65507 /* of UDP over IPv4 */

enum load_action { LOAD_GO, LOAD_HELP, LOAD_VERSION };

enum load_mode {
	LOAD_LONE,     /* one request, and its answer is printed */
	LOAD_OPEN,     /* at a rate, come what may */
	LOAD_CLOSED,   /* the next when one is answered */
	LOAD_FIND_MAX, /* open, at rate after rate */
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
	uint64_t count; /* UINT64_MAX: as many as come together in that time */
	int64_t warmup_ns;
	int64_t ramp_ns;
	int64_t patience_ns;
	size_t size;		       /* of a payload */
	const char *text, *hex, *file; /* at most one of them */
	bool sized;		       /* `size` was given */
	bool random;
	bool check;
	bool gso;
	bool json;
	const char *plot;
	double max_loss_percent;
	int64_t max_p99_ns;
};

#endif
