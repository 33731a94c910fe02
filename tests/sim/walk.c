#include "walk.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include "handlers/builtin.h"
#include "requests.h"

#define STEPS_MAX 4096u

extern const char __executable_start; /* the linker's */

static struct {
	const char *function;
	unsigned depth;
} steps[STEPS_MAX];
static unsigned steps_count, depth;
static bool recording;

/* gcc calls these where -finstrument-functions is given. */
/* NOLINTBEGIN(bugprone-reserved-identifier) */
void __cyg_profile_func_enter(void *function, void *call_site)
	__attribute__((no_instrument_function));
void __cyg_profile_func_exit(void *function, void *call_site)
	__attribute__((no_instrument_function));

void __cyg_profile_func_enter(void *function, void *call_site)
{
	(void)call_site;
	depth++;
	if (!recording)
		return;
	if (steps_count == STEPS_MAX)
		abort();
	steps[steps_count].function = function;
	steps[steps_count++].depth = depth;
}

void __cyg_profile_func_exit(void *function, void *call_site)
{
	(void)function;
	(void)call_site;
	depth--;
}
/* NOLINTEND(bugprone-reserved-identifier) */

bool walk_run(const char *mode)
{
	struct run *run = requests_begin(mode, 1, &handler_echo);

	if (run == NULL)
		return false;
	requests_serve(run, 10, 1);
	recording = true;
	requests_serve(run, 1, 1);
	recording = false;
	for (unsigned i = 0; i < steps_count; i++)
		printf("%#zx %u\n", (size_t)(steps[i].function - &__executable_start),
			steps[i].depth);
	requests_end(run);
	return true;
}
