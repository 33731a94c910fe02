/* The product's stations, assembled as server/make.c does it, without its threads. */
#include <string.h>

#include "base/clock.h"
#include "log/log.h"
#include "run.h"

static void bind_sockets(struct run *run)
{
	for (unsigned i = 0; i < run->scenario.sockets_count; i++) {
		struct sim_socket *socket = &run->network.sockets[i];

		memset(&socket->bound, 0, sizeof(socket->bound));
		if (socket->reuseport_sockets == 0)
			socket->bound = socket[-1].bound;
		else
			must(addr_parse(i % 2 == 0 ? "192.0.2.1" : "2001:db8::1",
				     (uint16_t)(7000 + i), &socket->bound) == 0,
				"addresses");
		guard_ports_add(&run->ports, addr_port(&socket->bound));
		run->sockets[i] = (struct socket){
			.fd = (int)(NETWORK_FIRST_FD + i),
			.port = socket->bound.in.sin_port,
			.bound = socket->bound,
			.segments = socket->segments,
		};
	}
}

static void make_log(struct run *run)
{
	const struct log_settings settings = { LOG_LEVEL_WARN, "logfmt", "never", "none" };

	must(log_new(&settings, 0, &run->log) == 0, "log");
	must(log_add_ring(run->log, LOG_MAIN, 0, &run->ring) == 0, "log ring");
}

/* Receivers that help. */
static unsigned helpers_of(const struct run *run, unsigned service)
{
	unsigned helpers = 0;

	for (unsigned i = 0; i < run->scenario.sockets_count; i++)
		helpers += run->network.sockets[i].service == service &&
			   run->handlers[service].never_blocks;
	return helpers;
}

struct queue_settings run_settings(const struct run *run, unsigned service)
{
	struct queue_settings settings = run->scenario.services[service].settings;
	unsigned workers = run->scenario.workers;
	unsigned helpers = settings.receivers_assist ? helpers_of(run, service) : 0;

	if (settings.max_workers >= workers)
		settings.max_workers = workers + helpers;
	if (run->children[service] != NULL &&
		run->services[service].children < settings.max_workers)
		settings.max_workers = run->services[service].children;
	return settings;
}

static void make_queue(struct run *run, unsigned number)
{
	struct sim_service *drawn = &run->scenario.services[number];
	struct queue_settings settings;
	struct queue_limits limits = {
		.capacity = drawn->capacity,
		.workers_max = SCENARIO_WORKERS_MAX + helpers_of(run, number),
		.rules = drawn->rules,
		.demand = &run->shared.demand,
		.service = number,
		.assisted = run->handlers[number].never_blocks,
		.outside = drawn->outside,
	};
	struct queue **queue = &run->services[number].queue;

	if (drawn->outside)
		run_children_make(run, number);
	settings = run_settings(run, number);
	if (drawn->runner != BY_RECEIVERS)
		must(queue_new(&limits, &settings, queue) == 0, "queue");
	model_init(&run->models[number], number, *queue, &limits, &settings);
}

void run_note_wait(struct run *run, unsigned service, int64_t max_wait_ns)
{
	int64_t wait_ns = max_wait_ns > 0 ? max_wait_ns : NS_PER_S;

	if (wait_ns > run->longest_wait_ns[service])
		run->longest_wait_ns[service] = wait_ns;
}

static struct handler_values no_values;

static void set_limit(struct run *run, struct service *service, const struct sim_service *drawn)
{
	const struct limiter_numbers numbers = { drawn->requests_per_s, .burst_s = 1,
		.leak = drawn->leak };

	if (run->tables == NULL)
		must(tables_new(&run->tables) == 0, "tables");
	service->limiter.meters = &run->tables->meters;
	service->limiter.loss = &service->losses[DROP_LIMIT];
	limiter_set(&service->limiter, &numbers);
}

static void make_service(struct run *run, unsigned number)
{
	struct sim_service *drawn = &run->scenario.services[number];
	struct service *service = &run->services[number];

	run->handlers[number] = drawn->handler != NULL ? *drawn->handler : sim_handler_of(drawn);
	service->name = "sim";
	service->reply_bytes = SCENARIO_DATA_BYTES;
	service->busy_replies = drawn->busy;
	service->handler.calls = &run->handlers[number];
	service->handler.context = drawn;
	service->handler.values = &no_values;
	atomic_init(&service->min_source_port, SCENARIO_LOW_PORT);
	atomic_init(&service->max_wait_ns, drawn->max_wait_ns);
	if (drawn->requests_per_s > 0)
		set_limit(run, service, drawn);
	run_note_wait(run, number, drawn->max_wait_ns);
	make_queue(run, number);
	must(handler_open(&service->handler, NULL) == 0, "handler");
}

static void make_worker(
	struct run *run, const struct worker_identity *identity, struct worker **ret_worker)
{
	must(worker_new(&run->shared, identity, ret_worker) == 0, "worker");
}

static void make_receiver(struct run *run, unsigned number)
{
	struct receiver *receiver = &run->receivers[number];
	struct worker_identity identity = {
		.number = WORKER_OF_RECEIVER(number),
		.only = &run->services[run->network.sockets[number].service],
		.log = run->ring,
	};

	*receiver = (struct receiver){
		.service = &run->services[run->network.sockets[number].service],
		.sockets = run->sockets,
		.sockets_count = run->scenario.sockets_count,
		.number = number,
		.is_first = run->network.sockets[number].reuseport_sockets > 0,
		.ports = &run->ports,
		.slab = run->slab,
		.workers = &run->shared,
		.shutdowns = &run->shutdowns,
		.stop_fd = NETWORK_STOP_FD,
		.log = run->ring,
	};
	must(receiver_prepare(receiver, SCENARIO_DATA_BYTES, false) == 0, "receiver");
	identity.replies = receiver->replies;
	if (receiver_serves(receiver))
		make_worker(run, &identity, &receiver->worker);
	if (run->network.sockets[number].was_calm)
		arrivals_switch(&receiver->batch.arrivals, run->sockets[number].fd, false);
}

static void make_slab(struct run *run)
{
	unsigned slots =
		run->scenario.sockets_count * SOCKET_BATCH + SCENARIO_WORKERS_MAX * WORKER_SLOTS;
	unsigned buffers = (run->scenario.sockets_count + SCENARIO_WORKERS_MAX) * QUEUE_BATCH_MAX;

	for (unsigned i = 0; i < run->scenario.services_count; i++) {
		const struct sim_service *service = &run->scenario.services[i];

		if (service->runner != BY_RECEIVERS)
			slots += service->capacity;
	}
	for (unsigned i = 0; i < run->scenario.sockets_count; i++) {
		unsigned service = run->network.sockets[i].service;

		if (run->scenario.services[service].runner == BY_RECEIVERS_TOO)
			slots += WORKER_SLOTS;
	}
	network_init(&run->network, slots + buffers);
	must(slab_new(slots, SCENARIO_DATA_BYTES, &run->slab) == 0, "slab");
}

void run_assemble(struct run *run)
{
	make_slab(run);
	bind_sockets(run);
	make_log(run);
	run->shared.services = run->services;
	run->shared.services_count = run->scenario.services_count;
	run->shared.sockets = run->sockets;
	run->shared.slab = run->slab;
	for (unsigned i = 0; i < run->scenario.services_count; i++)
		make_service(run, i);
	for (unsigned i = 0; i < run->scenario.sockets_count; i++)
		make_receiver(run, i);
	for (unsigned i = 0; i < SCENARIO_WORKERS_MAX; i++)
		make_worker(run, &(struct worker_identity){ .number = i, .log = run->ring },
			&run->workers[i]);
}

/* That nothing is left in the queues and every slot is back, these assert themselves. */
void run_take_apart(struct run *run)
{
	for (unsigned i = 0; i < SCENARIO_WORKERS_MAX; i++)
		worker_free(run->workers[i]);
	for (unsigned i = 0; i < run->scenario.sockets_count; i++) {
		worker_free(run->receivers[i].worker);
		receiver_release(&run->receivers[i]);
	}
	run_children_free(run);
	for (unsigned i = 0; i < run->scenario.services_count; i++) {
		handler_close(&run->services[i].handler);
		queue_free(run->services[i].queue);
		model_free(&run->models[i]);
	}
	slab_free(run->slab);
	log_free(run->log);
	tables_free(run->tables);
	network_free(&run->network);
	world_free(&run->world);
}
