/* What a look-up in a table of `access` costs: nanoseconds, the least of some runs, because others may run on the
 * machine; for prefixes that are spread over the whole address space, and for sources in any of them, so that the
 * processor's caches and guesses help as little as they can. Fails beyond what is promised.
 * Usage: access_cost [PREFIXES] */
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "base/clock.h"
#include "guard/access.h"

#define RUNS 60
#define SOURCES (1u << 13)
#define LOOK_UPS (1u << 17)
#define V4_MOST_NS 50
#define V6_MOST_NS 100

static uint64_t random_state = 1;

static uint64_t draw(void)
{
	random_state = random_state * 6364136223846793005u + 1442695040888963407u;
	return random_state >> 32 | random_state << 32;
}

static int64_t thread_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &ts);
	return ts.tv_sec * NS_PER_S + ts.tv_nsec;
}

/* Of 16 to 28 bits, or of 32 to 64; half of them allow. */
static void draw_rule(bool v6, struct prefix_rule *rule)
{
	unsigned bits = v6 ? 32 + (unsigned)(draw() % 33) : 16 + (unsigned)(draw() % 13);
	char text[PREFIX_TEXT_MAX];
	struct prefix_error error;
	uint64_t masked = draw() & ~(UINT64_MAX >> 1 >> (bits - 1));
	struct prefix drawn = { .v6 = v6,
		.bits = (unsigned char)bits,
		.first = v6 ? (struct prefix_address){ masked, 0 }
			    : (struct prefix_address){ 0, masked >> 32 } };

	if (prefix_parse(prefix_format(&drawn, text), &rule->prefix, &error) < 0)
		abort();
	rule->allow = draw() % 2;
}

/* Rules that do not contradict each other. Returns how many there are. */
static size_t draw_rules(bool v6, struct prefix_rule *rules, size_t count)
{
	size_t kept = 0;

	for (size_t i = 0; i < count; i++)
		draw_rule(v6, &rules[i]);
	prefix_sort(rules, count);
	for (size_t i = 0; i < count; i++)
		if (kept == 0 || !prefix_contradicts(&rules[kept - 1], &rules[i]))
			rules[kept++] = rules[i];
	return kept;
}

/* In some prefix. */
static void draw_source(const struct prefix_rule *rules, size_t count, union addr *source)
{
	const struct prefix *prefix = &rules[draw() % count].prefix;
	bool v6 = prefix->v6;
	uint64_t high = (prefix->first.high ^ (draw() & (prefix->first.high ^ prefix->last.high)));
	uint64_t low = (prefix->first.low ^ (draw() & (prefix->first.low ^ prefix->last.low)));
	uint64_t words[2] = { htobe64(v6 ? high : low << 32), htobe64(low) };

	source->sa.sa_family = v6 ? AF_INET6 : AF_INET;
	if (v6)
		memcpy(&source->in6.sin6_addr, words, sizeof(words));
	else
		memcpy(&source->in.sin_addr, words, sizeof(source->in.sin_addr));
}

static double look_up(
	const struct access *access, const union addr *sources, unsigned *ret_admitted)
{
	int64_t begin_ns = thread_ns();

	for (unsigned i = 0; i < LOOK_UPS; i++)
		*ret_admitted += access_admits(access, &sources[i % SOURCES]);
	return (double)(thread_ns() - begin_ns) / LOOK_UPS;
}

static bool report(bool v6, size_t count)
{
	static union addr sources[SOURCES];
	struct prefix_rule *rules = calloc(count, sizeof(*rules));
	struct access *access;
	double least_ns = 1e9;
	unsigned admitted = 0, most_ns = v6 ? V6_MOST_NS : V4_MOST_NS;

	if (rules == NULL)
		abort();
	count = draw_rules(v6, rules, count);
	if (access_new(rules, count, true, &access) < 0)
		abort();
	for (unsigned i = 0; i < SOURCES; i++)
		draw_source(rules, count, &sources[i]);
	for (unsigned i = 0; i < RUNS; i++) {
		double ns = look_up(access, sources, &admitted);

		least_ns = ns < least_ns ? ns : least_ns;
	}
	printf("%s, %zu prefixes: %.1f ns a look-up (at most %u), %zu bytes, %.0f %% let in\n",
		v6 ? "IPv6" : "IPv4", count, least_ns, most_ns, access_bytes(access),
		100.0 * admitted / RUNS / LOOK_UPS);
	access_free(access);
	free(rules);
	return least_ns <= most_ns;
}

int main(int argc, char **argv)
{
	size_t count = argc > 1 ? strtoul(argv[1], NULL, 10) : 100000;
	bool met = report(false, count);

	return report(true, count) && met ? 0 : 1;
}
