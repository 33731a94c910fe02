/* What must be true after each step of a run, and at its end. */
#include <inttypes.h>
#include <string.h>

#include "base/clock.h"
#include "run.h"
#include "watch.h"

/* Nothing waits for longer while a worker that may take it sleeps. */
#define WAIT_MAX_NS (2 * NS_PER_MS)

/* A thread that serves, or receives, is away: it may be so for long. */
static bool is_away(const struct task *task)
{
	return task->in_handler || task->sending || task->receiving;
}

/* Somebody is on the way to look at the queues, or may be, and is only held up by the simulator. */
static bool is_anybody_up(const struct run *run)
{
	for (unsigned i = 0; i < run->world.tasks_count; i++)
		if (run->world.tasks[i].state == TASK_READY && !is_away(&run->world.tasks[i]))
			return true;
	return false;
}

static bool does_a_worker_sleep(const struct run *run)
{
	for (unsigned i = 0; i < atomic_load(&run->shared.demand.wanted); i++)
		if (run->worker_tasks[i] != NULL && run->worker_tasks[i]->state == TASK_WAITING &&
			run->worker_tasks[i]->word != NULL && !run->worker_tasks[i]->in_handler)
			return true;
	return false;
}

/* One of the service's receivers will look at the queue when it comes back. */
static bool will_be_assisted(const struct run *run, unsigned service)
{
	for (unsigned i = 0; i < run->scenario.sockets_count; i++)
		if (run->network.sockets[i].service == service && is_away(run->receiver_tasks[i]))
			return true;
	return false;
}

/* A worker sleeps that may take what waits. */
static bool could_be_taken(const struct run *run, const struct model *model)
{
	return model->ready > 0 && model->active_workers < model->settings.max_workers &&
	       does_a_worker_sleep(run) && watch_may_have_last(model);
}

/* Time does not count in which a thread that was woken does not run yet, or is held up; nor, unless the
 * queue is full, in which a receiver that helps is away. */
static bool does_wait(const struct run *run, const struct model *model)
{
	bool assisted = model->limits.assisted && model->count < model->limits.capacity;

	return could_be_taken(run, model) && !is_anybody_up(run) &&
	       !(assisted && will_be_assisted(run, model->service));
}

/* `passed_ns` since the step before this one. */
static void must_be_seen_to(const struct run *run, struct model *model, int64_t passed_ns)
{
	if (model->waits)
		model->waited_ns += passed_ns;
	must(model->waited_ns <= WAIT_MAX_NS,
		"a worker sleeps while service %u has had work for %" PRId64 " ns", model->service,
		model->waited_ns);
	if (!could_be_taken(run, model))
		model->waited_ns = 0;
	model->waits = does_wait(run, model);
}

/* Count by count: a ledger is nothing but counts. */
static void must_be_equal(const struct ledger *books, const struct ledger *expected)
{
	uint64_t counts[sizeof(*books) / 8], wanted[sizeof(*books) / 8];

	memcpy(counts, books, sizeof(counts));
	memcpy(wanted, expected, sizeof(wanted));
	for (size_t i = 0; i < sizeof(counts) / 8; i++)
		must(counts[i] == wanted[i],
			"the books are not what happened: count %zu is %" PRIu64 ", not %" PRIu64,
			i, counts[i], wanted[i]);
}

static void check_service(struct run *run, struct model *model, int64_t passed_ns)
{
	struct queue_report report;

	queue_snapshot(model->queue, &report);
	must(ledger_balances(&report.ledger), "the books of service %u do not balance",
		model->service);
	must_be_equal(&report.ledger, &model->books);
	must(report.queued_max == model->queued_max, "queued_max is wrong");
	must_be_seen_to(run, model, passed_ns);
	must(!watch_is_worker_needed(model) ||
			(model->count > 0 && model->active_workers < model->settings.max_workers),
		"service %u needs a worker, who could not take anything", model->service);
}

void run_check_step(struct run *run)
{
	int64_t passed_ns = run->world.now_ns - run->checked_ns;

	run->checked_ns = run->world.now_ns;
	for (unsigned i = 0; i < run->scenario.services_count; i++)
		if (run->models[i].queue != NULL)
			check_service(run, &run->models[i], passed_ns);
	for (unsigned i = 0; i < run->scenario.sockets_count; i++)
		watch_check_inline(i);
}

void run_check_end(struct run *run)
{
	uint64_t received[SCENARIO_SERVICES_MAX] = { 0 };
	uint64_t answered[SCENARIO_SERVICES_MAX] = { 0 };

	for (unsigned i = 0; i < run->scenario.sockets_count; i++) {
		const struct sim_socket *socket = &run->network.sockets[i];

		watch_end_inline(i);
		received[socket->service] += socket->sent - socket->lost - socket->count;
	}
	for (uint32_t i = 0; i < run->network.count; i++) {
		const struct letter *letter = &run->network.letters[i];

		must(letter->state == LETTER_DONE || letter->state == LETTER_LOST ||
				letter->state == LETTER_EVICTED ||
				letter->state == LETTER_IN_SOCKET,
			"letter %u ended in state %d", i, letter->state);
		answered[run->network.sockets[letter->socket].service] += letter->replies;
	}
	must(WORKERS_BUSY(run->shared.busy) == 0, "a worker is busy");
	for (unsigned i = 0; i < run->scenario.services_count; i++) {
		const struct ledger *books = &run->models[i].books;

		must(books->received == received[i], "received is not what was sent");
		must(books->queued == 0 && books->running == 0, "not all has ended");
		must(atomic_load(&run->services[i].holders) == 0, "a worker holds service %u", i);
		must(books->replied + atomic_load(&run->services[i].busy_replied) == answered[i],
			"replied is not what was answered");
	}
}
