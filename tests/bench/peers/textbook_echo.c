/* The textbook's pool, to compare with: a job is allocated for each datagram, a mutex and a
 * condition variable guard a list, the oldest goes first, and when 4096 wait the new one is
 * dropped. Echoes, after blocking if told so; with CoDel (RFC 8289) jobs are dropped when they are taken.
 * Usage: textbook_echo PORT WORKERS [BLOCK_US [INTERVAL_MS TARGET_MS]] */
/* link: -lm */
#include "bench/peers/peer.h"

#include <math.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>
#include <time.h>

#define CAPACITY 4096
#define BYTES_MAX 2048

struct job {
	struct job *next;
	int64_t arrived_ns;
	struct sockaddr_in client;
	size_t length;
	char bytes[BYTES_MAX];
};

static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t filled = PTHREAD_COND_INITIALIZER;
static struct job *first, **end = &first;
static unsigned waiting;
static int fd;
static struct timespec block;

/* Under the mutex, in the RFC's names. */
static struct {
	int64_t interval_ns, target_ns; /* 0: no CoDel */
	int64_t first_above_ns, drop_next_ns;
	unsigned count, lastcount;
	bool dropping;
} codel;

static int64_t now_ns(void)
{
	struct timespec now;

	(void)clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec * 1000000000LL + now.tv_nsec;
}

static int push(struct job *job)
{
	int pushed;

	job->arrived_ns = now_ns();
	pthread_mutex_lock(&mutex);
	pushed = waiting < CAPACITY;
	if (pushed) {
		job->next = NULL;
		*end = job;
		end = &job->next;
		waiting++;
		pthread_cond_signal(&filled);
	}
	pthread_mutex_unlock(&mutex);
	return pushed;
}

static struct job *take(void)
{
	struct job *job;

	while (waiting == 0)
		pthread_cond_wait(&filled, &mutex);
	job = first;
	first = job->next;
	if (--waiting == 0)
		end = &first;
	return job;
}

static bool ok_to_drop(const struct job *job, int64_t now)
{
	if (now - job->arrived_ns < codel.target_ns || waiting == 0)
		codel.first_above_ns = 0;
	else if (codel.first_above_ns == 0)
		codel.first_above_ns = now + codel.interval_ns;
	else
		return now >= codel.first_above_ns;
	return false;
}

static void schedule(int64_t from_ns)
{
	codel.drop_next_ns = from_ns + (int64_t)((double)codel.interval_ns / sqrt(codel.count));
}

static void begin_to_drop(int64_t now)
{
	unsigned delta = codel.count - codel.lastcount;

	codel.dropping = true;
	codel.count = delta > 1 && now - codel.drop_next_ns < 16 * codel.interval_ns ? delta : 1;
	codel.lastcount = codel.count;
	schedule(now);
}

static struct job *dequeue(void)
{
	struct job *job = take();
	int64_t now = now_ns();
	bool drop = ok_to_drop(job, now);

	if (!codel.dropping && drop) {
		free(job);
		begin_to_drop(now);
		job = take();
		(void)ok_to_drop(job, now);
		return job;
	}
	codel.dropping &= drop;
	while (codel.dropping && now >= codel.drop_next_ns) {
		free(job);
		codel.count++;
		job = take();
		codel.dropping = ok_to_drop(job, now);
		if (codel.dropping)
			schedule(codel.drop_next_ns);
	}
	return job;
}

static struct job *pop(void)
{
	struct job *job;

	pthread_mutex_lock(&mutex);
	job = codel.interval_ns > 0 ? dequeue() : take();
	pthread_mutex_unlock(&mutex);
	return job;
}

static void *work(void *unused)
{
	for (;;) {
		struct job *job = pop();

		if (block.tv_nsec > 0)
			nanosleep(&block, NULL);
		(void)sendto(fd, job->bytes, job->length, 0, (struct sockaddr *)&job->client,
			sizeof(job->client));
		free(job);
	}
	return unused;
}

static void receive(void)
{
	struct job *job = malloc(sizeof(*job));
	socklen_t size = sizeof(job->client);
	ssize_t length;

	if (job == NULL)
		return;
	length = recvfrom(fd, job->bytes, BYTES_MAX, 0, (struct sockaddr *)&job->client, &size);
	job->length = (size_t)length;
	if (length < 0 || !push(job))
		free(job);
}

int main(int argc, char **argv)
{
	if (argc != 3 && argc != 4 && argc != 6)
		return 64;
	if (argc > 3)
		block.tv_nsec = atol(argv[3]) * 1000;
	if (argc == 6) {
		codel.interval_ns = atol(argv[4]) * 1000000;
		codel.target_ns = atol(argv[5]) * 1000000;
	}
	fd = peer_socket(argv[1]);
	for (int i = 0; i < atoi(argv[2]); i++) {
		pthread_t thread;

		if (pthread_create(&thread, NULL, work, NULL) != 0)
			return 1;
	}
	for (;;)
		receive();
}
