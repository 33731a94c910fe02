/* The simulated handler. What it does to a letter is drawn from the seed and the letter, so it does
 * not depend on who runs it, and when. */
#include <errno.h>
#include <string.h>

#include "base/clock.h"
#include "engine/handler.h"
#include "run.h"

#define SLOW_MAX_NS (200 * NS_PER_MS)

static uint32_t letter_of(const struct dgram_request *request)
{
	const struct handler_request *lent = (const struct handler_request *)(const void *)request;

	return network_letter_in(&the_run->network, lent->datagram);
}

static int64_t draw_time(struct random *random, const struct sim_service *service)
{
	int64_t vary_ns = service->service_ns * service->vary / 100;
	int64_t ns = random_between(
		random, service->service_ns - vary_ns, service->service_ns + vary_ns);

	if (!random_one_in(random, service->slow_one_in))
		return ns;
	ns *= service->slow_factor;
	return ns < SLOW_MAX_NS ? ns : SLOW_MAX_NS;
}

/* All that handle() may return, and what it may not. */
static ssize_t draw_outcome(struct random *random, const struct sim_service *service,
	const struct letter *letter, size_t reply_size)
{
	if (random_one_in(random, service->fail_one_in))
		return -(ssize_t)(1 + random_below(random, 130));
	if (random_one_in(random, service->silent_one_in))
		return DGRAM_NO_REPLY;
	if (random_one_in(random, service->wrong_one_in))
		return random_below(random, 2) == 0 ? (ssize_t)reply_size + 1 : -100000;
	return letter->length;
}

static ssize_t handle(
	void *state, const struct dgram_request *request, void *reply, size_t reply_size)
{
	const struct sim_service *service = state;
	uint32_t number = letter_of(request);
	struct letter *letter = &the_run->network.letters[number];
	struct random random = { the_run->seed ^ (uint64_t)number << 32 };
	int64_t service_ns = draw_time(&random, service);
	ssize_t outcome = draw_outcome(&random, service, letter, reply_size);

	must(request->length == letter->length &&
			network_is_content(letter, request->data, request->length),
		"letter %u: its bytes changed on the way", number);
	if (the_run->checked)
		model_begins(number);
	letter->runs++;
	letter->outcome = outcome;
	letter->service_ns = service_ns;
	world_trace(&the_run->world, "handle", number, service_ns, outcome);
	letter->began = ++the_run->network.begun;
	the_run->world.running->in_handler = true;
	task_sleep(&the_run->world, the_run->world.now_ns + service_ns);
	the_run->world.running->in_handler = false;
	the_run->world.running->unread = true;
	if (outcome > 0 && (size_t)outcome <= reply_size)
		memcpy(reply, request->data, (size_t)outcome);
	network_put(&the_run->network, reply, number);
	return outcome;
}

/* Those that a full queue drops are answered at once, or not. */
static ssize_t busy(
	void *state, const struct dgram_request *request, void *reply, size_t reply_size)
{
	uint32_t number = letter_of(request);
	struct letter *letter = &the_run->network.letters[number];

	(void)state;
	must(letter->state == LETTER_EVICTED, "letter %u: busy() in state %d", number,
		letter->state);
	letter->began = ++the_run->network.begun;
	network_put(&the_run->network, reply, number);
	if (number % 3 == 0)
		return DGRAM_NO_REPLY;
	if (letter->length <= reply_size)
		memcpy(reply, request->data, letter->length);
	return letter->length;
}

/* No real reason: every thirteenth. */
static bool verify(void *state, const struct dgram_request *request)
{
	(void)state;
	return the_run->scenario.bad_one_in == 0 || letter_of(request) % 13 != 0;
}

struct dgram_handler sim_handler_of(const struct sim_service *service)
{
	return (struct dgram_handler){
		.abi = DGRAM_ABI,
		.name = "sim",
		.handle = handle,
		.verify = verify,
		.busy = service->busy ? busy : NULL,
		.never_blocks = service->never_blocks,
		.reads_arrived = service->reads_arrived,
	};
}
