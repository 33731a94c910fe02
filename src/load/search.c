#include "load/search.h"

#include <string.h>

#define FIRST_RATE 1000.0 /* 9 doublings reach any echo in tests/bench/results/bench.md */
#define LOWEST_RATE 10.0  /* 20 requests in a step of 2 s */
#define CLOSE_ENOUGH 1.03 /* failed to passed rate: each further halving costs one or two runs */
#define ATTEMPTS 2	  /* a rate must fail twice, because the machine may stall once */

static bool may_go_on(const struct load_search *search)
{
	return search->steps_count < LOAD_STEPS_MAX && !load_run_is_stopped();
}

static void add_step(
	struct load_search *search, double rate, struct load_result *result, enum load_limit limit)
{
	search->steps[search->steps_count++] = (struct load_step){
		.rate = rate,
		.answered = load_run_rate(result, result->counters.answered),
		.loss_percent = load_limit_loss_percent(result),
		.p99_us = load_durations_quantile_us(&result->counters.latency, 0.99),
		.limit = limit,
	};
}

static int try_rate(const struct load_options *options, const struct load_payload *payload,
	struct load_search *search, struct load_result *best)
{
	struct load_result result;
	enum load_limit limit;
	int attempts = 0;

	do {
		int error = load_run(options, payload, &result);

		if (error < 0)
			return error;
		if (load_run_is_stopped())
			return 0;
		limit = load_limit_find(options, &result);
		add_step(search, options->rate, &result, limit);
	} while (limit != LOAD_LIMIT_NONE && ++attempts < ATTEMPTS && may_go_on(search));
	if (limit == LOAD_LIMIT_NONE) {
		search->max_rate = options->rate;
	} else {
		search->failed_rate = options->rate;
		search->limit = limit;
	}
	if (limit == LOAD_LIMIT_NONE || search->max_rate == 0)
		memcpy(best, &result, sizeof(*best));
	return 0;
}

/* Double or halve the rate until one passed and one failed, then halve the interval. 0: found. */
static double next_rate(const struct load_search *search)
{
	double passed = search->max_rate, failed = search->failed_rate;

	if (passed == 0 && failed == 0)
		return FIRST_RATE;
	if (failed == 0)
		return passed * 2 <= LOAD_RATE_MAX ? passed * 2 : 0;
	if (passed == 0)
		return failed / 2 >= LOWEST_RATE ? failed / 2 : 0;
	return failed / passed <= CLOSE_ENOUGH ? 0 : (passed + failed) / 2;
}

int load_search(const struct load_options *options, const struct load_payload *payload,
	struct load_search *ret_search, struct load_result *ret_result)
{
	struct load_options step = *options;
	int error = 0;

	step.mode = LOAD_OPEN;
	memset(ret_search, 0, sizeof(*ret_search));
	memset(ret_result, 0, sizeof(*ret_result));
	while (error == 0 && may_go_on(ret_search) && (step.rate = next_rate(ret_search)) > 0)
		error = try_rate(&step, payload, ret_search, ret_result);
	return error;
}
