#include "outcome.h"

#include <string.h>

#include "base/clock.h"

#define POLITE_GROUP 0

void outcome_set_group(struct group *group, unsigned addresses, double load)
{
	*group = (struct group){
		.pattern = POLITE,
		.addresses = addresses,
		.ports = 1,
		.burst = 1,
		.interval_ns = (int64_t)((double)NS_PER_S / (load * OUTCOME_CAPACITY_PER_S)),
		.left = (unsigned)(load * OUTCOME_CAPACITY_PER_S * (OUTCOME_SECONDS + 1)),
	};
}

void outcome_set_up(
	struct run *run, enum backlog_discipline discipline, int64_t max_wait_ns, int64_t window_ns)
{
	run->network.sockets_count = 1;
	run->network.sockets[0].room = 4096;
	run->network.sockets[0].reuseport_sockets = 1;
	run->scenario = (struct scenario){
		.services_count = 1,
		.services = { {
			.capacity = 4096,
			.rules = { .discipline = discipline },
			.max_wait_ns = max_wait_ns,
			.settings = { 100 * NS_PER_MS, window_ns, OUTCOME_WORKERS, true },
			.service_ns = OUTCOME_SERVICE_NS,
			.vary = 10,
		} },
		.sockets_count = 1,
		.workers = OUTCOME_WORKERS,
		.groups_count = 1,
		.stop_ns = (OUTCOME_SECONDS + 1) * NS_PER_S,
	};
}

static struct outcome count(const struct run *run)
{
	int64_t begin_ns = run->network.letters[0].sent_ns;
	static struct histogram histogram;
	unsigned polite = 0, answered = 0, useful = 0, offered = 0;

	memset(&histogram, 0, sizeof(histogram));
	for (uint32_t i = 0; i < run->network.count; i++) {
		const struct letter *letter = &run->network.letters[i];
		int64_t age_ns = letter->answered_ns - letter->sent_ns;
		int64_t sent_ns = letter->sent_ns - begin_ns;
		bool in_time = letter->replies > 0 && age_ns <= OUTCOME_PATIENCE_NS;

		if (sent_ns < NS_PER_S || sent_ns >= OUTCOME_SECONDS * NS_PER_S)
			continue;
		offered++;
		useful += in_time;
		polite += letter->group == POLITE_GROUP;
		answered += letter->group == POLITE_GROUP && in_time;
		if (in_time)
			histogram_add(&histogram, age_ns);
	}
	return (struct outcome){
		.offered = (double)offered / ((OUTCOME_SECONDS - 1) * OUTCOME_CAPACITY_PER_S),
		.useful = (double)useful / ((OUTCOME_SECONDS - 1) * OUTCOME_CAPACITY_PER_S),
		.share = (double)answered / polite,
		.median_ms = (double)histogram_quantile(&histogram, 0.5) / NS_PER_MS,
		.p99_ms = (double)histogram_quantile(&histogram, 0.99) / NS_PER_MS,
	};
}

struct outcome outcome_of(struct run *run)
{
	struct outcome figures;

	run_scenario(run);
	figures = count(run);
	run_take_apart(run);
	return figures;
}

struct run *outcome_begin(uint64_t seed)
{
	static struct run run;

	memset(&run, 0, sizeof(run));
	world_init(&run.world, seed);
	run.world.wake_most_ns = 20 * NS_PER_US;
	the_run = &run;
	return &run;
}
