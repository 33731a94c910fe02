/* An open loop of requests over loopback: an answer counts from the moment its request was meant to
 * be sent.
 *
 * Usage: overload_load PORT PATIENCE_MS WARM_S TRACE CROWD...
 * CROWD: NAME,KIND,SOURCES,REPEATS,RATE*SECONDS[+RATE*SECONDS]...
 *
 * Each of SOURCES clients has an address of its own, in a network of its own. KIND "socket": and a socket. KIND
 * "network": the same, but all in one network. KIND "shared":
 * one socket sends for all, the cheaper way. KIND "forged": so it does, and nobody waits for
 * answers. After PATIENCE_MS without an answer a request is sent again, up to REPEATS times.
 *
 * Prints a line of JSON for each crowd, about the requests meant to be sent after the first WARM_S, and
 * before the last PATIENCE_MS, for what is left when the load ends is answered without competition.
 * "lag" is how far sending fell behind. TRACE ("-": none) gets the first crowd's requests: when,
 * and after how long each was answered (-1: never), both int32 and in us. */
/* link: -lm */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>

#include "bench/overload/crowd.h"
#include "bench/overload/wire.h"

#define SILENCE_NS 300000000LL /* beyond the patience, at the end */

struct load {
	struct wire *wire;
	struct crowd crowds[WIRE_CROWDS_MAX];
	unsigned crowds_count;
	int64_t patience_ns;
	int64_t warm_ns;
	int64_t end_ns;
};

static void fail(const char *what, int error)
{
	fprintf(stderr, "overload_load: %s: %s\n", what, strerror(error));
	exit(1);
}

static int64_t send_due(struct load *load)
{
	int64_t next_ns = load->end_ns;

	for (unsigned i = 0; i < load->crowds_count; i++) {
		struct crowd *crowd = &load->crowds[i];

		if (wire_send(load->wire, crowd))
			next_ns = 0;
		if (crowd_due_ns(crowd) < next_ns)
			next_ns = crowd_due_ns(crowd);
	}
	return next_ns;
}

static void run(struct load *load)
{
	int64_t last_ns = load->end_ns + load->patience_ns + SILENCE_NS, now_ns;

	wire_begin(load->wire);
	while ((now_ns = wire_now_ns(load->wire)) < last_ns) {
		int64_t next_ns = now_ns < load->end_ns ? send_due(load) : last_ns;

		wire_receive(load->wire, next_ns - wire_now_ns(load->wire));
	}
}

/* --- reporting */

static int by_value(const void *a, const void *b)
{
	int64_t left = *(const int64_t *)a, right = *(const int64_t *)b;

	return (left > right) - (left < right);
}

static double quantile_us(const int64_t *sorted, size_t count, double share)
{
	return count == 0 ? -1 : (double)sorted[(size_t)((double)(count - 1) * share)] / 1e3;
}

static void print_times(const char *name, int64_t *times, size_t count)
{
	qsort(times, count, sizeof(*times), by_value);
	printf(", \"%sp50_us\": %.0f, \"%sp99_us\": %.0f, \"%smax_us\": %.0f", name,
		quantile_us(times, count, 0.5), name, quantile_us(times, count, 0.99), name,
		quantile_us(times, count, 1));
}

static void report(const struct load *load, const struct crowd *crowd)
{
	int64_t patience_ns = load->patience_ns * (crowd->repeats + 1);
	int64_t last_ns = crowd_end_ns(crowd) - load->patience_ns;
	int64_t *useful = calloc(crowd->requests_count + 1, sizeof(*useful));
	int64_t *lags = calloc(crowd->requests_count + 1, sizeof(*lags));
	size_t sent = 0, in_time = 0, late = 0;

	if (useful == NULL || lags == NULL)
		fail("report", ENOMEM);
	for (uint32_t i = 0; i < crowd->requests_count; i++) {
		const struct request *request = &crowd->requests[i];
		int64_t latency_ns = request->answered_ns - request->intended_ns;

		if (request->intended_ns < load->warm_ns || request->intended_ns >= last_ns)
			continue;
		lags[sent++] = request->lag_ns;
		if (request->answered_ns != 0 && latency_ns <= patience_ns)
			useful[in_time++] = latency_ns;
		else
			late += request->answered_ns != 0;
	}
	printf("{\"crowd\": \"%s\", \"seconds\": %.3f, \"sent\": %zu, \"in_time\": %zu, "
	       "\"late\": %zu, \"resent\": %llu, \"refused\": %llu",
		crowd->name, (double)(last_ns - load->warm_ns) / 1e9, sent, in_time, late,
		(unsigned long long)crowd->resent, (unsigned long long)crowd->refused);
	print_times("", useful, in_time);
	print_times("lag_", lags, sent);
	printf("}\n");
	free(useful);
	free(lags);
}

static void write_trace(const struct crowd *crowd, const char *path)
{
	FILE *file = fopen(path, "wb");

	if (file == NULL)
		fail(path, errno);
	for (uint32_t i = 0; i < crowd->requests_count; i++) {
		const struct request *request = &crowd->requests[i];
		int64_t latency_ns = request->answered_ns - request->intended_ns;
		int32_t row[2] = { (int32_t)(request->intended_ns / 1000),
			request->answered_ns == 0 ? -1 : (int32_t)(latency_ns / 1000) };

		fwrite(row, sizeof(row), 1, file);
	}
	if (fclose(file) != 0)
		fail(path, errno);
}

/* --- starting */

static void add_crowd(struct load *load, const char *text)
{
	struct crowd *crowd = &load->crowds[load->crowds_count];
	int error;

	if (!crowd_parse(crowd, text)) {
		fprintf(stderr, "overload_load: what is \"%s\"?\n", text);
		exit(64);
	}
	error = crowd_prepare(crowd, load->crowds_count++, load->patience_ns);
	if (error == 0)
		error = wire_add(load->wire, crowd);
	if (error < 0)
		fail(text, -error);
	if (crowd_end_ns(crowd) > load->end_ns)
		load->end_ns = crowd_end_ns(crowd);
}

int main(int argc, char **argv)
{
	static struct load load;
	int error;

	if (argc < 6 || argc > 5 + WIRE_CROWDS_MAX)
		return 64;
	(void)prctl(PR_SET_TIMERSLACK, 1UL);
	load.patience_ns = (int64_t)(atof(argv[2]) * 1e6);
	load.warm_ns = (int64_t)(atof(argv[3]) * 1e9);
	error = wire_new((uint16_t)atoi(argv[1]), &load.wire);
	if (error < 0)
		fail("start", -error);
	for (int i = 5; i < argc; i++)
		add_crowd(&load, argv[i]);
	run(&load);
	for (unsigned i = 0; i < load.crowds_count; i++)
		report(&load, &load.crowds[i]);
	if (strcmp(argv[4], "-") != 0)
		write_trace(&load.crowds[0], argv[4]);
	return 0;
}
