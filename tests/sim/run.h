/* A run: the product's stations in the simulated world, from a seed to its end. There is one at a
 * time, which base/sys.h, having no context, has to find. */
#ifndef SIM_RUN_H
#define SIM_RUN_H

#include <stdatomic.h>

#include "model.h"
#include "network.h"
#include "processes.h"
#include "engine/receiver.h"
#include "engine/worker.h"
#include "guard/tables.h"
#include "scenario.h"
#include "world.h"

struct run {
	uint64_t seed;
	struct world world;
	struct network network;
	struct scenario scenario;
	struct model models[SCENARIO_SERVICES_MAX];
	bool checked;	    /* the models look on */
	int64_t checked_ns; /* when they did so last */

	/* The product's, assembled as server/server.c does it. */
	struct log *log;
	struct log_ring *ring;
	struct slab *slab;
	struct service services[SCENARIO_SERVICES_MAX];
	struct dgram_handler handlers[SCENARIO_SERVICES_MAX];
	int64_t longest_wait_ns
		[SCENARIO_SERVICES_MAX]; /* of those that were set; no limit is a second */
	struct socket sockets[NETWORK_SOCKETS_MAX];
	struct guard_ports ports;
	struct tables *tables; /* NULL: no service has limits, or is guarded against loops */
	struct receiver receivers[NETWORK_SOCKETS_MAX];
	struct task *receiver_tasks[NETWORK_SOCKETS_MAX];
	struct worker_shared shared;
	_Atomic unsigned shutdowns;
	int64_t abort_ns; /* since when nothing is begun any more */
	struct worker *workers[SCENARIO_WORKERS_MAX];
	struct task *worker_tasks[SCENARIO_WORKERS_MAX];
	bool refusing; /* what is still received is dropped */

	/* Of services whose handler is outside. */
	struct events events;
	struct children *children[SCENARIO_SERVICES_MAX];
	struct process *processes; /* NULL: there is no such service */
	bool given;		   /* the owner is to look at children */
};

extern struct run *the_run;

/* Make and run the scenario in `run`, to its end, checking all that is promised; what is left is to
 * be taken apart. */
void run_scenario(struct run *run);

/* run_check.c: what must be true after each step, and at the end. */
void run_check_step(struct run *run);
void run_check_end(struct run *run);

/* run_parts.c: assemble the product's stations, and take them apart. */
void run_assemble(struct run *run);
void run_take_apart(struct run *run);
void run_note_wait(struct run *run, unsigned service, int64_t max_wait_ns);
struct queue_settings run_settings(const struct run *run, unsigned service);

/* run_children.c: make them, have as many as the settings say, kill them, wait for their end. */
void run_children_make(struct run *run, unsigned service);
void run_children_limit(struct run *run, unsigned service);
void run_children_abort(struct run *run);
void run_children_stop(struct run *run);
void run_children_free(struct run *run);

/* What was promised did not happen: say so, with the command that shows it again, and end. */
_Noreturn void run_fail(const char *format, ...) __attribute__((format(printf, 1, 2)));

#define must(condition, ...) ((condition) ? (void)0 : run_fail(__VA_ARGS__))

#endif
