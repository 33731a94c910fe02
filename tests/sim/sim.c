/* Deterministic simulation: the product's receivers, queues, workers and replies in one thread, in
 * virtual time, in a world drawn from a seed.
 *
 *	sim --seeds FIRST:COUNT [--trace]	run these, check all that is promised
 *	sim --children FIRST:COUNT [--trace]	the same with handlers in children, which die at any step
 *	sim --curves				what the queue's rules are worth, as a table
 *	sim --shares, sim --neighbours		the last tables of these alone
 *	sim --requests COUNT MODE ADDRESSES	serve so many, unchecked: their instructions can be
 *						counted (tests/sim/test_instructions.py) */
#include <inttypes.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "curves.h"
#include "requests.h"
#include "run.h"
#include "shares.h"
#include "walk.h"

#define SECONDS_MAX 60 /* for a seed: an endless loop */

struct run *the_run;
static const char *program;

/* Written before it is needed: a signal's handler may do little. */
static char replay[300] = "\n";
static size_t replay_length;

void run_fail(const char *format, ...)
{
	va_list arguments;

	(void)fflush(stdout);
	(void)fprintf(stderr, "seed %" PRIu64 ", step %" PRIu64 ": ", the_run->seed,
		the_run->world.steps);
	va_start(arguments, format);
	(void)vfprintf(stderr, format, arguments);
	va_end(arguments);
	(void)fprintf(stderr, "\n%s", strchr(replay, '\n') + 1);
	_exit(1);
}

static void on_signal(int number)
{
	(void)number;
	(void)!write(STDERR_FILENO, replay, replay_length);
	_exit(1);
}

static void prepare_replay(uint64_t seed, const char *option)
{
	replay_length = (size_t)snprintf(replay, sizeof(replay),
		"seed %" PRIu64 ": an assertion, a crash or an endless loop\n"
		"%s %s %" PRIu64 ":1 --trace\n",
		seed, program, option, seed);
}

/* Returns the hash of its trace. */
static uint64_t run_seed(uint64_t seed, const char *option, bool print)
{
	static struct run run;
	uint64_t trace;

	memset(&run, 0, sizeof(run));
	run.seed = seed;
	run.checked = true;
	world_init(&run.world, seed);
	run.world.print = print;
	the_run = &run;
	prepare_replay(seed, option);
	(void)alarm(SECONDS_MAX);
	scenario_draw(&run);
	if (strcmp(option, "--children") == 0)
		scenario_draw_children(&run);
	run_scenario(&run);
	run_take_apart(&run);
	trace = run.world.trace;
	return trace;
}

static int run_seeds(const char *option, const char *range, bool print)
{
	uint64_t first = 0, count = 0, all = 0;

	if (sscanf(range, "%" SCNu64 ":%" SCNu64, &first, &count) != 2 || count == 0)
		return -1;
	for (uint64_t i = 0; i < count; i++)
		all = all * 31 + run_seed(first + i, option, print);
	printf("%" PRIu64 " seeds from %" PRIu64 ", trace %016" PRIx64 "\n", count, first, all);
	return 0;
}

int main(int argc, char **argv)
{
	bool trace = argc == 4 && strcmp(argv[3], "--trace") == 0;

	program = argv[0];
	(void)setvbuf(stdout, NULL, _IOLBF, 0); /* so a crash loses none of the trace */
	(void)signal(SIGABRT, on_signal);
	(void)signal(SIGALRM, on_signal);
	(void)signal(SIGFPE, on_signal);
	(void)signal(SIGILL, on_signal);
	(void)signal(SIGSEGV, on_signal);
	if (argc == 2 && strcmp(argv[1], "--curves") == 0) {
		curves_print();
		return 0;
	}
	if (argc == 2 && strcmp(argv[1], "--shares") == 0) {
		shares_print();
		return 0;
	}
	if (argc == 2 && strcmp(argv[1], "--neighbours") == 0) {
		curves_print_neighbours();
		return 0;
	}
	if ((argc == 3 || trace) &&
		(strcmp(argv[1], "--seeds") == 0 || strcmp(argv[1], "--children") == 0) &&
		run_seeds(argv[1], argv[2], trace) == 0)
		return 0;
	if ((argc == 5 || argc == 6) && strcmp(argv[1], "--requests") == 0 &&
		requests_run(argv[2], argv[3], argv[4], argv[5]))
		return 0;
	if (argc == 3 && strcmp(argv[1], "--walk") == 0 && walk_run(argv[2]))
		return 0;
	(void)fprintf(stderr,
		"usage: %s --seeds|--children FIRST:COUNT [--trace] | --curves | --shares | --neighbours |\n"
		"\t--requests COUNT [guarded-|closed-]workers|assisted|inline ADDRESSES [PLUGIN.so] |\n"
		"\t--walk workers|assisted|inline\n",
		program);
	return 64;
}
