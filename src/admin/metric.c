#include "admin/metric.h"

/* Of durations: powers of two, where buckets of the library end. 4 us to 8.6 s. */
#define BOUND_FIRST 12
#define BOUND_LAST 33

#define SECONDS(ns) ((double)(ns) / 1e9)

static void print_escaped(FILE *file, const char *text, bool quotes)
{
	for (; *text != '\0'; text++) {
		if (*text == '\n') {
			(void)fputs_unlocked("\\n", file);
			continue;
		}
		if (*text == '\\' || (quotes && *text == '"'))
			(void)putc_unlocked('\\', file);
		(void)putc_unlocked(*text, file);
	}
}

void metric_family(FILE *file, const char *name, const char *type, const char *help)
{
	(void)fprintf(file, "# HELP %s ", name);
	print_escaped(file, help, false);
	(void)fprintf(file, "\n# TYPE %s %s\n", name, type);
}

static void put_name(
	FILE *file, const char *name, const char *suffix, const struct metric_label *labels)
{
	(void)fprintf(file, "%s%s", name, suffix);
	for (const struct metric_label *label = labels; label->name != NULL; label++) {
		(void)fprintf(file, "%s%s=\"", label == labels ? "{" : ",", label->name);
		print_escaped(file, label->value, true);
		(void)putc_unlocked('"', file);
	}
	(void)fputs_unlocked(labels->name != NULL ? "} " : " ", file);
}

void metric_count(FILE *file, const char *name, const struct metric_label *labels, uint64_t value)
{
	put_name(file, name, "", labels);
	(void)fprintf(file, "%llu\n", (unsigned long long)value);
}

void metric_number(FILE *file, const char *name, const struct metric_label *labels, double value)
{
	put_name(file, name, "", labels);
	(void)fprintf(file, "%.15g\n", value);
}

static void put_bucket(
	FILE *file, const char *name, const char *service, const char *bound, uint64_t count)
{
	put_name(file, name, "_bucket", METRIC_LABELS({ "service", service }, { "le", bound }));
	(void)fprintf(file, "%llu\n", (unsigned long long)count);
}

void metric_durations(FILE *file, const char *name, const char *service,
	const struct dgram_bucket *buckets, size_t count)
{
	uint64_t seen = 0;
	double sum = 0;
	size_t next = 0;
	char bound[32];

	for (unsigned i = BOUND_FIRST; i <= BOUND_LAST; i++) {
		for (; next < count && buckets[next].most_ns <= UINT64_C(1) << i; next++)
			seen += buckets[next].count;
		(void)snprintf(bound, sizeof(bound), "%.10g", SECONDS(UINT64_C(1) << i));
		put_bucket(file, name, service, bound, seen);
	}
	for (; next < count; next++)
		seen += buckets[next].count;
	for (size_t i = 0; i < count; i++)
		sum += (double)buckets[i].count * SECONDS(buckets[i].most_ns) * 63 / 64;
	put_bucket(file, name, service, "+Inf", seen);
	put_name(file, name, "_sum", METRIC_LABELS({ "service", service }));
	(void)fprintf(file, "%.9g\n", sum);
	put_name(file, name, "_count", METRIC_LABELS({ "service", service }));
	(void)fprintf(file, "%llu\n", (unsigned long long)seen);
}
