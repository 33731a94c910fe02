#include "coroutine.h"

#include <assert.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <ucontext.h>

#if defined(__SANITIZE_ADDRESS__)
#define SANITIZED 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define SANITIZED 1
#endif
#endif

#ifdef SANITIZED
#include <sanitizer/common_interface_defs.h>
#define STACK_BYTES ((size_t)512 * 1024)
#else
#define STACK_BYTES ((size_t)96 * 1024)
#endif

struct coroutine {
	void (*main)(void *argument);
	void *argument;
	bool ended;
	ucontext_t context;
	ucontext_t resumer;
	const void *resumer_stack;
	size_t resumer_bytes;
	unsigned char *stack;
};

/* AddressSanitizer has to be told where the stack is. */
static void leave(void **fake_stack, const void *stack, size_t bytes)
{
#ifdef SANITIZED
	__sanitizer_start_switch_fiber(fake_stack, stack, bytes);
#else
	(void)fake_stack, (void)stack, (void)bytes;
#endif
}

static void arrive(void *fake_stack, const void **ret_stack, size_t *ret_bytes)
{
#ifdef SANITIZED
	__sanitizer_finish_switch_fiber(fake_stack, ret_stack, ret_bytes);
#else
	(void)fake_stack;
	*ret_stack = NULL;
	*ret_bytes = 0;
#endif
}

/* makecontext(3) passes integers only. */
static void begin(unsigned high, unsigned low)
{
	struct coroutine *coroutine = (struct coroutine *)((uintptr_t)high << 32 | low);

	arrive(NULL, &coroutine->resumer_stack, &coroutine->resumer_bytes);
	coroutine->main(coroutine->argument);
	coroutine->ended = true;
	leave(NULL, coroutine->resumer_stack, coroutine->resumer_bytes);
	setcontext(&coroutine->resumer);
}

struct coroutine *coroutine_new(void (*main)(void *argument), void *argument)
{
	struct coroutine *coroutine = malloc(sizeof(*coroutine));
	uintptr_t address = (uintptr_t)coroutine;

	if (coroutine == NULL)
		abort();
	coroutine->main = main;
	coroutine->argument = argument;
	coroutine->ended = false;
	coroutine->stack = malloc(STACK_BYTES);
	if (coroutine->stack == NULL || getcontext(&coroutine->context) < 0)
		abort();
	coroutine->context.uc_stack.ss_sp = coroutine->stack;
	coroutine->context.uc_stack.ss_size = STACK_BYTES;
	coroutine->context.uc_link = NULL;
	makecontext(&coroutine->context, (void (*)(void))(uintptr_t)begin, 2,
		(unsigned)(address >> 32), (unsigned)(address & 0xffffffffu));
	return coroutine;
}

void coroutine_free(struct coroutine *coroutine)
{
	if (coroutine == NULL)
		return;
	free(coroutine->stack);
	free(coroutine);
}

void coroutine_resume(struct coroutine *coroutine)
{
	void *fake_stack = NULL;
	const void *own_stack;
	size_t own_bytes;

	assert(!coroutine->ended);
	leave(&fake_stack, coroutine->stack, STACK_BYTES);
	swapcontext(&coroutine->resumer, &coroutine->context);
	arrive(fake_stack, &own_stack, &own_bytes);
}

void coroutine_yield(struct coroutine *coroutine)
{
	void *fake_stack = NULL;

	leave(&fake_stack, coroutine->resumer_stack, coroutine->resumer_bytes);
	swapcontext(&coroutine->context, &coroutine->resumer);
	arrive(fake_stack, &coroutine->resumer_stack, &coroutine->resumer_bytes);
}
