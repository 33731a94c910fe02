/* The textbook's pool, to compare with: a job is allocated for each datagram, a mutex and a
 * condition variable guard a list, the oldest goes first, and when 4096 wait the new one is
 * dropped. Echoes, after blocking if told so. Usage: textbook_echo PORT WORKERS [BLOCK_US] */
#include "bench/peers/peer.h"

#include <pthread.h>
#include <time.h>

#define CAPACITY 4096
#define BYTES_MAX 2048

struct job {
	struct job *next;
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

static int push(struct job *job)
{
	int pushed;

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

static struct job *pop(void)
{
	struct job *job;

	pthread_mutex_lock(&mutex);
	while (waiting == 0)
		pthread_cond_wait(&filled, &mutex);
	job = first;
	first = job->next;
	if (--waiting == 0)
		end = &first;
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
	if (argc < 3 || argc > 4)
		return 64;
	if (argc == 4)
		block.tv_nsec = atol(argv[3]) * 1000;
	fd = peer_socket(argv[1]);
	for (int i = 0; i < atoi(argv[2]); i++) {
		pthread_t thread;

		if (pthread_create(&thread, NULL, work, NULL) != 0)
			return 1;
	}
	for (;;)
		receive();
}
