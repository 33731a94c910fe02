/* Stands in for the real handler when a pool is sized: it echoes after it has blocked and burned
 * CPU time, and fails or stays silent, as its options say. */
#include "handlers/builtin.h"

#include <errno.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#define NS_PER_S 1000000000LL

enum { BLOCK_US, BURN_US, JITTER, FAIL_RATE, SILENT_RATE, PARAMETERS };

static const struct dgram_parameter parameters[PARAMETERS] = {
	[BLOCK_US] = { "block_us", DGRAM_NUMBER, .maximum = 60e6,
		.sentence = "Time that a request blocks, in microseconds.", .live = true },
	[BURN_US] = { "burn_us", DGRAM_NUMBER, .maximum = 60e6,
		.sentence = "CPU time that it burns then, in microseconds.", .live = true },
	[JITTER] = { "jitter", DGRAM_NUMBER, .maximum = 1,
		.sentence = "Both times vary by up to this share, up or down.", .live = true },
	[FAIL_RATE] = { "fail_rate", DGRAM_NUMBER, .maximum = 1,
		.sentence = "The share of the requests that fail.", .live = true },
	[SILENT_RATE] = { "silent_rate", DGRAM_NUMBER, .maximum = 1,
		.sentence = "The share of the others that get no reply.", .live = true },
};

/* The state of a service. */
struct play {
	_Atomic(const struct dgram_setting *)
		values; /* a request keeps to those that it began with */
};

/* The state of one worker, which draws its own random numbers. */
struct player {
	struct play *play;
	uint64_t random;
};

static int open_play(void *context, const struct dgram_start *start, void **ret_state)
{
	struct play *play = malloc(sizeof(*play));

	(void)context;
	if (play == NULL)
		return -ENOMEM;
	atomic_init(&play->values, start->values);
	*ret_state = play;
	return 0;
}

static int take_values(void *state, const struct dgram_start *start)
{
	struct play *play = state;

	atomic_store(&play->values, start->values);
	return 0;
}

static int start_worker(void *state, const struct dgram_start *start, void **ret_worker_state)
{
	struct player *player = malloc(sizeof(*player));

	if (player == NULL)
		return -ENOMEM;
	player->play = state;
	player->random = start->worker + 1;
	*ret_worker_state = player;
	return 0;
}

/* From 0 up to 1: xorshift64* (Vigna, 2016). */
static double draw_random(struct player *player)
{
	player->random ^= player->random >> 12;
	player->random ^= player->random << 25;
	player->random ^= player->random >> 27;
	return (double)(player->random * 0x2545f4914f6cdd1du >> 11) / 9007199254740992.0;
}

static struct timespec vary(struct player *player, double us, double jitter)
{
	long long ns = (long long)(us * 1000 * (1 + jitter * (2 * draw_random(player) - 1)));

	return (struct timespec){ .tv_sec = ns / NS_PER_S, .tv_nsec = ns % NS_PER_S };
}

static void block(struct timespec left)
{
	while (nanosleep(&left, &left) < 0 && errno == EINTR)
		;
}

static void burn(struct timespec length)
{
	struct timespec begin, now;
	long long ns = length.tv_sec * NS_PER_S + length.tv_nsec;

	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &begin);
	do {
		clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
	} while ((now.tv_sec - begin.tv_sec) * NS_PER_S + now.tv_nsec - begin.tv_nsec < ns);
}

static ssize_t handle(
	void *state, const struct dgram_request *request, void *reply, size_t reply_size)
{
	struct player *player = state;
	const struct dgram_setting *values = atomic_load(&player->play->values);
	double jitter = values[JITTER].number;

	if (values[BLOCK_US].number > 0)
		block(vary(player, values[BLOCK_US].number, jitter));
	if (values[BURN_US].number > 0)
		burn(vary(player, values[BURN_US].number, jitter));
	if (draw_random(player) < values[FAIL_RATE].number)
		return -EIO;
	if (draw_random(player) < values[SILENT_RATE].number)
		return DGRAM_NO_REPLY;
	if (request->length > reply_size)
		return -EMSGSIZE;
	memcpy(reply, request->data, request->length);
	return (ssize_t)request->length;
}

const struct dgram_handler handler_simulate = {
	.abi = DGRAM_ABI,
	.name = "simulate",
	.handle = handle,
	.open = open_play,
	.close = free,
	.reconfigure = take_values,
	.worker_start = start_worker,
	.worker_stop = free,
	.parameters = parameters,
	.parameters_count = PARAMETERS,
};
