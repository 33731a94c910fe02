#include "process/handed.h"

#include <fcntl.h>
#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/descriptors.h"

bool handed_parse(const char *text, struct handed *ret_handed)
{
	unsigned first, last;
	int end = 0;

	if (sscanf(text, "%9u%n-%9u%n", &first, &end, &last, &end) < 2)
		last = first;
	if (end == 0 || text[end] != '\0' || first <= STDERR_FILENO || last < first ||
		last - first >= DGRAM_WORKERS_MAX)
		return false;
	ret_handed->count = last - first + 1;
	for (size_t i = 0; i < ret_handed->count; i++)
		ret_handed->fds[i] = (int)(first + i);
	return true;
}

static bool is_stream(int fd)
{
	int type, domain;
	socklen_t length = sizeof(type);

	return getsockopt(fd, SOL_SOCKET, SO_TYPE, &type, &length) == 0 && type == SOCK_STREAM &&
	       getsockopt(fd, SOL_SOCKET, SO_DOMAIN, &domain, &length) == 0 && domain == AF_UNIX;
}

bool handed_check(const struct handed *handed, int *ret_fd)
{
	const int after = STDERR_FILENO + 1 + (int)descriptors_handed_in();

	for (size_t i = 0; i < handed->count; i++) {
		*ret_fd = handed->fds[i];
		if (*ret_fd >= after || !is_stream(*ret_fd) ||
			fcntl(*ret_fd, F_SETFD, FD_CLOEXEC) < 0)
			return false;
	}
	return true;
}
