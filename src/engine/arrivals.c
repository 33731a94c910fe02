/* Timestamps are CLOCK_REALTIME and every deadline is CLOCK_MONOTONIC: each batch reads both clocks and takes its
 * ages from their difference. The wall clock was set when it moved against the monotonic clock by more than 1 ms
 * and a thousandth of the time between two readings, because slewing moves it by less. */
#include "engine/arrivals.h"

#include "base/clock.h"
#include "base/sys.h"

/* A thread that lost the processor between reading the two clocks would see a step. So the wall clock is
 * read between two readings of the other, until those are this close. Three readings take less than 1 us. */
#define CLOSE_NS (50 * NS_PER_US)
#define ATTEMPTS 4

#define SLEW_DIVISOR 1000 /* adjtimex(2) slews by at most 500 ppm */

/* A poll(2) that took longer has slept. Without sleeping it takes less than 1 us. */
#define SLEPT_NS (20 * NS_PER_US)

static void read_both(int64_t *ret_monotonic, int64_t *ret_realtime)
{
	int64_t closest = INT64_MAX;

	for (int i = 0; i < ATTEMPTS && closest > CLOSE_NS; i++) {
		int64_t before = sys_monotonic_ns();
		int64_t realtime = sys_realtime_ns();
		int64_t after = sys_monotonic_ns();

		if (after - before < closest) {
			closest = after - before;
			*ret_monotonic = before + closest / 2;
			*ret_realtime = realtime;
		}
	}
}

static void read_clocks(struct arrivals *arrivals)
{
	struct arrivals before = *arrivals;
	int64_t elapsed, moved;

	read_both(&arrivals->monotonic_ns, &arrivals->realtime_ns);
	if (before.set_ns == 0) {
		arrivals->trusted_ns = arrivals->set_ns = 1;
		arrivals->calm_since_ns = arrivals->monotonic_ns;
		return;
	}
	arrivals->trusted_ns = arrivals->set_ns;
	elapsed = arrivals->monotonic_ns - before.monotonic_ns;
	moved = arrivals->realtime_ns - before.realtime_ns - elapsed;
	if (moved < 0)
		moved = -moved;
	if (moved <= NS_PER_MS + elapsed / SLEW_DIVISOR)
		return;
	arrivals->trusted_ns = INT64_MAX;
	/* It may have been set at any time since the last reading. Datagrams that still wait in the
	 * kernel's buffer may carry the old time. */
	arrivals->set_ns = arrivals->realtime_ns - elapsed;
}

static void note_look(struct arrivals *arrivals, int64_t now_ns, bool empty)
{
	arrivals->looked_ns = now_ns;
	arrivals->unseen_ns = now_ns - arrivals->empty_ns;
	if (!empty)
		return;
	arrivals->empty_ns = arrivals->floor_ns = now_ns;
	arrivals->in_doubt_ns = 0;
}

/* A datagram that had no timestamp gets the time of its reception from the kernel. So one that is later
 * than this moment tells nothing. */
void arrivals_prepare(struct arrivals *arrivals)
{
	if (arrivals->in_doubt_ns != 0)
		arrivals->latest_ns = sys_realtime_ns() - 1;
}

void arrivals_read(struct arrivals *arrivals, bool emptied)
{
	int64_t end_ns, realtime_ns;

	read_clocks(arrivals);
	end_ns = arrivals->in_doubt_ns;
	if (end_ns == 0) {
		end_ns = arrivals->monotonic_ns;
		arrivals->latest_ns = arrivals->realtime_ns;
	}
	arrivals->unknown_ns = arrivals->floor_ns + (end_ns - arrivals->floor_ns) / 2;
	realtime_ns = arrivals->realtime_ns - (arrivals->monotonic_ns - arrivals->unknown_ns);
	arrivals->unknown = (struct timespec){ .tv_sec = realtime_ns / NS_PER_S,
		.tv_nsec = realtime_ns % NS_PER_S };
	note_look(arrivals, arrivals->monotonic_ns, emptied);
}

void arrivals_found_none(struct arrivals *arrivals)
{
	note_look(arrivals, sys_monotonic_ns(), true);
}

void arrivals_waited(struct arrivals *arrivals, int64_t begin_ns, bool none)
{
	int64_t now_ns = sys_monotonic_ns();

	if (none)
		arrivals->calm_since_ns = now_ns;
	if (none || now_ns - begin_ns > SLEPT_NS)
		note_look(arrivals, now_ns, true);
}

bool arrivals_need_timestamps(struct arrivals *arrivals, int64_t error_ns)
{
	if (arrivals->unseen_ns > error_ns)
		arrivals->calm_since_ns = arrivals->looked_ns;
	return arrivals->looked_ns - arrivals->calm_since_ns <= ARRIVALS_CALM * error_ns;
}

void arrivals_switch(struct arrivals *arrivals, int fd, bool on)
{
	if (sys_timestamp(fd, on) < 0)
		return;
	arrivals->off = !on;
	arrivals->in_doubt_ns = on ? sys_monotonic_ns() : 0;
}
