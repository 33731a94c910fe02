#include "daemon/ready_fd.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

int ready_fd_parse(const char *number, int *ret_fd)
{
	unsigned long fd;

	if (*number == '\0' || number[strspn(number, "0123456789")] != '\0')
		return -EINVAL;
	errno = 0;
	fd = strtoul(number, NULL, 10);
	if (errno != 0 || fd <= STDERR_FILENO || fd > INT_MAX ||
		fcntl((int)fd, F_SETFD, FD_CLOEXEC) < 0)
		return -EINVAL;
	*ret_fd = (int)fd;
	return 0;
}

int ready_fd_tell(int fd)
{
	int error = write(fd, "\n", 1) == 1 ? 0 : -errno;

	close(fd);
	return error;
}
