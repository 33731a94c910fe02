/* base/sys.h as the simulator has it: in place of sys_linux.c. */
#include "base/sys.h"

#include <string.h>

#include "base/clock.h"
#include "run.h"

int64_t sys_monotonic_ns(void)
{
	struct world *world = &the_run->world;

	world_call(world);
	world->now_ns += world->reading_ns;
	if (world->running != NULL && world->running->unread) {
		world->running->held_ns = 0;
		world->running->unread = false;
	}
	return world->now_ns;
}

int64_t sys_realtime_ns(void)
{
	return the_run->world.now_ns + the_run->world.wall_ns;
}

int sys_receive(int fd, struct mmsghdr *messages, unsigned count)
{
	struct world *world = &the_run->world;
	int received;

	world_call(world);
	received = network_receive(fd, messages, count);
	if (received > 0 && the_run->scenario.receive_cost_ns > 0) {
		world->running->receiving = true;
		task_sleep(world, world->now_ns + received * the_run->scenario.receive_cost_ns);
		world->running->receiving = false;
	}
	return received;
}

/* In place of the kernel's word on our addresses. */
bool __wrap_socket_is_local(const union addr *address);
bool __wrap_socket_is_local(const union addr *address)
{
	const struct network *network = &the_run->network;
	unsigned socket = 0;

	while (!addr_same(&network->sockets[socket].bound, address))
		socket++;
	return !network_is_gone(socket);
}

int sys_send(int fd, struct mmsghdr *messages, unsigned count)
{
	world_call(&the_run->world);
	return network_send(fd, messages, count);
}

int sys_timestamp(int fd, bool on)
{
	world_call(&the_run->world);
	return network_timestamp(fd, on);
}

int sys_wait(struct pollfd *fds, unsigned count, int timeout_ms)
{
	struct world *world = &the_run->world;
	int64_t end_ns = timeout_ms < 0 ? INT64_MAX : world->now_ns + timeout_ms * NS_PER_MS;
	int64_t begin_ns;
	unsigned ready;

	world_call(world);
	begin_ns = world->now_ns;
	for (;;) {
		int64_t until_ns = end_ns;

		ready = network_poll(fds, count, &until_ns);
		if (ready > 0 || world->now_ns >= end_ns) {
			network_slept(fds, count, world->now_ns - begin_ns);
			return (int)ready;
		}
		world->running->polling = true;
		world->running->sending = (fds[0].events & POLLOUT) != 0;
		task_wait(world, until_ns);
		world->running->sending = false;
	}
}

/* The word may change between the caller's look and the kernel's. */
void sys_futex_wait(_Atomic uint32_t *word, uint32_t expected, int64_t timeout_ns)
{
	struct world *world = &the_run->world;

	world_call(world);
	if (atomic_load(word) == expected && !random_one_in(&world->random, 64))
		world_futex_wait(world, word, timeout_ns);
}

void sys_futex_wake(_Atomic uint32_t *word, unsigned count)
{
	world_call(&the_run->world);
	world_futex_wake(&the_run->world, word, count);
}

void sys_yield(void)
{
	struct world *world = &the_run->world;

	world_call(world);
	if (world->running != NULL && random_one_in(&world->random, 2))
		task_sleep(world,
			world->now_ns + random_between(&world->random, 0, world->wake_most_ns));
}

void sys_random(void *bytes, size_t length)
{
	unsigned char *to = bytes;

	while (length-- > 0)
		*to++ = (unsigned char)random_next(&the_run->world.random);
}
