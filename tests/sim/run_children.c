/* Children of simulated services, as server/outside.c has them. */
#include <limits.h>
#include <stdlib.h>

#include "run.h"

#define START_TIMEOUT_MS 5

/* As many workers hold the service as there are children to serve it. */
static void have_changed(void *context, unsigned serving)
{
	struct service *service = context;
	unsigned number = (unsigned)(service - the_run->services);
	struct queue_settings settings;

	service->children = serving;
	settings = run_settings(the_run, number);
	queue_configure(service->queue, &settings);
	worker_wake(&the_run->shared, the_run->world.now_ns);
}

void run_children_make(struct run *run, unsigned number)
{
	const struct children_program program = {
		.command.binary = true,
		.service = "sim",
		.request_bytes = SCENARIO_DATA_BYTES,
		.reply_bytes = SCENARIO_DATA_BYTES,
	};
	const struct children_host host = {
		.events = &run->events,
		.log = run->ring,
		.changed = have_changed,
		.context = &run->services[number],
	};
	struct children *children;

	if (run->processes == NULL) {
		run->processes = calloc(PROCESSES_MAX, sizeof(*run->processes));
		must(run->processes != NULL && events_open(&run->events) == 0, "events");
	}
	must(children_new(&program, &host, &children) == 0, "children");
	children->window = run->scenario.services[number].children.window;
	run->children[number] = children;
	run->services[number].outside = &children->outside;
}

void run_children_limit(struct run *run, unsigned number)
{
	const struct sim_service *drawn = &run->scenario.services[number];
	unsigned most = drawn->settings.max_workers, workers = run->scenario.workers;
	const struct children_limits limits = {
		.wanted = most > 0 && most < workers ? most : workers,
		.start_timeout_ms = START_TIMEOUT_MS,
		.timeout_ms = drawn->children.timeout_ms,
		.max_requests = drawn->children.max_requests,
		.rerun = drawn->children.rerun,
	};

	if (run->children[number] == NULL)
		return;
	if (drawn->children.unpaced)
		run->children[number]->unpaced = UINT_MAX / 2;
	children_limit(run->children[number], &limits);
}

void run_children_abort(struct run *run)
{
	for (unsigned i = 0; i < run->scenario.services_count; i++)
		if (run->children[i] != NULL)
			children_abort(run->children[i]);
}

void run_children_stop(struct run *run)
{
	for (unsigned i = 0; i < run->scenario.services_count; i++)
		if (run->children[i] != NULL)
			children_stop(run->children[i]);
	for (unsigned i = 0; run->processes != NULL && i < PROCESSES_MAX; i++)
		must(run->processes[i].child == NULL && !run->processes[i].alive,
			"a child is left");
}

void run_children_free(struct run *run)
{
	if (run->processes == NULL)
		return;
	for (unsigned i = 0; i < run->scenario.services_count; i++)
		children_free(run->children[i]);
	events_close(&run->events);
	free(run->processes);
}
