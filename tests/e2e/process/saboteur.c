/* A plug-in that ends the process that it runs in, each request in its own way, writes into the memory that this
 * shares with the daemon what cannot be true, or takes all that it may have. For tests/e2e/test_process.py. */
#include <dgram.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#include "process/shared.h"

/* It never ends, which the compiler must not see. */
static int overflow(const char *before)
{
	char more[4096];

	if (*before == 0)
		return 0;
	memset(more, *before, sizeof(more));
	return overflow(more) + more[getpid() % 2];
}

static void exhaust(void)
{
	void *memory;

	while ((memory = malloc(1 << 20)) != NULL)
		memset(memory, 1, 1 << 20);
	abort();
}

static void deadlock(void)
{
	pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;

	pthread_mutex_lock(&mutex);
	pthread_mutex_lock(&mutex);
}

static void wait_for_ever(void)
{
	for (;;)
		pause();
}

static bool end_by(const char *how)
{
	if (strcmp(how, "abort") == 0)
		abort();
	if (strcmp(how, "overflow") == 0)
		return overflow("more") == 0;
	if (strcmp(how, "exhaust") == 0)
		exhaust();
	if (strcmp(how, "exit") == 0)
		_exit(0); /* a sanitizer looks for leaks in exit(), which it may not */
	if (strcmp(how, "loop") == 0)
		for (;;)
			;
	if (strcmp(how, "deadlock") == 0)
		deadlock();
	if (strcmp(how, "stop") == 0)
		raise(SIGSTOP);
	if (strcmp(how, "wait") == 0)
		wait_for_ever();
	if (strcmp(how, "close") == 0)
		(void)close_range(0, ~0U, 0);
	return strcmp(how, "close") == 0;
}

/* What the daemon does not believe: these words of the memory, from where they stand on. */
static void claim(uint32_t done, int32_t result, uint32_t kind, uint32_t length, uint32_t calling)
{
	struct shared_page *page =
		mmap(NULL, sizeof(*page), PROT_READ | PROT_WRITE, MAP_SHARED, SHARED_MEMORY, 0);

	atomic_store(&page->results[0], result);
	atomic_store(&page->call.kind, kind);
	atomic_store(&page->call.length, length);
	atomic_store(&page->calling, calling);
	atomic_store(&page->done, done);
	(void)eventfd_write(SHARED_TOLD, 1);
	wait_for_ever();
}

/* Has whoever rings or is rung wait, if they can be made to: all that is open is full, and waits. So many writes fill
 * a stream; an eventfd that is read meanwhile is never full. */
#define FILL_WRITES 16384

static void fill_all(void)
{
	for (int fd = SHARED_MEMORY + 1; fd < 32; fd++) {
		(void)fcntl(fd, F_SETFL, O_NONBLOCK);
		for (uint64_t all = UINT64_MAX - 1; all > 0; all >>= 1)
			for (unsigned i = 0; i < FILL_WRITES; i++)
				if (write(fd, &all, sizeof(all)) < 0)
					break;
		(void)fcntl(fd, F_SETFL, 0);
	}
}

static bool seals_are_whole(void)
{
	return ftruncate(SHARED_MEMORY, 0) < 0 && ftruncate(SHARED_MEMORY, 1 << 30) < 0 &&
	       fcntl(SHARED_MEMORY, F_ADD_SEALS, F_SEAL_WRITE) < 0;
}

/* Returns what the first that was refused came to. */
static int open_all(void)
{
	while (open("/dev/null", O_RDONLY | O_CLOEXEC) >= 0)
		;
	return errno;
}

static bool grow(size_t bytes)
{
	return mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_POPULATE,
		       -1, 0) != MAP_FAILED;
}

static void spin(long us)
{
	struct timespec begin, now;

	clock_gettime(CLOCK_MONOTONIC, &begin);
	do
		clock_gettime(CLOCK_MONOTONIC, &now);
	while ((now.tv_sec - begin.tv_sec) * 1000000 + (now.tv_nsec - begin.tv_nsec) / 1000 < us);
}

/* What costs no more than time, descriptors or memory. 0: it is none of these. */
static ssize_t spend(
	const struct dgram_request *request, const char *text, void *reply, size_t size)
{
	if (strcmp(text, "files") == 0)
		return snprintf(reply, size, "%d", open_all());
	if (strcmp(text, "mark") == 0)
		(void)fprintf(stderr, "marked\n");
	if (strcmp(text, "pause") == 0)
		pause();
	if (strncmp(text, "grow ", 5) == 0)
		return snprintf(
			reply, size, "%s", grow(strtoul(text + 5, NULL, 10)) ? "yes" : "no");
	if (strncmp(text, "spin ", 5) == 0)
		spin(strtol(text + 5, NULL, 10));
	if (strncmp(text, "now ", 4) != 0)
		return 0;
	return dgram_request_reply(request, text, strlen(text)) < 0 ? -EIO : DGRAM_NO_REPLY;
}

static ssize_t obey(const struct dgram_request *request, const char *text, void *reply, size_t size)
{
	int done, result, kind, length, calling;
	ssize_t spent = spend(request, text, reply, size);

	if (spent != 0)
		return spent;
	if (sscanf(text, "claim %d %d %d %d %d", &done, &result, &kind, &length, &calling) == 5)
		claim((uint32_t)done, result, (uint32_t)kind, (uint32_t)length, (uint32_t)calling);
	if (strcmp(text, "fill") == 0)
		fill_all();
	if (strcmp(text, "pid") == 0)
		return snprintf(reply, size, "%d", (int)getpid());
	if (strcmp(text, "sealed") == 0)
		return snprintf(reply, size, "%s", seals_are_whole() ? "yes" : "no");
	if (strcmp(text, "first") == 0) {
		(void)dgram_request_reply(request, "first", 5);
		abort();
	}
	if (strncmp(text, "verify ", 7) == 0 || end_by(text))
		return DGRAM_NO_REPLY;
	memcpy(reply, request->data, request->length);
	return (ssize_t)request->length;
}

static const char *text_of(const struct dgram_request *request, char text[64])
{
	(void)snprintf(text, 64, "%.*s", (int)request->length, (const char *)request->data);
	return text;
}

static ssize_t handle(void *state, const struct dgram_request *request, void *reply, size_t size)
{
	char text[64];

	(void)state;
	return obey(request, text_of(request, text), reply, size);
}

static bool verify(void *state, const struct dgram_request *request)
{
	char text[64];

	(void)state;
	return strncmp(text_of(request, text), "verify ", 7) != 0 || end_by(text + 7);
}

/* --- what it logs changes while it is read */

#define LINES 2000

static atomic_bool is_logged;

static void *change(void *argument)
{
	while (!atomic_load(&is_logged)) {
		memset(argument, 'a', 500);
		spin(6);
		memset(argument, 1, 500);
		spin(6);
	}
	return NULL;
}

static size_t whole_lines(size_t bytes)
{
	return (bytes + 63) / 64 * 64;
}

/* As shared.c has it. */
static void *call_data(void)
{
	struct shared_page *page =
		mmap(NULL, sizeof(*page), PROT_READ | PROT_WRITE, MAP_SHARED, SHARED_MEMORY, 0);
	size_t each = whole_lines(page->request_bytes) + whole_lines(page->reply_bytes);
	size_t before = sizeof(*page) + SHARED_WINDOW * each;

	page = mmap(NULL, before + 500, PROT_READ | PROT_WRITE, MAP_SHARED, SHARED_MEMORY, 0);
	return page->data + SHARED_WINDOW * each;
}

static int open_service(void *context, const struct dgram_start *start, void **ret_state)
{
	pthread_t thread;

	(void)context, (void)ret_state;
	if (strcmp(start->service, "changes") != 0)
		return 0;
	if (pthread_create(&thread, NULL, change, call_data()) != 0)
		return -EAGAIN;
	for (unsigned i = 0; i < LINES; i++)
		dgram_log(start, DGRAM_LOG_INFO, "changing", "%500s", "");
	atomic_store(&is_logged, true);
	pthread_join(thread, NULL);
	return 0;
}

static const struct dgram_handler saboteur = { .abi = DGRAM_ABI,
	.name = "saboteur",
	.handle = handle,
	.verify = verify,
	.open = open_service };

DGRAM_PLUGIN(saboteur);
