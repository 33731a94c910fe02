#include "daemon/ending.h"

#include <unistd.h>

#include "daemon/daemon.h"
#include "daemon/timer.h"
#include "daemon/upgrade.h"

#define MARGIN_MS 5000

static void end_delay(struct daemon *daemon)
{
	if (daemon->delay_fd >= 0)
		close(daemon->delay_fd);
	daemon->delay_fd = -1;
	dgram_server_shutdown(daemon->server);
}

static void begin_end(struct daemon *daemon)
{
	unsigned delay_ms = config_drain_delay_ms(daemon->live);

	daemon->stopping = daemon->ends = true;
	upgrade_cancel(daemon);
	if (delay_ms > 0)
		daemon->delay_fd = timer_open(delay_ms, daemon->wake_fd);
	if (daemon->delay_fd < 0)
		end_delay(daemon);
	else
		dgram_server_log(daemon->server, DGRAM_LOG_INFO, "drain delayed",
			"not ready from now on; the drain begins in %u ms", delay_ms);
}

/* After an upgrade it drains already. */
void ending_signal(struct daemon *daemon)
{
	if (daemon->upgrade.done && !daemon->ends)
		daemon->ends = true;
	else if (daemon->stopping)
		end_delay(daemon);
	else
		begin_end(daemon);
}

void ending_step(struct daemon *daemon)
{
	if (daemon->delay_fd >= 0 && timer_is_over(daemon->delay_fd))
		end_delay(daemon);
}

/* Delay and drain may take longer than the supervisor waits for an end. */
void ending_tell(struct daemon *daemon)
{
	unsigned delay_ms = config_drain_delay_ms(daemon->live);
	unsigned drain_ms = config_options(daemon->live)->drain_timeout_ms;

	if (!daemon->ends || !daemon->speaks || daemon->end_told)
		return;
	daemon->end_told = true;
	notify_send(&daemon->notify, NOTIFY_STOPPING, "STOPPING=1\nEXTEND_TIMEOUT_USEC=%llu",
		((uint64_t)delay_ms + drain_ms + MARGIN_MS) * 1000ULL);
}
