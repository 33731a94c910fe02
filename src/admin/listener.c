#include "admin/listener.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#define BACKLOG 128

static int make_address(const char *path, struct sockaddr_un *ret_address)
{
	if (strlen(path) >= sizeof(ret_address->sun_path))
		return -ENAMETOOLONG;
	*ret_address = (struct sockaddr_un){ .sun_family = AF_UNIX };
	(void)snprintf(ret_address->sun_path, sizeof(ret_address->sun_path), "%s", path);
	return 0;
}

/* A connection that waits in the backlog is one, too. */
static bool is_alive(const struct sockaddr_un *address)
{
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	bool refused;

	if (fd < 0)
		return true;
	refused = connect(fd, (const struct sockaddr *)address, sizeof(*address)) < 0 &&
		  errno == ECONNREFUSED;
	close(fd);
	return !refused;
}

static int bind_path(int fd, const struct sockaddr_un *address)
{
	struct stat status;
	int result;

	result = bind(fd, (const struct sockaddr *)address, sizeof(*address));
	if (result == 0 || errno != EADDRINUSE)
		return result < 0 ? -errno : 0;
	if (lstat(address->sun_path, &status) < 0 || !S_ISSOCK(status.st_mode) || is_alive(address))
		return -EADDRINUSE;
	if (unlink(address->sun_path) < 0 ||
		bind(fd, (const struct sockaddr *)address, sizeof(*address)) < 0)
		return -errno;
	return 0;
}

/* Until it has its group nobody else may connect. Units may forbid chown(2), so it is called where it is needed, as is
 * chmod(2), which is the owner's. */
static int give_rights(const struct config_admin *config, const struct stat *status)
{
	if (config->has_group && status->st_gid != config->group &&
		chown(config->socket, (uid_t)-1, config->group) < 0)
		return -errno;
	if ((status->st_mode & 07777) == config->mode)
		return 0;
	return chmod(config->socket, config->mode) < 0 ? -errno : 0;
}

/* From now on the path is its own, and it is its place. */
static int take_path(struct admin_listener *listener, const struct config_admin *config)
{
	struct stat status;

	if (lstat(config->socket, &status) < 0)
		return -errno;
	listener->path = config->socket;
	listener->device = status.st_dev;
	listener->file = status.st_ino;
	return give_rights(config, &status);
}

static int bind_as_file(struct admin_listener *listener, const struct config_admin *config)
{
	struct sockaddr_un address;
	int error = make_address(config->socket, &address);
	mode_t before;

	if (error < 0)
		return error;
	before = umask(0177);
	error = bind_path(listener->fd, &address);
	(void)umask(before);
	if (error == 0)
		error = take_path(listener, config);
	if (error == 0 && listen(listener->fd, BACKLOG) < 0)
		error = -errno;
	return error;
}

int listener_open_path(struct admin_listener *listener, const struct config_admin *config)
{
	listener->local = true;
	(void)snprintf(listener->place, sizeof(listener->place), "%s", config->socket);
	listener->fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	return listener->fd < 0 ? -errno : bind_as_file(listener, config);
}

/* The path may have gone since, or be another one's by now. */
static bool is_left_at(int fd, const char *path)
{
	struct sockaddr_un wanted, bound = { 0 };
	socklen_t length = sizeof(bound);
	struct stat status;

	return fd >= 0 && make_address(path, &wanted) == 0 &&
	       getsockname(fd, (struct sockaddr *)&bound, &length) == 0 &&
	       bound.sun_family == AF_UNIX &&
	       strncmp(bound.sun_path, wanted.sun_path, sizeof(bound.sun_path)) == 0 &&
	       lstat(path, &status) == 0 && S_ISSOCK(status.st_mode);
}

int listener_inherit_path(
	struct admin_listener *listener, const struct config_admin *config, int inherited)
{
	if (!is_left_at(inherited, config->socket))
		return -ENOENT;
	listener->local = true;
	(void)snprintf(listener->place, sizeof(listener->place), "%s", config->socket);
	listener->handed_over = true;
	listener->fd = fcntl(inherited, F_DUPFD_CLOEXEC, 0);
	return listener->fd < 0 ? -errno : take_path(listener, config);
}

int listener_inherit_address(
	struct admin_listener *listener, const union addr *address, int inherited)
{
	union addr bound = { 0 }, compared;
	socklen_t length = sizeof(bound);
	char text[ADDR_TEXT_MAX];

	if (inherited < 0 || getsockname(inherited, &bound.sa, &length) < 0)
		return -ENOENT;
	compared = bound;
	if (addr_port(address) == 0)
		addr_set_port(&compared, 0);
	if (!addr_same(&compared, address))
		return -ENOENT;
	(void)snprintf(listener->place, sizeof(listener->place), "%s", addr_format(&bound, text));
	listener->fd = fcntl(inherited, F_DUPFD_CLOEXEC, 0);
	return listener->fd < 0 ? -errno : 0;
}

/* A port of TCP is the kernel's for a minute after its last connection, unless SO_REUSEADDR is set; unlike with UDP,
 * nobody else can have a port that is listened at. */
int listener_open_address(struct admin_listener *listener, const union addr *address)
{
	const int on = 1;
	union addr bound = *address;
	socklen_t length = sizeof(bound);
	char text[ADDR_TEXT_MAX];
	int fd = socket(address->sa.sa_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	(void)snprintf(listener->place, sizeof(listener->place), "%s", addr_format(address, text));
	listener->fd = fd;
	if (fd < 0 || setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)) < 0 ||
		(address->sa.sa_family == AF_INET6 &&
			setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &on, sizeof(on)) < 0) ||
		bind(fd, &address->sa, addr_length(address)) < 0 || listen(fd, BACKLOG) < 0 ||
		getsockname(fd, &bound.sa, &length) < 0)
		return -errno;
	(void)snprintf(listener->place, sizeof(listener->place), "%s", addr_format(&bound, text));
	return 0;
}

static void remove_path(const struct admin_listener *listener)
{
	struct sockaddr_un address;
	struct stat status;

	if (lstat(listener->path, &status) < 0 || status.st_dev != listener->device ||
		status.st_ino != listener->file)
		return;
	if (listener->handed_over && make_address(listener->path, &address) == 0 &&
		is_alive(&address))
		return;
	(void)unlink(listener->path); /* which its user may not be allowed to do */
}

void listener_close(struct admin_listener *listener)
{
	if (listener->fd >= 0)
		close(listener->fd);
	if (listener->path != NULL)
		remove_path(listener);
	listener->fd = -1;
	listener->path = NULL;
}
