#include "daemon/notify.h"

#include <errno.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/sys.h"

/* How long the last messages may wait for room. */
#define LAST_WORDS_NS (2 * NS_PER_S)

static int find_address(struct notify *notify)
{
	const char *path = getenv("NOTIFY_SOCKET");
	size_t length = path != NULL ? strlen(path) : 0;

	if (length == 0)
		return 0;
	if (length < 2 || length >= sizeof(notify->address.sun_path) ||
		(*path != '/' && *path != '@'))
		return -EINVAL;
	notify->address.sun_family = AF_UNIX;
	memcpy(notify->address.sun_path, path, length);
	if (*path == '@') /* an abstract one: unix(7) */
		notify->address.sun_path[0] = '\0';
	notify->address_length = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + length);
	return 0;
}

static int connect_to(struct notify *notify)
{
	int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	if (fd < 0)
		return -errno;
	if (connect(fd, (const struct sockaddr *)&notify->address, notify->address_length) < 0) {
		int error = -errno;

		close(fd);
		return error;
	}
	notify->fd = fd;
	return 0;
}

int notify_open(struct notify *notify)
{
	*notify = (struct notify){ .fd = -1, .epoll = -1 };
	notify->error = find_address(notify);
	if (notify->address_length > 0)
		notify->error = connect_to(notify);
	return notify->error;
}

/* Only for room: a socket whose other end has gone is always ready. */
static void watch_room(struct notify *notify, bool on)
{
	struct epoll_event event = { .events = EPOLLOUT };

	if (notify->fd >= 0 && notify->epoll >= 0 && on != notify->watched)
		notify->watched = epoll_ctl(notify->epoll, on ? EPOLL_CTL_ADD : EPOLL_CTL_DEL,
					  notify->fd, &event) == 0 &&
				  on;
}

static void disconnect(struct notify *notify)
{
	watch_room(notify, false);
	if (notify->fd >= 0)
		close(notify->fd);
	notify->fd = -1;
}

/* A supervisor that has not heard MAINPID, say, takes the end of this process for that of the service. */
void notify_close(struct notify *notify)
{
	const int64_t until_ns = sys_monotonic_ns() + LAST_WORDS_NS;
	int64_t left_ns = LAST_WORDS_NS;

	notify_flush(notify);
	while (notify->error == -EAGAIN && left_ns > 0) {
		struct pollfd room = { .fd = notify->fd, .events = POLLOUT };

		(void)sys_wait(&room, 1, (int)(left_ns / NS_PER_MS) + 1);
		notify_flush(notify);
		left_ns = until_ns - sys_monotonic_ns();
	}
	disconnect(notify);
}

void notify_watch(struct notify *notify, int epoll)
{
	notify->epoll = epoll;
	watch_room(notify, notify->error == -EAGAIN);
}

static int try_once(struct notify *notify, const char *text)
{
	int error = notify->fd < 0 ? connect_to(notify) : 0;

	if (error < 0)
		return error;
	return send(notify->fd, text, strlen(text), MSG_NOSIGNAL | MSG_DONTWAIT) < 0 ? -errno : 0;
}

/* A supervisor that was started again has another socket at the address. */
static int try_to_send(struct notify *notify, const char *text)
{
	int error = try_once(notify, text);

	if (error == 0 || error == -EAGAIN || notify->fd < 0)
		return error;
	disconnect(notify);
	return try_once(notify, text);
}

/* The kind whose message has waited longest, or NOTIFY_KINDS. */
static enum notify_kind first_pending(const struct notify *notify)
{
	enum notify_kind first = NOTIFY_KINDS;

	for (enum notify_kind kind = 0; kind < NOTIFY_KINDS; kind++)
		if (notify->pending[kind].turn > 0 &&
			(first == NOTIFY_KINDS ||
				notify->pending[kind].turn < notify->pending[first].turn))
			first = kind;
	return first;
}

void notify_flush(struct notify *notify)
{
	enum notify_kind kind;

	if (notify->address_length == 0)
		return;
	while ((kind = first_pending(notify)) < NOTIFY_KINDS) {
		notify->error = try_to_send(notify, notify->pending[kind].text);
		if (notify->error < 0)
			break;
		notify->pending[kind].turn = 0;
	}
	watch_room(notify, notify->error == -EAGAIN);
}

void notify_send(struct notify *notify, enum notify_kind kind, const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	(void)vsnprintf(notify->pending[kind].text, NOTIFY_TEXT_MAX, format, arguments);
	va_end(arguments);
	notify->pending[kind].turn = ++notify->turns;
	notify_flush(notify);
}

void notify_failure(int error)
{
	struct notify notify;

	if (notify_open(&notify) == 0)
		notify_send(&notify, NOTIFY_STATUS, "ERRNO=%d\nSTATUS=%s", -error,
			strerrordesc_np(-error));
	notify_close(&notify);
}
