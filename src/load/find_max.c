#include "load/find_max.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define FIRST_RATE 1000.0
#define LOWEST_RATE 10.0
#define CLOSE_ENOUGH 1.03 /* between a rate that passes and one that does not */
#define ATTEMPTS 2	  /* a rate fails when it fails as often */

struct hunt {
	const struct load_options *options;
	const struct load_payload *payload;
	struct load_search *search;
	struct load_result *best;   /* of the highest rate that passed, or of the lowest tried */
	struct load_result *result; /* of the last */
	double passed, failed;	    /* 0: none did */
};

static void note_step(struct hunt *hunt, double rate, enum load_limit limit)
{
	struct load_result *result = hunt->result;
	struct load_search *search = hunt->search;

	search->steps[search->steps_count++] = (struct load_step){
		.rate = rate,
		.answered = (double)result->counters.answered / result->seconds,
		.loss_percent = load_verdict_loss_percent(result),
		.p99_us = (double)load_durations_quantile_ns(&result->counters.latency, 0.99) / 1e3,
		.limit = limit,
	};
}

static void keep(struct hunt *hunt)
{
	memcpy(hunt->best, hunt->result, sizeof(*hunt->best));
}

static bool may_go_on(const struct hunt *hunt)
{
	return hunt->search->steps_count < LOAD_STEPS_MAX && !load_run_is_stopped();
}

/* A machine's hiccup is no limit: what fails is tried again. */
static int try_rate(struct hunt *hunt, double rate)
{
	struct load_options options = *hunt->options;
	enum load_limit limit = LOAD_LIMIT_CLIENT;

	options.mode = LOAD_OPEN;
	options.rate = rate;
	for (int i = 0; i < ATTEMPTS && limit != LOAD_LIMIT_NONE && may_go_on(hunt); i++) {
		int error = load_run(&options, hunt->payload, hunt->result);

		if (error < 0)
			return error;
		if (load_run_is_stopped())
			return 0;
		limit = load_verdict(&options, hunt->result);
		note_step(hunt, rate, limit);
	}
	if (limit == LOAD_LIMIT_NONE) {
		hunt->passed = rate;
		keep(hunt);
		return 0;
	}
	hunt->failed = rate;
	hunt->search->limit = limit;
	if (hunt->passed == 0)
		keep(hunt);
	return 0;
}

/* Up or down by doubling until it lies between two rates, then by halves. 0: found. */
static double next_rate(const struct hunt *hunt)
{
	if (hunt->passed == 0 && hunt->failed == 0)
		return FIRST_RATE;
	if (hunt->failed == 0)
		return hunt->passed * 2 <= LOAD_RATE_MAX ? hunt->passed * 2 : 0;
	if (hunt->passed == 0)
		return hunt->failed / 2 >= LOWEST_RATE ? hunt->failed / 2 : 0;
	if (hunt->failed / hunt->passed <= CLOSE_ENOUGH)
		return 0;
	return (hunt->passed + hunt->failed) / 2;
}

int load_find_max(const struct load_options *options, const struct load_payload *payload,
	struct load_search *ret_search, struct load_result *ret_result)
{
	struct hunt hunt = { options, payload, ret_search, ret_result, NULL, 0, 0 };
	double rate;
	int error = 0;

	memset(ret_search, 0, sizeof(*ret_search));
	memset(ret_result, 0, sizeof(*ret_result));
	hunt.result = malloc(sizeof(*hunt.result));
	if (hunt.result == NULL) {
		(void)fprintf(stderr, "dgramload: result: %s\n", strerrordesc_np(ENOMEM));
		return -ENOMEM;
	}
	while (error == 0 && may_go_on(&hunt) && (rate = next_rate(&hunt)) > 0)
		error = try_rate(&hunt, rate);
	free(hunt.result);
	ret_search->max_rate = hunt.passed;
	return error;
}
