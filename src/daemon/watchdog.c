#include "daemon/watchdog.h"

#include <stdlib.h>
#include <unistd.h>

#include "base/clock.h"

static unsigned long long number_in(const char *name)
{
	const char *text = getenv(name);

	return text != NULL ? strtoull(text, NULL, 10) : 0;
}

void watchdog_init(struct watchdog *watchdog)
{
	unsigned long long usec = number_in("WATCHDOG_USEC"), pid = number_in("WATCHDOG_PID");

	*watchdog = (struct watchdog){ .fed = true };
	if (pid == 0 || pid == (unsigned long long)getpid())
		watchdog->interval_ns = usec < INT64_MAX / 1000 ? (int64_t)usec * 1000 : 0;
}

static uint64_t finished_of(const struct dgram_service_stats *stats)
{
	uint64_t finished = stats->replied + stats->no_reply;

	for (size_t i = 0; i < stats->failed_count; i++)
		finished += stats->failed[i].count;
	return finished;
}

bool watchdog_look(struct watchdog *watchdog, size_t service,
	const struct dgram_service_stats *stats, int64_t now_ns, const char **ret_why)
{
	struct watchdog_service *seen = &watchdog->services[service];
	uint64_t finished = finished_of(stats), lost = stats->dropped_by_kernel;

	if (stats->received != seen->received || lost == seen->lost) {
		seen->received_ns = now_ns;
		seen->lost = lost;
	}
	if (finished != seen->finished || stats->queued == 0 || stats->workers_overdue == 0 ||
		seen->finished_ns == 0)
		seen->finished_ns = now_ns;
	seen->received = stats->received;
	seen->finished = finished;
	*ret_why = now_ns - seen->finished_ns >= watchdog->interval_ns
			   ? "requests wait, and its workers are stuck"
			   : "its receivers are stuck";
	return now_ns - seen->finished_ns < watchdog->interval_ns &&
	       now_ns - seen->received_ns < watchdog->interval_ns;
}
