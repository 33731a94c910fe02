/* What blocking handlers are held against: threads that do nothing but sleep, again and again. Prints
 * how many sleeps a second they got in all. Usage: sleepers THREADS SLEEP_US SECONDS */
#include <pthread.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#define THREADS_MAX 1024

struct sleeper {
	_Alignas(64) _Atomic uint64_t slept;
};

static struct sleeper sleepers[THREADS_MAX];
static struct timespec length;

static void *sleep_on(void *argument)
{
	struct sleeper *sleeper = argument;

	for (;;) {
		nanosleep(&length, NULL);
		atomic_fetch_add_explicit(&sleeper->slept, 1, memory_order_relaxed);
	}
	return NULL;
}

static uint64_t slept(unsigned threads)
{
	uint64_t sum = 0;

	for (unsigned i = 0; i < threads; i++)
		sum += atomic_load_explicit(&sleepers[i].slept, memory_order_relaxed);
	return sum;
}

static double now_s(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

static void wait_s(double seconds)
{
	struct timespec left = { .tv_sec = (time_t)seconds,
		.tv_nsec = (long)((seconds - (double)(time_t)seconds) * 1e9) };

	nanosleep(&left, NULL);
}

int main(int argc, char **argv)
{
	unsigned threads = argc == 4 ? (unsigned)atoi(argv[1]) : 0;
	uint64_t before;
	double begin_s;

	if (threads == 0 || threads > THREADS_MAX)
		return 64;
	length.tv_nsec = atol(argv[2]) * 1000;
	for (unsigned i = 0; i < threads; i++) {
		pthread_t thread;

		if (pthread_create(&thread, NULL, sleep_on, &sleepers[i]) != 0)
			return 1;
	}
	wait_s(0.1);
	before = slept(threads);
	begin_s = now_s();
	wait_s(atof(argv[3]));
	printf("%.1f\n", (double)(slept(threads) - before) / (now_s() - begin_s));
	return 0;
}
