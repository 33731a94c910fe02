#include "base/clock.h"
#include "log/log.h"

bool log_limit_pass(struct log_limit *limit, int64_t monotonic_ns, uint64_t *ret_suppressed)
{
	if (monotonic_ns < limit->next_ns) {
		limit->suppressed++;
		return false;
	}
	*ret_suppressed = limit->suppressed;
	limit->suppressed = 0;
	limit->next_ns = monotonic_ns + NS_PER_S;
	return true;
}
