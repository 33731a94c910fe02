/* Descriptors and times in one thread: who is called, when, and what callbacks may do to each other. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/events.h"
#include "base/sys.h"

#define COUNT 40u /* more than a step looks at */

_Static_assert(COUNT > 2 * EVENTS_BATCH, "several steps");

/* A descriptor or a timer, what its call does, and how often it came. */
struct item {
	struct events_watch watch;
	struct events_timer timer;
	struct world *world;
	void (*act)(struct item *item);
	unsigned calls;
	unsigned last; /* the number of its last call, among all */
	uint32_t ready;
	int64_t called_ns;
};

struct world {
	struct events events;
	unsigned calls;
	struct item items[COUNT];
};

static void note(struct item *item)
{
	item->calls++;
	item->last = ++item->world->calls;
	item->called_ns = sys_monotonic_ns();
	if (item->act != NULL)
		item->act(item);
}

static void on_ready(void *context, uint32_t ready)
{
	struct item *item = context;

	item->ready = ready;
	note(item);
}

static void on_time(void *context)
{
	note(context);
}

static int setup(void **state)
{
	struct world *world = calloc(1, sizeof(*world));

	assert_non_null(world);
	assert_int_equal(events_open(&world->events), 0);
	for (unsigned i = 0; i < COUNT; i++) {
		struct item *item = &world->items[i];

		item->world = world;
		item->watch = (struct events_watch){
			.fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK),
			.wanted = EPOLLIN,
			.call = on_ready,
			.context = item,
		};
		assert_true(item->watch.fd >= 0);
		item->timer = (struct events_timer){ .call = on_time, .context = item };
	}
	*state = world;
	return 0;
}

static int teardown(void **state)
{
	struct world *world = *state;

	events_close(&world->events);
	events_close(&world->events);
	for (unsigned i = 0; i < COUNT; i++)
		if (world->items[i].watch.fd >= 0)
			close(world->items[i].watch.fd);
	free(world);
	return 0;
}

static void add(struct item *item)
{
	assert_int_equal(events_add(&item->world->events, &item->watch), 0);
}

static void raise_fd(struct item *item)
{
	assert_int_equal(eventfd_write(item->watch.fd, 1), 0);
}

static void lower_fd(struct item *item)
{
	eventfd_t value;

	assert_int_equal(eventfd_read(item->watch.fd, &value), 0);
}

/* Step until what is ready by now was called: a timer that is due ends the wait of the last step. */
static unsigned settle(struct world *world)
{
	unsigned calls = 0, more;

	do {
		struct events_timer end = { .call = on_time, .context = &world->items[COUNT - 1] };

		events_set(&world->events, &end, 0);
		more = events_step(&world->events) - 1;
		world->items[COUNT - 1].calls--;
		world->calls--;
		calls += more;
	} while (more > 0);
	return calls;
}

static void only_what_is_ready_is_called(void **state)
{
	struct world *world = *state;
	struct item *items = world->items;

	add(&items[0]);
	add(&items[1]);
	assert_int_equal(settle(world), 0);
	items[1].act = lower_fd;
	raise_fd(&items[1]);
	assert_int_equal(settle(world), 1);
	assert_int_equal(items[0].calls, 0);
	assert_int_equal(items[1].calls, 1);
	assert_int_equal(items[1].ready, EPOLLIN);
	raise_fd(&items[1]);
	assert_int_equal(settle(world), 1);
	events_remove(&world->events, &items[1].watch);
	raise_fd(&items[1]);
	assert_int_equal(settle(world), 0);
}

/* It is called again and again while it is ready, and so is everybody else. */
static void none_is_starved(void **state)
{
	struct world *world = *state;

	for (unsigned i = 0; i < COUNT; i++) {
		add(&world->items[i]);
		raise_fd(&world->items[i]);
	}
	for (unsigned i = 0; i < 3 * COUNT / EVENTS_BATCH + 1; i++)
		assert_int_equal(events_step(&world->events), EVENTS_BATCH);
	for (unsigned i = 0; i < COUNT; i++)
		assert_in_range(world->items[i].calls, 2, 4);
}

static void both_ends_of_a_pipe(void **state)
{
	struct world *world = *state;
	struct item *reader = &world->items[0], *writer = &world->items[1];
	int fds[2];

	assert_int_equal(pipe(fds), 0);
	close(reader->watch.fd);
	close(writer->watch.fd);
	reader->watch.fd = fds[0];
	writer->watch.fd = fds[1];
	writer->watch.wanted = EPOLLOUT;
	add(reader);
	add(writer);
	assert_int_equal(events_step(&world->events), 1);
	assert_int_equal(writer->ready, EPOLLOUT);
	events_remove(&world->events, &writer->watch);
	close(fds[1]);
	writer->watch.fd = -1;
	assert_int_equal(events_step(&world->events), 1);
	assert_int_equal(reader->ready, EPOLLHUP);
}

/* Of all that are ready at once the first that is called removes, closes and destroys the others. */
static void destroy_others(struct item *item)
{
	for (unsigned i = 0; i < 8; i++) {
		struct item *other = &item->world->items[i];

		if (other == item)
			continue;
		events_remove(&item->world->events, &other->watch);
		close(other->watch.fd);
		memset(&other->watch, 0xff, sizeof(other->watch)); /* and fd -1 */
	}
	lower_fd(item);
}

static void a_removed_one_is_not_called(void **state)
{
	struct world *world = *state;
	unsigned calls = 0;

	for (unsigned i = 0; i < 8; i++) {
		world->items[i].act = destroy_others;
		add(&world->items[i]);
		raise_fd(&world->items[i]);
	}
	assert_int_equal(settle(world), 1);
	for (unsigned i = 0; i < 8; i++)
		calls += world->items[i].calls;
	assert_int_equal(calls, 1);
}

static void replace_others(struct item *item)
{
	for (unsigned i = 0; i < 8; i++) {
		struct item *other = &item->world->items[i];

		other->act = lower_fd;
		if (other == item)
			continue;
		events_remove(&item->world->events, &other->watch);
		assert_int_equal(events_add(&item->world->events, &other->watch), 0);
	}
	events_remove(&item->world->events, &item->watch);
}

/* What is removed and added again is called for what it is now. */
static void a_replaced_one_is_called(void **state)
{
	struct world *world = *state;

	for (unsigned i = 0; i < 8; i++) {
		world->items[i].act = replace_others;
		add(&world->items[i]);
		raise_fd(&world->items[i]);
	}
	assert_int_equal(settle(world), 8);
	for (unsigned i = 0; i < 8; i++)
		assert_int_equal(world->items[i].calls, 1);
}

static void add_next(struct item *item)
{
	lower_fd(item);
	if (item + 1 < &item->world->items[COUNT])
		assert_int_equal(events_add(&item->world->events, &item[1].watch), 0);
}

static void one_adds_the_next(void **state)
{
	struct world *world = *state;

	for (unsigned i = 0; i < COUNT; i++) {
		world->items[i].act = add_next;
		raise_fd(&world->items[i]);
	}
	add(&world->items[0]);
	for (unsigned i = 0; i < COUNT; i++)
		assert_int_equal(events_step(&world->events), 1);
	assert_int_equal(world->items[COUNT - 1].calls, 1);
}

static void what_cannot_be_watched(void **state)
{
	struct world *world = *state;
	struct item *item = &world->items[0];
	FILE *file = tmpfile();
	int fd = item->watch.fd;

	assert_non_null(file);
	item->watch.fd = fileno(file);
	assert_int_equal(events_add(&world->events, &item->watch), -EPERM);
	(void)fclose(file);
	assert_int_equal(events_add(&world->events, &item->watch), -EBADF);
	events_remove(&world->events, &item->watch);
	item->watch.fd = fd;
	add(item);
	assert_int_equal(events_add(&world->events, &item->watch), -EEXIST);
	assert_int_equal(settle(world), 0);
}

static void set(struct item *item, int64_t due_ns)
{
	events_set(&item->world->events, &item->timer, due_ns);
}

/* By their times, and those of one time in the order in which they were set. */
static void timers_are_called_in_order(void **state)
{
	static const int64_t due[] = { 5, 3, INT64_MAX, 3, 9, 1, 5 };
	static const unsigned order[] = { 4, 2, 0, 3, 6, 1, 5 };
	struct world *world = *state;

	for (unsigned i = 0; i < 7; i++)
		set(&world->items[i], due[i]);
	assert_int_equal(events_step(&world->events), 6);
	for (unsigned i = 0; i < 7; i++)
		assert_int_equal(world->items[i].last, order[i]);
	set(&world->items[0], 1);
	assert_int_equal(events_step(&world->events), 1); /* each once */
}

static void a_timer_is_never_early(void **state)
{
	struct world *world = *state;
	struct item *item = &world->items[0];

	for (int64_t us = 1; us <= 4000; us *= 3) {
		int64_t due_ns = sys_monotonic_ns() + us * NS_PER_US;
		unsigned calls = item->calls, steps = 0;

		set(item, due_ns);
		for (; item->calls == calls; steps++)
			(void)events_step(&world->events);
		assert_true(item->called_ns >= due_ns);
		assert_int_equal(steps, 1); /* it waited in the kernel */
	}
}

static void a_timer_is_set_anew_and_cancelled(void **state)
{
	struct world *world = *state;
	struct item *items = world->items;

	set(&items[0], sys_monotonic_ns() + 1000 * NS_PER_S);
	set(&items[1], 1);
	set(&items[2], 2);
	set(&items[0], 3);
	events_cancel(&items[1].timer);
	events_cancel(&items[1].timer);
	set(&items[2], INT64_MAX);
	assert_int_equal(events_step(&world->events), 1);
	assert_int_equal(items[0].calls, 1);
}

static void cancel_and_set(struct item *item)
{
	struct item *items = item->world->items;

	set(item, 0);			/* for the next step */
	events_cancel(&items[1].timer); /* which is due, too */
	set(&items[2], INT64_MAX);
	if (item->calls == 1)
		set(&items[3], 0);
}

static void timers_change_each_other(void **state)
{
	struct world *world = *state;

	world->items[0].act = cancel_and_set;
	for (unsigned i = 0; i < 4; i++)
		set(&world->items[i], i);
	for (unsigned steps = 1; steps <= 3; steps++) {
		(void)events_step(&world->events);
		assert_int_equal(world->items[0].calls, steps);
	}
	assert_int_equal(world->items[1].calls, 0);
	assert_int_equal(world->items[2].calls, 0);
	assert_int_equal(world->items[3].calls, 1);
	assert_int_equal(world->items[3].last, 3); /* in the second step */
}

#define WITH_WORLD(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		WITH_WORLD(only_what_is_ready_is_called),
		WITH_WORLD(none_is_starved),
		WITH_WORLD(both_ends_of_a_pipe),
		WITH_WORLD(a_removed_one_is_not_called),
		WITH_WORLD(a_replaced_one_is_called),
		WITH_WORLD(one_adds_the_next),
		WITH_WORLD(what_cannot_be_watched),
		WITH_WORLD(timers_are_called_in_order),
		WITH_WORLD(a_timer_is_never_early),
		WITH_WORLD(a_timer_is_set_anew_and_cancelled),
		WITH_WORLD(timers_change_each_other),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
