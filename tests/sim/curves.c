/* The scenario of the design: 4 workers, handlers of 1 ms, clients that wait for 100 ms. */
#include "curves.h"

#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "run.h"

#define WORKERS 4u
#define SERVICE_NS NS_PER_MS
#define PATIENCE_NS (100 * NS_PER_MS)
#define SECONDS 4
#define CAPACITY_PER_S ((double)WORKERS * NS_PER_S / SERVICE_NS)
#define POLITE 0
#define SLOW_NS (300 * NS_PER_MS)
#define NEIGHBOUR_S 30

/* Letters of the first second and the last patience do not count. */
struct figures {
	double offered, useful; /* a second, of group 0 or of all */
	double share;		/* answered in time, of those that group 0 sent */
	double median_ms, p99_ms;
};

static void set_group(struct group *group, unsigned addresses, double load)
{
	*group = (struct group){
		.pattern = POLITE,
		.addresses = addresses,
		.ports = 1,
		.burst = 1,
		.interval_ns = (int64_t)((double)NS_PER_S / (load * CAPACITY_PER_S)),
		.left = (unsigned)(load * CAPACITY_PER_S * (SECONDS + 1)),
	};
}

static void set_up(
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
			.settings = { 100 * NS_PER_MS, window_ns, WORKERS, true },
			.service_ns = SERVICE_NS,
			.vary = 10,
		} },
		.sockets_count = 1,
		.workers = WORKERS,
		.groups_count = 1,
		.stop_ns = (SECONDS + 1) * NS_PER_S,
	};
}

static struct figures count(const struct run *run)
{
	int64_t begin_ns = run->network.letters[0].sent_ns;
	static struct histogram histogram;
	unsigned polite = 0, answered = 0, useful = 0, offered = 0;

	memset(&histogram, 0, sizeof(histogram));
	for (uint32_t i = 0; i < run->network.count; i++) {
		const struct letter *letter = &run->network.letters[i];
		int64_t age_ns = letter->answered_ns - letter->sent_ns;
		int64_t sent_ns = letter->sent_ns - begin_ns;
		bool in_time = letter->replies > 0 && age_ns <= PATIENCE_NS;

		if (sent_ns < NS_PER_S || sent_ns >= SECONDS * NS_PER_S)
			continue;
		offered++;
		useful += in_time;
		polite += letter->group == POLITE;
		answered += letter->group == POLITE && in_time;
		if (in_time)
			histogram_add(&histogram, age_ns);
	}
	return (struct figures){
		.offered = (double)offered / ((SECONDS - 1) * CAPACITY_PER_S),
		.useful = (double)useful / ((SECONDS - 1) * CAPACITY_PER_S),
		.share = (double)answered / polite,
		.median_ms = (double)histogram_quantile(&histogram, 0.5) / NS_PER_MS,
		.p99_ms = (double)histogram_quantile(&histogram, 0.99) / NS_PER_MS,
	};
}

static struct figures run_and_count(struct run *run)
{
	struct figures figures;

	run_scenario(run);
	figures = count(run);
	run_take_apart(run);
	return figures;
}

static struct run *begin(void)
{
	static struct run run;

	memset(&run, 0, sizeof(run));
	world_init(&run.world, 1);
	run.world.wake_most_ns = 20 * NS_PER_US;
	the_run = &run;
	return &run;
}

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
		WORKERS, SERVICE_NS / NS_PER_MS, PATIENCE_NS / NS_PER_MS, SECONDS - 1);
	for (size_t i = 0; i < sizeof(rules) / sizeof(rules[0]); i++) {
		for (size_t j = 0; j < sizeof(loads) / sizeof(loads[0]); j++) {
			struct run *run = begin();
			struct figures figures;

			set_up(run, rules[i].discipline, rules[i].max_wait_ns, NS_PER_S);
			set_group(&run->scenario.groups[0], 100, loads[j]);
			figures = run_and_count(run);
			printf("| %s | %.2f | %.3f | %.2f %% | %.1f | %.1f |\n", rules[i].name,
				figures.offered, figures.useful, 100 * figures.share,
				figures.median_ms, figures.p99_ms);
		}
	}
}

static void print_shares(void)
{
	static const unsigned abusers[] = { 1, 20, 100, 5000, 200000 };
	static const int64_t windows[] = { 1000 * NS_PER_MS, 500 * NS_PER_MS, 300 * NS_PER_MS,
		100 * NS_PER_MS };

	printf("\n100 polite addresses ask for half the capacity in all, the abusing ones for ten times "
	       "it\n\n| abusing addresses | window ms | polite answered in time | goodput | p50 ms | "
	       "p99 ms |\n|---|---|---|---|---|---|\n");
	for (size_t i = 0; i < sizeof(abusers) / sizeof(abusers[0]); i++) {
		for (size_t j = 0; j < sizeof(windows) / sizeof(windows[0]); j++) {
			struct run *run = begin();
			struct figures figures;

			set_up(run, BACKLOG_FAIR, 100 * NS_PER_MS, windows[j]);
			run->scenario.groups_count = 2;
			set_group(&run->scenario.groups[POLITE], 100, 0.5);
			set_group(&run->scenario.groups[1], abusers[i], 10);
			figures = run_and_count(run);
			printf("| %u | %lld | %.2f %% | %.3f | %.1f | %.1f |\n", abusers[i],
				windows[j] / NS_PER_MS, 100 * figures.share, figures.useful,
				figures.median_ms, figures.p99_ms);
		}
	}
}

/* A service of 300 ms, asked for three times what the pool can do, and beside it one of 1 ms whose clients wait
 * for 100 ms, asked once in `interval_ns`, or never (0). */
static void set_up_neighbours(struct run *run, int64_t interval_ns)
{
	set_up(run, BACKLOG_FAIR, 1000 * NS_PER_MS, NS_PER_S);
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
			.interval_ns = i == 1 ? SLOW_NS / WORKERS / 3 : interval_ns,
		};
		if (group->interval_ns > 0)
			group->left = (unsigned)(run->scenario.stop_ns / group->interval_ns);
	}
}

static void print_neighbours_at(int64_t interval_ns)
{
	struct run *run = begin();
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
			    letter->answered_ns - letter->sent_ns <= PATIENCE_NS;
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
		WORKERS, SLOW_NS / NS_PER_MS, NEIGHBOUR_S, SERVICE_NS / NS_PER_MS);
	for (size_t i = 0; i < sizeof(intervals_ms) / sizeof(intervals_ms[0]); i++)
		print_neighbours_at(intervals_ms[i] * NS_PER_MS);
}

void curves_print(void)
{
	print_goodput();
	print_shares();
	printf("\n");
	curves_print_neighbours();
}
