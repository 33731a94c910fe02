/* The scenario of the design, and what comes of it: 4 workers, handlers of 1 ms, clients that wait for 100 ms. */
#ifndef SIM_OUTCOME_H
#define SIM_OUTCOME_H

#include "run.h"

#define OUTCOME_WORKERS 4u
#define OUTCOME_SERVICE_NS NS_PER_MS
#define OUTCOME_PATIENCE_NS (100 * NS_PER_MS)
#define OUTCOME_SECONDS 4
#define OUTCOME_CAPACITY_PER_S ((double)OUTCOME_WORKERS * NS_PER_S / OUTCOME_SERVICE_NS)

/* Letters of the first second and the last patience do not count. */
struct outcome {
	double offered, useful; /* a second, of the capacity */
	double share;		/* answered in time, of those that group 0 sent */
	double median_ms, p99_ms;
};

/* A run that nobody checks. */
struct run *outcome_begin(uint64_t seed);
void outcome_set_up(struct run *run, enum backlog_discipline discipline, int64_t max_wait_ns,
	int64_t window_ns);

/* Polite clients that ask for `load` times what can be done. */
void outcome_set_group(struct group *group, unsigned addresses, double load);

/* Run it. */
struct outcome outcome_of(struct run *run);

#endif
