#include "daemon/notify.h"

#include <errno.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

int notify_open(int *ret_fd)
{
	const char *path = getenv("NOTIFY_SOCKET");
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	size_t length = path != NULL ? strlen(path) : 0;
	socklen_t address_length;
	int fd;

	*ret_fd = -1;
	if (path == NULL)
		return 0;
	if (length < 2 || length >= sizeof(address.sun_path) || (*path != '/' && *path != '@'))
		return -EINVAL;
	memcpy(address.sun_path, path, length);
	if (*path == '@') /* an abstract one: unix(7) */
		address.sun_path[0] = '\0';
	address_length = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + length);
	fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return -errno;
	if (connect(fd, (const struct sockaddr *)&address, address_length) < 0) {
		int error = -errno;

		close(fd);
		return error;
	}
	*ret_fd = fd;
	return 0;
}

void notify_send(int fd, const char *format, ...)
{
	char text[512];
	va_list arguments;
	int length;

	if (fd < 0)
		return;
	va_start(arguments, format);
	length = vsnprintf(text, sizeof(text), format, arguments);
	va_end(arguments);
	if (length > 0 && (size_t)length < sizeof(text))
		(void)send(fd, text, (size_t)length, MSG_NOSIGNAL | MSG_DONTWAIT);
}

void notify_failure(int error)
{
	int fd;

	if (notify_open(&fd) < 0 || fd < 0)
		return;
	notify_send(fd, "ERRNO=%d\nSTATUS=%s", -error, strerrordesc_np(-error));
	close(fd);
}
