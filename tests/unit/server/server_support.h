/* What the tests of a server share: one that listens on loopback and logs nothing, and its clients.
 * Everything is called by the main thread. */
#ifndef SERVER_SUPPORT_H
#define SERVER_SUPPORT_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <dgram.h>
#include <dirent.h>
#include <errno.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "support/scaled.h"

struct setup {
	struct dgram_service services[2];
	struct dgram_options options;
};

/* One service of this handler; a second may be added before the server is made. */
static inline void setup_init(struct setup *setup, const struct dgram_handler *handler)
{
	for (int i = 0; i < 2; i++)
		dgram_service_init(&setup->services[i], DGRAM_ABI);
	setup->services[0].handler = handler;
	dgram_options_init(&setup->options, DGRAM_ABI);
	setup->options.services = setup->services;
	setup->options.services_count = 1;
	setup->options.max_datagram_bytes = 512;
	setup->options.log_target = "none";
	setup->options.log_summary_interval_s = 0;
	setup->services[0].queue_max_wait_ms = 0;
	setup->services[1].queue_max_wait_ms = 0;
	/* These clients repeat themselves. */
	setup->services[0].loop_guard = false;
	setup->services[1].loop_guard = false;
}

/* Up to two addresses that this process alone uses, and a port that the kernel picks for nobody: so
 * it is still free when a server has given it up and another one wants it. */
static inline void own_address(struct dgram_service *service, size_t hosts)
{
	static char texts[2][16];
	static const char *const names[] = { texts[0], texts[1] };
	unsigned pid = (unsigned)getpid();

	for (unsigned i = 0; i < 2; i++)
		(void)snprintf(texts[i], sizeof(texts[i]), "127.%u.%u.%u", 77 + i, pid >> 8 & 255,
			pid & 255);
	service->hosts = names;
	service->hosts_count = hosts;
	service->port = (uint16_t)(20000 + pid % 12000);
}

static inline struct dgram_server *make(const struct setup *setup)
{
	struct dgram_server *server = NULL;

	assert_int_equal(dgram_server_new(&setup->options, &server), 0);
	return server;
}

static inline struct dgram_server *start(const struct setup *setup)
{
	struct dgram_server *server = make(setup);

	assert_int_equal(dgram_server_start(server), 0);
	return server;
}

/* What it points to stays for the next 15 calls. */
static inline struct dgram_service_stats stats_of(struct dgram_server *server, size_t service)
{
	static struct dgram_service_stats *kept[16];
	static unsigned next;
	struct dgram_service_stats **stats = &kept[next++ % 16];

	dgram_stats_free(*stats);
	*stats = NULL;
	assert_int_equal(dgram_server_stats(server, service, stats), 0);
	return **stats;
}

static inline uint64_t find_reason(
	const struct dgram_reason *reasons, size_t count, const char *name)
{
	for (size_t i = 0; i < count; i++)
		if (strcmp(reasons[i].name, name) == 0)
			return reasons[i].count;
	fail_msg("no reason %s", name);
	return 0;
}

static inline uint64_t add_reasons(const struct dgram_reason *reasons, size_t count)
{
	uint64_t total = 0;

	for (size_t i = 0; i < count; i++)
		total += reasons[i].count;
	return total;
}

/* reason(stats.dropped, "verify"), sum(stats.failed) */
#define reason(reasons, name) find_reason(reasons, reasons##_count, name)
#define sum(reasons) add_reasons(reasons, reasons##_count)

static inline bool balances(const struct dgram_service_stats *stats)
{
	return stats->received == stats->replied + stats->no_reply + sum(stats->dropped) +
					  sum(stats->failed) + stats->queued + stats->running;
}

/* The books at the end: they balance, and nothing is left in hand. */
static inline struct dgram_service_stats check_closed(struct dgram_server *server, size_t service)
{
	struct dgram_service_stats stats = stats_of(server, service);

	assert_true(balances(&stats));
	assert_int_equal(stats.queued, 0);
	assert_int_equal(stats.running, 0);
	return stats;
}

/* Drain, and stop. The server stays, for its books. */
static inline void stop(struct dgram_server *server)
{
	dgram_server_shutdown(server);
	assert_int_equal(dgram_server_serve_forever(server), 0);
}

static inline int client_of(struct dgram_server *server, size_t service)
{
	struct sockaddr_storage address;
	int fd, bytes = 1 << 20;

	assert_int_equal(dgram_server_address(server, service, 0, &address), 0);
	fd = socket(address.ss_family, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	assert_true(fd >= 0);
	assert_int_equal(setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &bytes, sizeof(bytes)), 0);
	assert_int_equal(connect(fd, (struct sockaddr *)&address, sizeof(address)), 0);
	return fd;
}

static inline void tell(int fd, const void *data, size_t length)
{
	assert_int_equal(send(fd, data, length, 0), length);
}

/* The next reply's length; -1 when there is none within `timeout_ms`. */
static inline ssize_t hear(int fd, void *data, size_t size, int timeout_ms)
{
	struct pollfd poll_fd = { .fd = fd, .events = POLLIN };

	return poll(&poll_fd, 1, timeout_ms) > 0 ? recv(fd, data, size, 0) : -1;
}

static inline ssize_t ask(int fd, const char *text, void *data, size_t size)
{
	tell(fd, text, strlen(text));
	return hear(fd, data, size, patience_ms());
}

static inline void nap(void)
{
	const struct timespec ms = { .tv_nsec = 1000000 };

	nanosleep(&ms, NULL);
}

/* Wait until *counter has reached `count`; for what other threads do. Any thread. */
static inline bool reaches(_Atomic unsigned *counter, unsigned count)
{
	for (int i = 0; atomic_load(counter) < count && i < patience_ms(); i++)
		nap();
	return atomic_load(counter) >= count;
}

static inline void await_received(struct dgram_server *server, size_t service, uint64_t count)
{
	for (int i = 0; stats_of(server, service).received < count && i < patience_ms(); i++)
		nap();
	assert_int_equal(stats_of(server, service).received, count);
}

static inline void await_idle(struct dgram_server *server, size_t service)
{
	for (int i = 0; i < patience_ms(); i++) {
		struct dgram_service_stats stats = stats_of(server, service);

		if (stats.queued + stats.running == 0)
			return;
		nap();
	}
	fail_msg("it never came to rest");
}

/* Descriptors that are open. */
static inline unsigned open_fds(void)
{
	DIR *directory = opendir("/proc/self/fd");
	unsigned count = 0;

	assert_non_null(directory);
	while (readdir(directory) != NULL)
		count++;
	closedir(directory);
	return count;
}

static inline bool is_named(const char *task, const char *prefix)
{
	char path[300], name[16] = "";
	FILE *file;

	(void)snprintf(path, sizeof(path), "/proc/self/task/%s/comm", task);
	file = fopen(path, "re");
	if (file == NULL)
		return false; /* it has just ended */
	if (fgets(name, sizeof(name), file) == NULL)
		name[0] = '\0';
	(void)fclose(file);
	return strncmp(name, prefix, strlen(prefix)) == 0;
}

static inline unsigned threads_named(const char *prefix)
{
	DIR *directory = opendir("/proc/self/task");
	struct dirent *entry;
	unsigned count = 0;

	assert_non_null(directory);
	while ((entry = readdir(directory)) != NULL)
		count += entry->d_name[0] != '.' && is_named(entry->d_name, prefix);
	closedir(directory);
	return count;
}

/* Threads of servers: not the test's, nor a sanitizer's. */
static inline unsigned server_threads(void)
{
	return threads_named("dgram/");
}

/* Threads that are on their way out are seen for a moment more, or not each time that one looks. */
static inline void check_threads(unsigned count)
{
	unsigned seen = server_threads();

	for (int i = 0; seen != count && i < patience_ms(); i++) {
		nap();
		seen = server_threads();
	}
	assert_int_equal(seen, count);
}

#endif
