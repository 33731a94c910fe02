#include "base/sys.h"

#include <assert.h>
#include <errno.h>
#include <limits.h>
#include <linux/futex.h>
#include <sched.h>
#include <sys/random.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"

static int64_t read_clock(clockid_t id)
{
	struct timespec ts;

	clock_gettime(id, &ts);
	return ts.tv_sec * NS_PER_S + ts.tv_nsec;
}

int64_t sys_monotonic_ns(void)
{
	return read_clock(CLOCK_MONOTONIC);
}

int64_t sys_realtime_ns(void)
{
	return read_clock(CLOCK_REALTIME);
}

/* recvmmsg's own timeout is checked only after each datagram (recvmmsg(2), BUGS): it is never
 * used. */
int sys_receive(int fd, struct mmsghdr *messages, unsigned count)
{
	int n;

	do {
		n = recvmmsg(fd, messages, count, MSG_DONTWAIT | MSG_TRUNC, NULL);
	} while (n < 0 && errno == EINTR);
	return n < 0 ? -errno : n;
}

int sys_send(int fd, struct mmsghdr *messages, unsigned count)
{
	int n;

	do {
		n = sendmmsg(fd, messages, count, MSG_DONTWAIT | MSG_NOSIGNAL);
	} while (n < 0 && errno == EINTR);
	return n < 0 ? -errno : n;
}

int sys_timestamp(int fd, bool on)
{
	int value = on;

	return setsockopt(fd, SOL_SOCKET, SO_TIMESTAMPNS, &value, sizeof(value)) < 0 ? -errno : 0;
}

int sys_wait(struct pollfd *fds, unsigned count, int timeout_ms)
{
	int n = poll(fds, count, timeout_ms);

	if (n < 0)
		return errno == EINTR ? 0 : -errno;
	return n;
}

void sys_futex_wait(_Atomic uint32_t *word, uint32_t expected, int64_t timeout_ns)
{
	struct timespec ts = { .tv_sec = timeout_ns / NS_PER_S, .tv_nsec = timeout_ns % NS_PER_S };

	syscall(SYS_futex, word, FUTEX_WAIT_PRIVATE, expected, timeout_ns < 0 ? NULL : &ts, NULL,
		0);
}

void sys_futex_wake(_Atomic uint32_t *word, unsigned count)
{
	syscall(SYS_futex, word, FUTEX_WAKE_PRIVATE, count > INT_MAX ? INT_MAX : count, NULL, NULL,
		0);
}

void sys_yield(void)
{
	(void)sched_yield();
}

/* Waits early in the boot, while the kernel has no randomness. */
void sys_random(void *bytes, size_t length)
{
	ssize_t count;

	do {
		count = getrandom(bytes, length, 0);
	} while (count < 0 && errno == EINTR);
	assert(count == (ssize_t)length);
}
