/* Coroutines: each has a stack of its own, all share one thread. */
#ifndef SIM_COROUTINE_H
#define SIM_COROUTINE_H

struct coroutine;

/* One that will call main(argument) when it is first resumed. Ends the program without memory. */
struct coroutine *coroutine_new(void (*main)(void *argument), void *argument);

/* NULL is fine; one that has not ended is simply forgotten. */
void coroutine_free(struct coroutine *coroutine);

/* Run it until it yields or ends. Not from within a coroutine. */
void coroutine_resume(struct coroutine *coroutine);

/* Back to its resumer. */
void coroutine_yield(struct coroutine *coroutine);

#endif
