#include "scenario.h"

#include <errno.h>

#include "base/clock.h"
#include "run.h"

#define US NS_PER_US
#define MS NS_PER_MS

void scenario_draw_settings(struct random *random, unsigned workers, struct sim_service *service)
{
	struct queue_settings *settings = &service->settings;

	static const int64_t waits[] = { 0, 1 * MS, 10 * MS, 50 * MS, 100 * MS, 1000 * MS };
	static const int64_t overloads[] = { 1 * MS, 5 * MS, 20 * MS, 100 * MS };
	static const int64_t windows[] = { 1 * MS, 10 * MS, 100 * MS, 1000 * MS };

	service->max_wait_ns = RANDOM_OF(random, waits);
	settings->overload_interval_ns = RANDOM_OF(random, overloads);
	settings->fair_window_ns = RANDOM_OF(random, windows);
	settings->max_workers = random_below(random, 3) == 0 ? 1 + random_below(random, workers)
							     : workers;
	settings->receivers_assist = random_below(random, 4) > 0;
}

/* Declared never to block, which mostly is so; some are slow now and then, just so that they are too
 * slow for receivers, or by far. */
static void draw_quick(struct random *random, struct sim_service *service)
{
	unsigned kind = random_below(random, 8);

	if (kind > 0)
		service->service_ns = random_between(random, 1 * US, 30 * US);
	if (kind > 4)
		service->slow_factor = (unsigned)(random_between(random, 200 * US, 250 * US) /
						  service->service_ns);
}

static void draw_service(struct random *random, unsigned workers, struct sim_service *service)
{
	static const int64_t capacities[] = { 1, 2, 3, 8, 16, 40, 100, 300 };
	static const int64_t times[] = { 1 * US, 5 * US, 30 * US, 200 * US, 1 * MS, 5 * MS };
	static const int64_t runners[] = { BY_WORKERS, BY_WORKERS, BY_RECEIVERS_TOO,
		BY_RECEIVERS_TOO, BY_RECEIVERS };
	static const int64_t rarely[] = { 0, 0, 3, 20, 100 };
	static const int64_t factors[] = { 3, 50, 2000 };
	static const int64_t limits[] = { 0, 0, 1, 20, 1000 };

	service->runner = (enum runner)RANDOM_OF(random, runners);
	service->never_blocks = service->runner == BY_RECEIVERS_TOO ||
				(service->runner == BY_RECEIVERS && random_one_in(random, 2));
	service->reads_arrived = random_one_in(random, 4);
	service->capacity = (unsigned)RANDOM_OF(random, capacities);
	service->rules.discipline = random_below(random, 4) == 0 ? BACKLOG_FIFO : BACKLOG_FAIR;
	service->rules.per_client = random_below(random, 3) == 0;
	service->busy = random_below(random, 4) == 0;
	scenario_draw_settings(random, workers, service);
	service->service_ns = RANDOM_OF(random, times);
	service->vary = random_below(random, 101);
	service->slow_one_in = (unsigned)RANDOM_OF(random, rarely) * 2;
	service->slow_factor = (unsigned)RANDOM_OF(random, factors);
	if (service->runner == BY_RECEIVERS_TOO)
		draw_quick(random, service);
	service->fail_one_in = (unsigned)RANDOM_OF(random, rarely);
	service->silent_one_in = (unsigned)RANDOM_OF(random, rarely);
	service->wrong_one_in = (unsigned)RANDOM_OF(random, rarely);
	service->requests_per_s = (unsigned)RANDOM_OF(random, limits);
	service->leak = 1; /* only the order depends on it */
}

/* What the kernel and the device make of joined messages. */
static void draw_joining(struct random *random, struct sim_socket *socket)
{
	static const int64_t errors[] = { 0, 0, 0, EIO, EINVAL, EMSGSIZE };

	socket->segments = random_below(random, 4) > 0;
	socket->join_error = (int)RANDOM_OF(random, errors);
	socket->join_most = socket->join_error == EIO
				    ? 0
				    : (size_t)random_between(random, 0, SCENARIO_DATA_BYTES);
}

/* A service has an address, or two, and for each a socket, or several. */
static void draw_sockets(struct run *run)
{
	struct random *random = &run->world.random;
	static const int64_t rooms[] = { 1, 4, 20, 100, 1000 };

	for (unsigned i = 0; i < 2 * run->scenario.services_count; i++) {
		unsigned reuseport_sockets =
			random_below(random, 3) == 0 ? 2 + random_below(random, 2) : 1;

		if (i % 2 == 1 && random_below(random, 3) > 0)
			continue;
		for (unsigned j = 0; j < reuseport_sockets; j++) {
			struct sim_socket *socket =
				&run->network.sockets[run->network.sockets_count++];

			socket->service = i / 2;
			socket->reuseport_sockets = j == 0 ? reuseport_sockets : 0;
			socket->room = (unsigned)RANDOM_OF(random, rooms);
			socket->was_calm = !run->scenario.services[i / 2].reads_arrived &&
					   random_one_in(random, 2);
			draw_joining(random, socket);
		}
	}
	run->scenario.sockets_count = run->network.sockets_count;
}

/* How much more is asked for than can be served, in tenths. */
static void draw_groups(struct run *run)
{
	struct random *random = &run->world.random;
	struct scenario *scenario = &run->scenario;
	static const int64_t loads[] = { 2, 7, 10, 12, 20, 100 };
	static const int64_t addresses[] = { 1, 2, 5, 20, 100 };
	static const int64_t bursts[] = { 3, 20, 100 };

	scenario->groups_count = 1 + random_below(random, SCENARIO_GROUPS_MAX);
	for (unsigned i = 0; i < scenario->groups_count; i++) {
		struct group *group = &scenario->groups[i];
		const struct sim_service *service;

		group->pattern = random_below(random, FORGED + 1);
		group->socket = random_below(random, scenario->sockets_count);
		while (run->network.sockets[group->socket].reuseport_sockets == 0)
			group->socket--;
		group->addresses = (unsigned)RANDOM_OF(random, addresses);
		group->spread = i % 2 == 1;
		group->ports = 1 + random_below(random, 2) * random_below(random, 4);
		group->burst = group->pattern == BURSTY ? (unsigned)RANDOM_OF(random, bursts) : 1;
		group->length = random_below(random, 2) * random_below(random, SCENARIO_DATA_BYTES);
		group->left = (unsigned)random_between(random, 1, 200);
		group->patience_ns = random_between(random, 1 * MS, 100 * MS);
		service = &scenario->services[run->network.sockets[group->socket].service];
		group->interval_ns = service->service_ns * 10 * scenario->groups_count /
				     (RANDOM_OF(random, loads) * scenario->workers);
		group->interval_ns += 1;
		if (group->interval_ns * group->left > scenario->length_ns)
			scenario->length_ns = group->interval_ns * group->left;
	}
}

static void draw_faults(struct run *run)
{
	struct random *random = &run->world.random;
	static const int64_t rarely[] = { 0, 0, 5, 30, 200 };
	static const int64_t holds[] = { 0, 0, 4, 50 };
	static const int64_t costs[] = { 0, 0, 1 * US, 10 * US };
	static const int64_t times[] = { 1 * US, 20 * US, 300 * US, 3 * MS };

	run->scenario.receive_cost_ns = RANDOM_OF(random, costs);
	run->scenario.bad_one_in = (unsigned)RANDOM_OF(random, rarely);
	run->scenario.unstamped_one_in = (unsigned)RANDOM_OF(random, rarely);
	run->scenario.duplicate_one_in = (unsigned)RANDOM_OF(random, rarely);
	run->network.receive_error_one_in = (unsigned)RANDOM_OF(random, rarely);
	run->network.others_have_timestamps = random_one_in(random, 3);
	run->network.send_error_one_in = (unsigned)RANDOM_OF(random, rarely);
	run->network.send_short_one_in = (unsigned)RANDOM_OF(random, rarely);
	run->world.hold_one_in = (unsigned)RANDOM_OF(random, holds);
	run->world.hold_most_ns = RANDOM_OF(random, times);
	run->world.wake_most_ns = RANDOM_OF(random, times);
	run->scenario.delay_most_ns = RANDOM_OF(random, times);
	run->scenario.clock_steps = random_below(random, 2) * random_below(random, 6);
}

void scenario_draw(struct run *run)
{
	struct random *random = &run->world.random;
	struct scenario *scenario = &run->scenario;
	static const int64_t drains[] = { 0, 1 * MS, 20 * MS, 5000 * MS };

	scenario->services_count = 1 + random_below(random, 2) * (1 + random_below(random, 2));
	scenario->workers = 1 + random_below(random, 6);
	for (unsigned i = 0; i < scenario->services_count; i++)
		draw_service(random, scenario->workers, &scenario->services[i]);
	draw_sockets(run);
	draw_groups(run);
	draw_faults(run);
	scenario->length_ns += scenario->delay_most_ns;
	scenario->stop_ns = random_between(random, 0, scenario->length_ns * 3 / 2);
	scenario->drain_ns = RANDOM_OF(random, drains);
	scenario->changes = random_below(random, 2) * random_below(random, 6);
}

void scenario_draw_children(struct run *run)
{
	for (unsigned i = 0; i < run->scenario.services_count; i++) {
		struct sim_service *service = &run->scenario.services[i];

		if (service->runner == BY_RECEIVERS)
			continue;
		service->runner = BY_WORKERS;
		service->never_blocks = false;
		service->outside = true;
		processes_draw(&run->world.random, &service->children);
	}
	for (unsigned i = 0; i < run->scenario.groups_count; i++)
		if (random_one_in(&run->world.random, 2))
			run->scenario.groups[i].pattern = RETRYING;
	run->scenario.stop_ns += random_between(&run->world.random, 0, 500 * MS);
}
