#include "base/events.h"

#include <errno.h>
#include <limits.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/sys.h"

int events_open(struct events *events)
{
	int fd = epoll_create1(EPOLL_CLOEXEC);

	if (fd < 0)
		return -errno;
	events->fd = fd;
	events->ready_count = 0;
	link_init(&events->timers);
	return 0;
}

void events_close(struct events *events)
{
	if (events->fd >= 0)
		close(events->fd);
	events->fd = -1;
}

int events_add(struct events *events, struct events_watch *watch)
{
	struct epoll_event event = { .events = watch->wanted, .data.ptr = watch };

	return epoll_ctl(events->fd, EPOLL_CTL_ADD, watch->fd, &event) < 0 ? -errno : 0;
}

/* What this step has not called yet may be of this one. */
void events_remove(struct events *events, const struct events_watch *watch)
{
	(void)epoll_ctl(events->fd, EPOLL_CTL_DEL, watch->fd, NULL);
	for (unsigned i = 0; i < events->ready_count; i++)
		if (events->ready[i].data.ptr == watch)
			events->ready[i].data.ptr = NULL;
}

/* Before the first that is due later. There are few timers. */
void events_set(struct events *events, struct events_timer *timer, int64_t due_ns)
{
	struct link *next;

	events_cancel(timer);
	if (due_ns == INT64_MAX)
		return;
	timer->set = true;
	timer->due_ns = due_ns;
	next = events->timers.next;
	while (next != &events->timers &&
		LINK_OWNER(next, struct events_timer, link)->due_ns <= due_ns)
		next = next->next;
	link_append(next, &timer->link);
}

void events_cancel(struct events_timer *timer)
{
	if (timer->set)
		link_remove(&timer->link);
	timer->set = false;
}

static int64_t first_due_ns(const struct events *events)
{
	if (link_is_empty(&events->timers))
		return INT64_MAX;
	return LINK_OWNER(events->timers.next, struct events_timer, link)->due_ns;
}

/* Rounded up, so that the kernel does not return before the time. */
static int milliseconds_until(int64_t due_ns)
{
	int64_t left_ms;

	if (due_ns == INT64_MAX)
		return -1;
	left_ms = (due_ns - sys_monotonic_ns() + NS_PER_MS - 1) / NS_PER_MS;
	return left_ms < 0 ? 0 : left_ms > INT_MAX ? INT_MAX : (int)left_ms;
}

static unsigned call_ready(struct events *events)
{
	unsigned calls = 0;

	while (events->ready_count > 0) {
		struct epoll_event *ready = &events->ready[--events->ready_count];
		struct events_watch *watch = ready->data.ptr;

		if (watch == NULL)
			continue;
		watch->call(watch->context, ready->events);
		calls++;
	}
	return calls;
}

/* Those that are due now are a list of their own, because what callbacks set is for the next step. */
static unsigned call_due(struct events *events)
{
	int64_t now_ns = sys_monotonic_ns();
	unsigned calls = 0;
	struct link due;

	link_init(&due);
	while (first_due_ns(events) <= now_ns) {
		struct link *first = events->timers.next;

		link_remove(first);
		link_append(&due, first);
	}
	for (; !link_is_empty(&due); calls++) {
		struct events_timer *timer = LINK_OWNER(due.next, struct events_timer, link);

		events_cancel(timer);
		timer->call(timer->context);
	}
	return calls;
}

unsigned events_step(struct events *events)
{
	int count = epoll_wait(
		events->fd, events->ready, EVENTS_BATCH, milliseconds_until(first_due_ns(events)));
	unsigned calls;

	events->ready_count = count > 0 ? (unsigned)count : 0;
	calls = call_ready(events);
	return calls + call_due(events);
}
