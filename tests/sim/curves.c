#include "curves.h"

#include <stdio.h>

#include "base/clock.h"
#include "outcome.h"
#include "shares.h"

#define SLOW_NS (300 * NS_PER_MS)
#define NEIGHBOUR_S 30

static void print_goodput(void)
{
	static const double loads[] = { 0.5, 0.9, 1, 1.1, 1.5, 2, 5, 10 };
	static const struct {
		const char *name;
		enum backlog_discipline discipline;
		int64_t max_wait_ns;
	} rules[] = {
		{ "fair, deadline 100 ms", BACKLOG_FAIR, 100 * NS_PER_MS },
		{ "fair, deadline 1000 ms", BACKLOG_FAIR, 1000 * NS_PER_MS },
		{ "fifo, deadline 100 ms", BACKLOG_FIFO, 100 * NS_PER_MS },
		{ "fifo, no deadline", BACKLOG_FIFO, 0 },
	};

	printf("%u workers x %lld ms, patience %lld ms, queue 4096, 100 addresses, %d s\n\n"
	       "| rules | load | goodput | answered in time | p50 ms | p99 ms |\n"
	       "|---|---|---|---|---|---|\n",
		OUTCOME_WORKERS, OUTCOME_SERVICE_NS / NS_PER_MS, OUTCOME_PATIENCE_NS / NS_PER_MS,
		OUTCOME_SECONDS - 1);
	for (size_t i = 0; i < sizeof(rules) / sizeof(rules[0]); i++) {
		for (size_t j = 0; j < sizeof(loads) / sizeof(loads[0]); j++) {
			struct run *run = outcome_begin(1);
			struct outcome figures;

			outcome_set_up(run, rules[i].discipline, rules[i].max_wait_ns, NS_PER_S);
			outcome_set_group(&run->scenario.groups[0], 100, loads[j]);
			figures = outcome_of(run);
			printf("| %s | %.2f | %.3f | %.2f %% | %.1f | %.1f |\n", rules[i].name,
				figures.offered, figures.useful, 100 * figures.share,
				figures.median_ms, figures.p99_ms);
		}
	}
}

/* A service of 300 ms, asked for three times what the pool can do, and beside it one of 1 ms whose clients wait
 * for 100 ms, asked once in `interval_ns`, or never (0). */
static void set_up_neighbours(struct run *run, int64_t interval_ns)
{
	outcome_set_up(run, BACKLOG_FAIR, 1000 * NS_PER_MS, NS_PER_S);
	run->scenario.services_count = 2;
	run->scenario.services[1] = run->scenario.services[0];
	run->scenario.services[1].service_ns = SLOW_NS;
	run->network.sockets_count = run->scenario.sockets_count = 2;
	run->network.sockets[1] = run->network.sockets[0];
	run->network.sockets[1].service = 1;
	run->scenario.stop_ns = NEIGHBOUR_S * NS_PER_S;
	run->scenario.groups_count = 2;
	for (unsigned i = 0; i < 2; i++) {
		struct group *group = &run->scenario.groups[i];

		*group = (struct group){
			.pattern = POLITE,
			.socket = i,
			.addresses = 100,
			.ports = 1,
			.burst = 1,
			.interval_ns = i == 1 ? SLOW_NS / OUTCOME_WORKERS / 3 : interval_ns,
		};
		if (group->interval_ns > 0)
			group->left = (unsigned)(run->scenario.stop_ns / group->interval_ns);
	}
}

static void print_neighbours_at(int64_t interval_ns)
{
	struct run *run = outcome_begin(1);
	int64_t end_ns = run->world.now_ns + (NEIGHBOUR_S - 1) * NS_PER_S;
	unsigned asked = 0, answered = 0, slow = 0;

	set_up_neighbours(run, interval_ns);
	run_scenario(run);
	for (uint32_t i = 0; i < run->network.count; i++) {
		const struct letter *letter = &run->network.letters[i];
		bool quick = letter->group == 0 && letter->sent_ns < end_ns;

		asked += quick;
		slow += letter->group == 1 && letter->replies > 0;
		answered += quick && letter->replies > 0 &&
			    letter->answered_ns - letter->sent_ns <= OUTCOME_PATIENCE_NS;
	}
	printf("| %lld | %u | %u | %u |\n", interval_ns / NS_PER_MS, asked, answered, slow);
	run_take_apart(run);
}

void curves_print_neighbours(void)
{
	static const int64_t intervals_ms[] = { 0, 2, 5, 50, 500, 900, 1500, 3000 };

	printf("%u workers, a service of %lld ms, asked for three times what they can do, for %d s: a service of "
	       "%lld ms beside it\n\n"
	       "| asked every ms | asked | answered in time | of the slow one |\n|---|---|---|---|\n",
		OUTCOME_WORKERS, SLOW_NS / NS_PER_MS, NEIGHBOUR_S, OUTCOME_SERVICE_NS / NS_PER_MS);
	for (size_t i = 0; i < sizeof(intervals_ms) / sizeof(intervals_ms[0]); i++)
		print_neighbours_at(intervals_ms[i] * NS_PER_MS);
}

void curves_print(void)
{
	print_goodput();
	printf("\n");
	shares_print();
	printf("\n");
	curves_print_neighbours();
}
