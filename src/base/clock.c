#include "base/clock.h"

#include "base/sys.h"

/* A thread that lost the processor between reading the two clocks would see a step. So the wall clock is
 * read between two readings of the other, until those are this close. Three readings take less than 1 us. */
#define CLOSE_NS (50 * NS_PER_US)
#define ATTEMPTS 4

#define SLEW_DIVISOR 1000 /* adjtimex(2) slews by at most 500 ppm */

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

void clock_pair_read(struct clock_pair *pair)
{
	struct clock_pair before = *pair;
	int64_t elapsed, moved;

	read_both(&pair->monotonic_ns, &pair->realtime_ns);
	if (before.set_ns == 0) {
		pair->trusted_ns = pair->set_ns = 1;
		return;
	}
	pair->trusted_ns = pair->set_ns;
	elapsed = pair->monotonic_ns - before.monotonic_ns;
	moved = pair->realtime_ns - before.realtime_ns - elapsed;
	if (moved < 0)
		moved = -moved;
	if (moved <= NS_PER_MS + elapsed / SLEW_DIVISOR)
		return;
	pair->trusted_ns = INT64_MAX;
	/* It may have been set at any time since the last reading. Datagrams that still wait in the
	 * kernel's buffer may carry the old time. */
	pair->set_ns = pair->realtime_ns - elapsed;
}
