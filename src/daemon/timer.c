#include "daemon/timer.h"

#include <stdint.h>
#include <sys/epoll.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include "base/clock.h"

int timer_open(unsigned after_ms, int epoll)
{
	const struct itimerspec once = {
		.it_value = { after_ms / 1000, (long)(after_ms % 1000 * NS_PER_MS) },
	};
	struct epoll_event event = { .events = EPOLLIN };
	int fd = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK);

	if (fd >= 0 && timerfd_settime(fd, 0, &once, NULL) == 0 &&
		epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &event) == 0)
		return fd;
	if (fd >= 0)
		close(fd);
	return -1;
}

bool timer_is_over(int fd)
{
	uint64_t times;

	return read(fd, &times, sizeof(times)) == (ssize_t)sizeof(times);
}
