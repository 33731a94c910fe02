/* How the last children of a service ended, for the public. The owner writes, any thread reads. */
#include <string.h>

#include "base/sys.h"
#include "process/children.h"

static void fill_end(const struct child *child, const char *how, struct dgram_child_end *end)
{
	*end = (struct dgram_child_end){
		.at_ns = sys_realtime_ns(),
		.pid = child->process.pid,
		.how = how,
		.reason = child->reason != NULL ? child->reason : "",
		.requests = child->requests,
	};
	if (child->process.pid == 0)
		return;
	if (child->end.si_code == CLD_EXITED)
		end->exit_code = child->end.si_status;
	else
		end->signal = child->end.si_status;
}

void children_note_end(const struct child *child, const char *how)
{
	struct children *children = child->children;
	struct dgram_child_end end;

	fill_end(child, how, &end);
	lock_take(&children->lock);
	memmove(&children->ends[1], &children->ends[0],
		(CHILDREN_ENDS_MAX - 1) * sizeof(children->ends[0]));
	children->ends[0] = end;
	children->ends_count += children->ends_count < CHILDREN_ENDS_MAX;
	lock_release(&children->lock);
}

size_t children_ends(struct children *children, struct dgram_child_end *ret_ends)
{
	size_t count;

	lock_take(&children->lock);
	count = children->ends_count;
	memcpy(ret_ends, children->ends, count * sizeof(children->ends[0]));
	lock_release(&children->lock);
	return count;
}
