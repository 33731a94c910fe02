#include "shares.h"

#include <stdio.h>

#include "base/clock.h"
#include "outcome.h"

#define POLITE_LOAD 0.5
#define ABUSE_LOAD 10.0

/* Twice what a polite client asks for. */
#define LIMIT (unsigned)(2 * POLITE_LOAD * OUTCOME_CAPACITY_PER_S / 100)

enum moment { ANY, LAST, FIRST, MIXED };

/* 100 polite addresses ask for half the capacity in all, the abusing ones for ten times it. */
struct beside {
	unsigned abusers;
	bool apart,
		together; /* abusing addresses, each in a network of its own; polite ones in one network */
	enum moment
		moment; /* when the abusing datagrams come: in bursts with the polite ones, or not */
	int64_t window_ms;
	unsigned seeds; /* of which the mean counts */
	unsigned limit; /* requests a second of a source; 0: none */
};

static const struct beside rows[] = {
	{ 1, true, false, ANY, 1000, 1, 0 },
	{ 20, true, false, ANY, 1000, 1, 0 },
	{ 100, true, false, ANY, 1000, 3, 0 },
	{ 100, true, false, ANY, 100, 1, 0 },
	{ 100, true, false, LAST, 1000, 3, 0 },
	{ 100, true, false, ANY, 1000, 3, LIMIT },
	{ 100, false, false, ANY, 1000, 1, 0 },
	{ 20, true, true, ANY, 1000, 1, 0 },
	{ 100, true, true, ANY, 1000, 1, 0 },
	{ 100, false, true, ANY, 1000, 1, 0 },
	{ 5000, true, false, ANY, 1000, 1, 0 },
	{ 5000, true, false, FIRST, 1000, 1, 0 },
	{ 5000, true, false, MIXED, 1000, 1, 0 },
	{ 5000, true, false, LAST, 1000, 1, 0 },
	{ 5000, false, false, LAST, 1000, 3, 0 },
	{ 200000, true, false, LAST, 1000, 1, 0 },
	{ 200000, false, false, LAST, 1000, 1, 0 },
};

static const char *const moments[] = { "any time", "behind", "before", "among" };

static void set_up(struct run *run, const struct beside *beside)
{
	struct group *polite = &run->scenario.groups[0], *abusing = &run->scenario.groups[1];

	outcome_set_up(run, BACKLOG_FAIR, 100 * NS_PER_MS, beside->window_ms * NS_PER_MS);
	run->scenario.services[0].requests_per_s = beside->limit;
	run->scenario.services[0].leak = 8;
	run->scenario.groups_count = 2;
	outcome_set_group(polite, 100, POLITE_LOAD);
	outcome_set_group(abusing, beside->abusers, ABUSE_LOAD);
	polite->spread = !beside->together;
	abusing->spread = beside->apart;
	if (beside->moment == ANY)
		return;
	polite->burst = 2;
	polite->company = (unsigned)(polite->burst * ABUSE_LOAD / POLITE_LOAD);
	polite->place = beside->moment == LAST ? BEHIND : beside->moment == FIRST ? BEFORE : AMONG;
}

static void add_part(struct outcome *mean, const struct outcome *outcome, unsigned parts)
{
	mean->share += outcome->share / parts;
	mean->useful += outcome->useful / parts;
	mean->median_ms += outcome->median_ms / parts;
	mean->p99_ms += outcome->p99_ms / parts;
}

static void print_row(const struct beside *beside)
{
	struct outcome mean = { 0 };

	for (unsigned seed = 1; seed <= beside->seeds; seed++) {
		struct run *run = outcome_begin(seed);
		struct outcome outcome;

		set_up(run, beside);
		outcome = outcome_of(run);
		add_part(&mean, &outcome, beside->seeds);
	}
	printf("| %u | %s | %s | %s | %u | %lld | %.2f %% | %.2f | %.3f | %.1f | %.1f |\n",
		beside->abusers, beside->apart ? "each its own" : "few",
		beside->together ? "one" : "each its own", moments[beside->moment], beside->limit,
		(long long)beside->window_ms, 100 * mean.share,
		mean.share * (POLITE_LOAD + ABUSE_LOAD), mean.useful, mean.median_ms, mean.p99_ms);
}

void shares_print(void)
{
	printf("100 polite addresses ask for half the capacity in all, the abusing ones for ten times it\n\n"
	       "| abusing addresses | their networks | of the polite | they send | limit | window ms | polite answered in "
	       "time | by chance | goodput | p50 ms | p99 ms |\n|---|---|---|---|---|---|---|---|---|---|---|\n");
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		print_row(&rows[i]);
}
