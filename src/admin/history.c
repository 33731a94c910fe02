#include "admin/history.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/histogram.h"
#include "base/lock.h"
#include "base/sys.h"

/* Receivers that run handlers themselves are among them; further ones have no share. */
#define SHARES_MAX (2 * DGRAM_WORKERS_MAX)

/* Since the start. */
struct totals {
	double of[HISTORY_P99_NS];
	struct histogram calls_ns;
};

struct history {
	int fd;
	/* The owner's. */
	int64_t before_ns; /* when the last second ended; 0: none has begun */
	struct totals before, now;
	struct histogram second_ns; /* calls of the second that ends */
	uint64_t busy_before_ns[SHARES_MAX];

	struct lock lock;
	/* Under the lock. */
	struct history_minute minute;
	double shares[SHARES_MAX];
};

struct history *history_new(void)
{
	struct history *history = calloc(1, sizeof(*history));

	if (history == NULL)
		return NULL;
	history->fd = -1;
	lock_init(&history->lock);
	return history;
}

void history_free(struct history *history)
{
	if (history == NULL)
		return;
	if (history->fd >= 0)
		close(history->fd);
	lock_destroy(&history->lock);
	free(history);
}

int history_open_clock(struct history *history)
{
	const struct itimerspec each_second = { { .tv_sec = 1 }, { .tv_sec = 1 } };

	history->fd = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK);
	if (history->fd < 0 || timerfd_settime(history->fd, 0, &each_second, NULL) < 0)
		return -errno;
	return 0;
}

int history_fd(const struct history *history)
{
	return history->fd;
}

/* --- what there is to add */

static void add_figures(struct totals *totals, const struct dgram_service_stats *stats)
{
	totals->of[HISTORY_RECEIVED] += (double)stats->received;
	totals->of[HISTORY_REPLIED] += (double)stats->replied;
	totals->of[HISTORY_DROPPED] += (double)stats->dropped_by_kernel;
	for (size_t i = 0; i < stats->dropped_count; i++)
		totals->of[HISTORY_DROPPED] += (double)stats->dropped[i].count;
}

static void add_calls(struct totals *totals, const struct dgram_service_times *times)
{
	for (size_t i = 0; i < times->service_ns_count; i++)
		totals->calls_ns.buckets[histogram_bucket((int64_t)times->service_ns[i].most_ns)] +=
			times->service_ns[i].count;
}

static void read_totals(struct dgram_server *server, struct totals *totals)
{
	struct dgram_service_stats *stats;
	struct dgram_service_times *times;

	memset(totals, 0, sizeof(*totals));
	for (size_t i = 0; dgram_server_stats(server, i, &stats) == 0; i++) {
		add_figures(totals, stats);
		dgram_stats_free(stats);
	}
	for (size_t i = 0; dgram_server_times(server, i, &times) == 0; i++) {
		add_calls(totals, times);
		dgram_stats_free(times);
	}
}

static void put_share(
	struct history *history, const struct dgram_worker_stats *stats, double elapsed_ns)
{
	uint64_t before_ns = history->busy_before_ns[stats->number];
	double share =
		stats->busy_ns > before_ns ? (double)(stats->busy_ns - before_ns) / elapsed_ns : 0;

	history->busy_before_ns[stats->number] = stats->busy_ns;
	lock_take(&history->lock);
	history->shares[stats->number] = share < 1 ? share : 1;
	lock_release(&history->lock);
}

static void put_shares(struct history *history, struct dgram_server *server, double elapsed_ns)
{
	struct dgram_worker_stats *stats;

	for (size_t i = 0; dgram_server_worker_stats(server, i, &stats) == 0; i++) {
		if (stats->number < SHARES_MAX)
			put_share(history, stats, elapsed_ns);
		dgram_stats_free(stats);
	}
}

/* --- the minute */

static void put_second(struct history *history, double elapsed_ns)
{
	struct history_minute *minute = &history->minute;
	double second[HISTORY_FIGURES];

	for (unsigned i = 0; i < HISTORY_P99_NS; i++)
		second[i] = (history->now.of[i] - history->before.of[i]) * (double)NS_PER_S /
			    elapsed_ns;
	histogram_copy(&history->second_ns, &history->now.calls_ns);
	histogram_subtract(&history->second_ns, &history->before.calls_ns);
	second[HISTORY_P99_NS] = (double)histogram_quantile(&history->second_ns, 0.99);
	lock_take(&history->lock);
	if (minute->count == HISTORY_SECONDS) {
		for (unsigned i = 0; i < HISTORY_FIGURES; i++)
			memmove(minute->of[i], minute->of[i] + 1,
				(HISTORY_SECONDS - 1) * sizeof(minute->of[i][0]));
		minute->count--;
	}
	for (unsigned i = 0; i < HISTORY_FIGURES; i++)
		minute->of[i][minute->count] = second[i];
	minute->count++;
	lock_release(&history->lock);
}

void history_add(struct history *history, struct dgram_server *server)
{
	int64_t now_ns = sys_monotonic_ns();
	double elapsed_ns = (double)(now_ns - history->before_ns);
	uint64_t ticks;

	if (read(history->fd, &ticks, sizeof(ticks)) < 0 || elapsed_ns <= 0)
		return;
	read_totals(server, &history->now);
	put_shares(history, server, elapsed_ns);
	if (history->before_ns > 0)
		put_second(history, elapsed_ns);
	history->before_ns = now_ns;
	memcpy(&history->before, &history->now, sizeof(history->before));
}

void history_read(struct history *history, struct history_minute *ret_minute)
{
	lock_take(&history->lock);
	*ret_minute = history->minute;
	lock_release(&history->lock);
}

double history_busy_share(struct history *history, unsigned worker)
{
	double share = 0;

	lock_take(&history->lock);
	if (worker < SHARES_MAX)
		share = history->shares[worker];
	lock_release(&history->lock);
	return share;
}
