/* The supervisor's watchdog (sd_watchdog_enabled(3)), which ends a daemon that it does not hear from: it hears from
 * this one while the main thread turns and all services move. Thread: main. */
#ifndef DAEMON_WATCHDOG_H
#define DAEMON_WATCHDOG_H

#include <dgram.h>
#include <stdbool.h>
#include <stdint.h>

/* What was seen of a service. */
struct watchdog_service {
	uint64_t received, finished, lost;
	int64_t received_ns; /* CLOCK_MONOTONIC: since then receivers have lost what came, and received nothing */
	int64_t finished_ns; /* since then requests wait, workers are stuck, and none has finished anything */
};

struct watchdog {
	int64_t interval_ns; /* the supervisor's; 0: it has none for this process */
	struct watchdog_service services[DGRAM_SERVICES_MAX];
	bool fed;
};

/* By $WATCHDOG_USEC and $WATCHDOG_PID. */
void watchdog_init(struct watchdog *watchdog);

/* Note what a service did by now. False: it stands still for as long as the supervisor waits; *ret_why says
 * why. A worker is stuck when its handler is overdue (handler_timeout_ms). */
bool watchdog_look(struct watchdog *watchdog, size_t service,
	const struct dgram_service_stats *stats, int64_t now_ns, const char **ret_why);

#endif
