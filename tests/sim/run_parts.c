/* The product's stations, assembled as pipeline/server.c does it, without its threads. */
#include <string.h>

#include "base/log.h"
#include "run.h"

static void bind_sockets(struct run *run)
{
	for (unsigned i = 0; i < run->scenario.sockets_count; i++) {
		union addr bound;

		memset(&bound, 0, sizeof(bound));
		must(addr_parse(i % 2 == 0 ? "192.0.2.1" : "2001:db8::1", (uint16_t)(7000 + i),
			     &bound) == 0,
			"addresses");
		run->network.sockets[i].bound = bound;
		run->sockets[i] =
			(struct socket){ .fd = (int)(NETWORK_FIRST_FD + i), .bound = bound };
	}
}

static void make_log(struct run *run)
{
	const struct log_settings settings = { LOG_LEVEL_WARN, "logfmt", "never", "none" };

	must(log_new(&settings, &run->log) == 0, "log");
	must(log_ring_new(run->log, LOG_MAIN, 0, &run->ring) == 0, "log ring");
}

struct queue_settings run_settings(const struct run *run, unsigned service)
{
	struct queue_settings settings = run->scenario.services[service].settings;
	unsigned workers = run->scenario.workers;

	if (settings.max_workers > workers)
		settings.max_workers = workers;
	return settings;
}

static void make_service(struct run *run, unsigned number)
{
	struct sim_service *drawn = &run->scenario.services[number];
	struct service *service = &run->services[number];
	struct queue_settings settings = run_settings(run, number);
	struct queue_shape shape = {
		.capacity = drawn->capacity,
		.most_workers = SCENARIO_WORKERS_MAX,
		.rules = drawn->rules,
		.keeps_shed = drawn->busy,
	};

	service->name = "sim";
	service->handler.calls = drawn->busy ? &sim_handler_busy : &sim_handler;
	service->handler.context = drawn;
	atomic_init(&service->min_source_port, SCENARIO_LOW_PORT);
	must(queue_new(&shape, &settings, &service->queue) == 0, "queue");
	model_init(&run->models[number], number, service->queue, &shape, &settings);
	must(handler_open(&service->handler) == 0, "handler");
}

static void make_receiver(struct run *run, unsigned number)
{
	run->receivers[number] = (struct receiver){
		.service = &run->services[run->network.sockets[number].service],
		.sockets = run->sockets,
		.sockets_count = run->scenario.sockets_count,
		.number = number,
		.slab = run->slab,
		.workers = &run->shared,
		.shutdowns = &run->shutdowns,
		.stop_fd = NETWORK_STOP_FD,
		.log = run->ring,
	};
	must(receiver_prepare(&run->receivers[number], SCENARIO_DATA_BYTES, false) == 0, "receiver");
}

void run_assemble(struct run *run)
{
	unsigned slots =
		run->scenario.sockets_count * SOCKET_BATCH + SCENARIO_WORKERS_MAX * WORKER_SLOTS;

	for (unsigned i = 0; i < run->scenario.services_count; i++)
		slots += run->scenario.services[i].capacity;
	network_init(&run->network, slots);
	bind_sockets(run);
	make_log(run);
	must(slab_new(slots, SCENARIO_DATA_BYTES, &run->slab) == 0, "slab");
	for (unsigned i = 0; i < run->scenario.services_count; i++)
		make_service(run, i);
	run->shared.services = run->services;
	run->shared.services_count = run->scenario.services_count;
	run->shared.sockets = run->sockets;
	run->shared.slab = run->slab;
	for (unsigned i = 0; i < run->scenario.sockets_count; i++)
		make_receiver(run, i);
	for (unsigned i = 0; i < SCENARIO_WORKERS_MAX; i++) {
		struct worker_identity identity = { .number = i, .log = run->ring };

		must(worker_new(&run->shared, &identity, SCENARIO_DATA_BYTES, &run->workers[i]) ==
				0,
			"worker");
	}
}

/* That nothing is left in the queues and every slot is back, these assert themselves. */
void run_take_apart(struct run *run)
{
	for (unsigned i = 0; i < SCENARIO_WORKERS_MAX; i++)
		worker_free(run->workers[i]);
	for (unsigned i = 0; i < run->scenario.sockets_count; i++)
		receiver_release(&run->receivers[i]);
	for (unsigned i = 0; i < run->scenario.services_count; i++) {
		handler_close(&run->services[i].handler);
		queue_free(run->services[i].queue);
		model_free(&run->models[i]);
	}
	slab_free(run->slab);
	log_free(run->log);
	network_free(&run->network);
	world_free(&run->world);
}
