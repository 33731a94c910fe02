/* What the model does when a handler begins, and when the product finishes a batch. */
#include <errno.h>
#include <inttypes.h>
#include <string.h>

#include "run.h"
#include "watch.h"

void model_begins(uint32_t number)
{
	struct letter *letter = &the_run->network.letters[number];
	struct model *model = &the_run->models[the_run->network.sockets[letter->socket].service];
	struct model_flow *flow;
	const struct world *world = &the_run->world;

	must(letter->state == LETTER_TAKEN && letter->runs == 0,
		"letter %u: run for the %u. time, in state %d", number, letter->runs + 1,
		letter->state);
	must(world->now_ns - world->running->held_ns < letter->expires_ns,
		"letter %u: run %" PRId64 " ns after its deadline", number,
		world->now_ns - letter->expires_ns);
	must(the_run->abort_ns == 0 || world->now_ns - world->running->held_ns <= the_run->abort_ns,
		"letter %u: run although the server aborts", number);
	if (model->queue == NULL) {
		model_begins_inline(letter);
		return;
	}
	flow = &model->flows[letter->flow];
	must(!model->limits.rules.per_client || flow->ran < letter->sequence,
		"letter %u: run after a later one of its client", number);
	flow->ran = letter->sequence;
}

static enum ledger_failure failure_of(const struct letter *letter)
{
	int error = letter->send_error;

	if ((error == ENETUNREACH || error == EINVAL) && network_is_gone(letter->socket))
		return FAIL_SEND_NO_SOURCE;
	switch (error) {
	case EAGAIN:
	case ENOBUFS:
	case ENOMEM:
		return FAIL_SEND_NO_BUFFER;
	case EPERM:
	case EACCES:
		return FAIL_SEND_FORBIDDEN;
	case EADDRNOTAVAIL:
		return FAIL_SEND_NO_SOURCE;
	case EMSGSIZE:
		return FAIL_SEND_TOO_LONG;
	case EINVAL:
		return FAIL_SEND_INVALID;
	default:
		return FAIL_SEND_UNREACHABLE;
	}
}

/* Where it has to stand in the books. */
static void expect_result(const struct letter *letter, struct ledger *expected, bool aborting)
{
	if (letter->refused)
		expected->dropped[DROP_QUARANTINED]++;
	else if (letter->runs == 0 && letter->expires_ns <= the_run->world.now_ns && !aborting)
		expected->dropped[DROP_EXPIRED]++;
	else if (letter->runs == 0)
		expected->dropped[DROP_SHUTDOWN]++;
	else if (letter->outcome == DGRAM_NO_REPLY)
		expected->no_reply++;
	else if (letter->outcome > (ssize_t)SCENARIO_DATA_BYTES)
		expected->failed[FAIL_REPLY_SIZE]++;
	else if (letter->outcome == -ECHILD)
		expected->failed[FAIL_CHILD]++;
	else if (letter->outcome < 0)
		expected->failed[FAIL_HANDLER]++;
	else if (letter->replies > 0)
		expected->replied++;
	else if (letter->send_error != 0)
		expected->failed[failure_of(letter)]++;
	else
		run_fail("letter %td: its answer was never tried alone",
			letter - the_run->network.letters);
}

/* When the server aborts, some of a batch may have expired before. */
static bool are_results_right(const struct ledger *results, struct ledger expected, bool aborting)
{
	if (aborting && results->dropped[DROP_EXPIRED] <= expected.dropped[DROP_SHUTDOWN]) {
		expected.dropped[DROP_SHUTDOWN] -= results->dropped[DROP_EXPIRED];
		expected.dropped[DROP_EXPIRED] += results->dropped[DROP_EXPIRED];
	}
	return memcmp(results, &expected, sizeof(expected)) == 0;
}

void watch_must_be_results(const struct datagram_list *jobs, const struct ledger *results)
{
	bool aborting = atomic_load(&the_run->shared.aborting);
	struct ledger expected = { 0 };

	for (const struct datagram *job = jobs->first; job != NULL; job = job->next) {
		const struct letter *letter = watch_letter_of(job);

		must(letter->state == LETTER_TAKEN, "letter %u: finished in state %d",
			watch_number_of(job), letter->state);
		must(letter->runs == 0 || job->service_ns >= letter->service_ns,
			"letter %u: took %" PRId64, watch_number_of(job), job->service_ns);
		expect_result(letter, &expected, aborting);
	}
	must(are_results_right(results, expected, aborting),
		"a batch's results are not what happened");
}

/* How long handlers take. */
static void measure(struct model *model, int64_t service_ns)
{
	if (service_ns == 0)
		return;
	model->latest_service_ns = service_ns;
	if (service_ns > model->slowest_ns)
		model->slowest_ns = service_ns;
}

void __wrap_queue_finish(struct queue *queue, const struct datagram_list *jobs,
	const struct ledger *results, int64_t spent_ns)
{
	struct model *model = watch_model_of(queue);

	if (!the_run->checked) {
		__real_queue_finish(queue, jobs, results, spent_ns);
		return;
	}
	watch_begin();
	watch_must_be_results(jobs, results);
	for (const struct datagram *job = jobs->first; job != NULL; job = job->next) {
		struct letter *letter = watch_letter_of(job);

		must(letter->runs > 0 || job->service_ns == 0, "letter %u: took %" PRId64,
			watch_number_of(job), job->service_ns);
		measure(model, job->service_ns);
		if (model->limits.rules.discipline == BACKLOG_FAIR)
			model_charge(model, &model->flows[letter->flow],
				job->service_ns - letter->charged_ns);
		if (letter->charged_ns > 0)
			model_network_charge(model, &model->flows[letter->flow],
				job->service_ns - letter->charged_ns);
		model_finish(model, watch_number_of(job));
	}
	ledger_add(&model->books, results);
	model->active_workers--;
	watch_note_work(model);
	world_trace(&the_run->world, "finish", model->service, jobs->count, model->count);
	__real_queue_finish(queue, jobs, results, spent_ns);
	watch_end();
}
