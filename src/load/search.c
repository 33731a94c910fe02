#include "load/search.h"

#include <string.h>

#define FIRST_RATE 1000.0 /* 9 doublings reach any echo in tests/bench/results/bench.md */
#define LOWEST_RATE 10.0  /* 20 requests in a step of 2 s */
#define CLOSE_ENOUGH 1.03 /* failed to held rate: each further halving costs one to three runs */
#define FAILURES 3	  /* of a rate that does not hold */
#define TRIES 4		  /* of a rate, with those that tell nothing */
#define STEADY_TRIES 3	  /* of the rate that is to hold in each */
#define STEADY_STEPS 12	  /* to find that rate */

/* What a search works on. */
struct task {
	struct load_options options; /* those of a step */
	const struct load_payload *payload;
	struct load_search *search;
	struct load_result *best;
};

static bool may_go_on(const struct load_search *search)
{
	return search->steps_count < LOAD_STEPS_MAX && !load_run_is_stopped();
}

/* In how many tries a rate held. */
static unsigned count_holds(const struct load_search *search, double rate)
{
	unsigned count = 0;

	for (unsigned i = 0; i < search->steps_count; i++)
		count += search->steps[i].rate == rate && search->steps[i].limit == LOAD_LIMIT_NONE;
	return count;
}

/* A try by which the server did not hold this rate. */
static bool is_failure(const struct load_step *step)
{
	return step->limit != LOAD_LIMIT_NONE && step->limit != LOAD_LIMIT_CLIENT;
}

static unsigned count_failures(const struct load_search *search, double rate)
{
	unsigned count = 0;

	for (unsigned i = 0; i < search->steps_count; i++)
		count += search->steps[i].rate == rate && is_failure(&search->steps[i]);
	return count;
}

static bool held_in_each_try(const struct load_search *search, double rate)
{
	for (unsigned i = 0; i < search->steps_count; i++) {
		if (search->steps[i].rate == rate && search->steps[i].limit != LOAD_LIMIT_NONE)
			return false;
	}
	return true;
}

/* The rates that follow from all tries so far. */
static void conclude_steps(struct load_search *search)
{
	search->max_rate = search->failed_rate = search->steady_rate = 0;
	for (unsigned i = 0; i < search->steps_count; i++) {
		const struct load_step *step = &search->steps[i];

		if (step->limit != LOAD_LIMIT_NONE)
			continue;
		if (step->rate > search->max_rate)
			search->max_rate = step->rate;
		if (step->rate > search->steady_rate && held_in_each_try(search, step->rate))
			search->steady_rate = step->rate;
	}
	for (unsigned i = 0; i < search->steps_count; i++) {
		const struct load_step *step = &search->steps[i];

		if (step->rate <= search->max_rate ||
			(search->failed_rate > 0 && step->rate > search->failed_rate))
			continue;
		if (step->rate < search->failed_rate || is_failure(step) ||
			search->failed_rate == 0)
			search->limit = step->limit;
		search->failed_rate = step->rate;
	}
}

static void add_step(
	struct load_search *search, double rate, struct load_result *result, enum load_limit limit)
{
	struct load_counters *counters = &result->counters;

	search->steps[search->steps_count++] = (struct load_step){
		.rate = rate,
		.answered = load_run_rate(result, counters->answered),
		.loss_percent = load_limit_loss_percent(result),
		.p99_us = load_durations_quantile_us(&counters->since_sent, 0.99),
		.latency_known = load_window_knows_latency(counters),
		.limit = limit,
	};
	conclude_steps(search);
}

/* Once. */
static int try_rate(struct task *task, double rate)
{
	struct load_result result;
	enum load_limit limit;
	int error;

	task->options.rate = rate;
	error = load_run(&task->options, task->payload, &result);
	if (error < 0 || load_run_is_stopped())
		return error;
	limit = load_limit_find_server(&task->options, &result);
	add_step(task->search, rate, &result, limit);
	if (task->search->max_rate == 0 ||
		(limit == LOAD_LIMIT_NONE && rate == task->search->max_rate))
		memcpy(task->best, &result, sizeof(*task->best));
	return 0;
}

/* Until it holds, or has failed often enough. */
static int try_rate_again(struct task *task, double rate)
{
	const struct load_search *search = task->search;
	int error = 0;

	for (unsigned i = 0;
		error == 0 && i < TRIES && may_go_on(search) && count_holds(search, rate) == 0 &&
		count_failures(search, rate) < FAILURES;
		i++)
		error = try_rate(task, rate);
	return error;
}

/* Double or halve the rate until one held and one did not, then halve the interval. 0: found. */
static double next_rate(const struct load_search *search)
{
	double held = search->max_rate, failed = search->failed_rate;

	if (held == 0 && failed == 0)
		return FIRST_RATE;
	if (failed == 0)
		return held * 2 <= LOAD_RATE_MAX ? held * 2 : 0;
	if (held == 0)
		return failed / 2 >= LOWEST_RATE ? failed / 2 : 0;
	return failed / held <= CLOSE_ENOUGH ? 0 : (held + failed) / 2;
}

/* Find the edge, and try the rate behind it once more: if it holds now, the edge is elsewhere. */
static int find_edge(struct task *task)
{
	const struct load_search *search = task->search;
	double rate, before = -1;
	int error = 0;

	while (error == 0 && may_go_on(search) && search->max_rate > before) {
		while (error == 0 && may_go_on(search) && (rate = next_rate(search)) > 0)
			error = try_rate_again(task, rate);
		before = search->max_rate;
		if (error == 0 && may_go_on(search) && before > 0 && search->failed_rate > 0)
			error = try_rate(task, search->failed_rate);
	}
	return error;
}

/* The highest rate that holds in each of STEADY_TRIES. */
static int find_steady_rate(struct task *task)
{
	const struct load_search *search = task->search;
	int error = 0;

	for (unsigned i = 0;
		error == 0 && i < STEADY_STEPS && may_go_on(search) && search->steady_rate > 0 &&
		count_holds(search, search->steady_rate) < STEADY_TRIES;
		i++)
		error = try_rate(task, search->steady_rate);
	return error;
}

int load_search(const struct load_options *options, const struct load_payload *payload,
	struct load_search *ret_search, struct load_result *ret_result)
{
	struct task task = { *options, payload, ret_search, ret_result };
	int error;

	task.options.mode = LOAD_OPEN;
	memset(ret_search, 0, sizeof(*ret_search));
	memset(ret_result, 0, sizeof(*ret_result));
	error = find_edge(&task);
	return error < 0 ? error : find_steady_rate(&task);
}
