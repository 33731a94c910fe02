#include "requests.h"

#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "handlers/builtin.h"
#include "run.h"

#define BATCH 32u
#define BATCH_NS (20 * NS_PER_US) /* from one batch to the next */
#define LENGTH 32u
#define WARM_BATCHES 1000u
#define FIRST_PORT 20000u

static void set_up(struct run *run, enum runner runner, const struct dgram_handler *handler)
{
	run->scenario = (struct scenario){
		.services_count = 1,
		.services = { {
			.runner = runner,
			.handler = handler,
			.capacity = 4096,
			.max_wait_ns = 1000 * NS_PER_MS,
			.settings = { 100 * NS_PER_MS, 1000 * NS_PER_MS, SCENARIO_WORKERS_MAX,
				true },
		} },
		.sockets_count = 1,
		.workers = SCENARIO_WORKERS_MAX,
	};
	run->network.sockets_count = 1;
	run->network.sockets[0].room = 2 * BATCH;
	run->network.sockets[0].reuseport_sockets = 1;
	run->network.sockets[0].segments = true;
	run->network.blind = true;
	run->world.reading_ns = 100;
}

/* What stands in front of the queue: nothing; the guard against loops, which is on by default; all. */
enum guards { GUARDS_NONE, GUARDS_LOOPS, GUARDS_ALL, GUARDS_COUNT };

/* The kind that a mode begins with; the mode goes on behind it. */
static enum guards take_guards(const char **mode)
{
	static const char *const prefixes[GUARDS_COUNT] = { "", "guarded-", "closed-" };

	for (unsigned i = GUARDS_COUNT - 1; i > 0; i--)
		if (strncmp(*mode, prefixes[i], strlen(prefixes[i])) == 0) {
			*mode += strlen(prefixes[i]);
			return (enum guards)i;
		}
	return GUARDS_NONE;
}

/* The clients' prefix and nine others. */
static struct access *make_access(void)
{
	struct prefix_rule rules[10] = { 0 };
	struct access *access;

	for (unsigned i = 0; i < 10; i++) {
		char text[PREFIX_TEXT_MAX];
		struct prefix_error error;

		(void)snprintf(text, sizeof(text), "10.%u.0.0/16", 2 * i);
		must(prefix_parse(text, &rules[i].prefix, &error) == 0, "prefix");
		rules[i].allow = true;
	}
	prefix_sort(rules, 10);
	must(access_new(rules, 10, false, &access) == 0, "access");
	return access;
}

static void set_guards(struct run *run, enum guards guards)
{
	struct service *service = &run->services[0];

	if (guards == GUARDS_NONE)
		return;
	if (run->tables == NULL)
		must(tables_new(&run->tables) == 0, "tables");
	service->door.cap = &run->tables->cap;
	door_set(&service->door, guards == GUARDS_ALL ? 3 : 0, &run->tables->loops);
	if (guards == GUARDS_ALL)
		atomic_store(&service->access[ACCESS_ADMITS], make_access());
}

/* A letter from each address, which is sent again and again. */
static void write_letters(struct run *run, unsigned addresses)
{
	for (unsigned i = 0; i < addresses; i++) {
		uint32_t number = network_letter(&run->network);
		struct letter *letter = &run->network.letters[number];

		memset(&letter->from, 0, sizeof(letter->from));
		letter->from.in.sin_family = AF_INET;
		letter->from.in.sin_addr.s_addr = htonl(0x0a000001u + i);
		letter->from.in.sin_port = htons(FIRST_PORT);
		letter->length = LENGTH;
		letter->stamped = true;
	}
}

static void arrive(struct run *run, unsigned batch, unsigned size)
{
	run->world.now_ns += BATCH_NS;
	for (unsigned i = 0; i < size; i++) {
		unsigned number = (batch * size + i) % run->network.count;

		run->network.letters[number].content++; /* not a repeat */
		network_arrive(&run->network, number);
	}
}

/* As receiver_run() and worker_run() have it: each looks again before it would wait. */
static void serve(struct run *run)
{
	struct receiver *receiver = &run->receivers[0];
	bool helps = receiver->worker != NULL && receiver->service->queue != NULL;

	while (receiver_step(receiver) > 0 ||
		(helps && worker_assist(receiver->worker) == WORKER_WORKED))
		;
	if (receiver->worker == NULL)
		while (worker_step(run->workers[0]) == WORKER_WORKED)
			;
}

void requests_serve(struct run *run, unsigned batches, unsigned size)
{
	for (unsigned i = 0; i < batches; i++) {
		arrive(run, i, size);
		serve(run);
	}
}

/* Not counted: the same under another name. */
static void warm_up(struct run *run)
{
	for (unsigned i = 0; i < WARM_BATCHES; i++) {
		arrive(run, i, BATCH);
		serve(run);
	}
}

struct run *requests_begin(
	const char *mode, unsigned addresses, const struct dgram_handler *handler)
{
	static const char *const modes[] = { "workers", "assisted", "inline" };
	static struct run run;
	enum guards guards = take_guards(&mode);
	unsigned runner = 0;

	while (runner <= BY_RECEIVERS && strcmp(mode, modes[runner]) != 0)
		runner++;
	if (runner > BY_RECEIVERS)
		return NULL;

	world_init(&run.world, 1);
	the_run = &run;
	set_up(&run, (enum runner)runner, handler);
	if (guards == GUARDS_ALL)
		run.scenario.services[0].requests_per_s = 1000000;
	run_assemble(&run);
	arrivals_switch(
		&run.receivers[0].batch.arrivals, run.sockets[0].fd, false); /* it was calm */
	write_letters(&run, addresses);
	set_guards(&run, guards);
	return &run;
}

void requests_end(struct run *run)
{
	access_free(atomic_exchange(&run->services[0].access[ACCESS_ADMITS], NULL));
	run_take_apart(run);
}

static const struct dgram_handler *find_echo(const char *path)
{
	void *object = path != NULL ? dlopen(path, RTLD_NOW | RTLD_LOCAL) : NULL;
	const struct dgram_plugin *plugin = object != NULL ? dlsym(object, "dgram_plugin") : NULL;

	if (path == NULL)
		return &handler_echo;
	return plugin != NULL ? plugin->handler : NULL;
}

bool requests_run(const char *count, const char *mode, const char *addresses, const char *plugin)
{
	const struct dgram_handler *handler = find_echo(plugin);
	unsigned long batches = strtoul(count, NULL, 10) / BATCH;
	unsigned long clients = strtoul(addresses, NULL, 10);
	struct run *run;

	if (handler == NULL || clients == 0 || clients > 1000 || batches == 0 || batches > 100000)
		return false;
	run = requests_begin(mode, (unsigned)clients, handler);
	if (run == NULL)
		return false;
	warm_up(run);
	requests_serve(run, (unsigned)batches, BATCH);
	must(run->network.sent == (batches + WARM_BATCHES) * BATCH, "not all were answered");
	printf("%lu requests served\n", batches * BATCH);
	requests_end(run);
	return true;
}
