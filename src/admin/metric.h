/* The text form of Prometheus' metrics: a family's head, then its series. What a label or a HELP may not hold is
 * escaped. Errors are the file's. Thread: any. */
#ifndef ADMIN_METRIC_H
#define ADMIN_METRIC_H

#include <dgram.h>
#include <stdio.h>

/* Of a series: name and value, in pairs; a name that is NULL ends them. */
struct metric_label {
	const char *name, *value;
};

#define METRIC_LABELS(...) ((const struct metric_label[]){ __VA_ARGS__, { NULL, NULL } })
#define METRIC_NO_LABELS ((const struct metric_label[]){ { NULL, NULL } })

/* `type`: "counter", "gauge", "histogram". */
void metric_family(FILE *file, const char *name, const char *type, const char *help);

void metric_count(FILE *file, const char *name, const struct metric_label *labels, uint64_t value);
void metric_number(FILE *file, const char *name, const struct metric_label *labels, double value);

/* Of durations, in seconds. The sum is right to a part in 64. */
void metric_durations(FILE *file, const char *name, const char *service,
	const struct dgram_bucket *buckets, size_t count);

#endif
