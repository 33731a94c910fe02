/* Sockets that were handed in, all together: what they have to be. */
#include <errno.h>
#include <stdlib.h>

#include "server/server.h"

#define FDS_MAX ((size_t)DGRAM_HOSTS_MAX * DGRAM_RECEIVERS_MAX)

/* A socket of a service. */
struct handed {
	size_t service, index;
	union addr address;
	uint64_t cookie; /* the kernel's number of it; 0: not known */
};

static int option_of(int fd, int level, int option)
{
	int value = 0;
	socklen_t length = sizeof(value);

	return getsockopt(fd, level, option, &value, &length) < 0 ? -1 : value;
}

static uint64_t get_cookie(int fd)
{
	uint64_t cookie = 0;
	socklen_t length = sizeof(cookie);

	return getsockopt(fd, SOL_SOCKET, SO_COOKIE, &cookie, &length) < 0 ? 0 : cookie;
}

static bool is_udp(int fd)
{
	int domain = option_of(fd, SOL_SOCKET, SO_DOMAIN);

	return (domain == AF_INET || domain == AF_INET6) &&
	       option_of(fd, SOL_SOCKET, SO_PROTOCOL) == IPPROTO_UDP;
}

int server_fds_address(int fd, union addr *ret_address)
{
	socklen_t length = sizeof(*ret_address);

	return getsockname(fd, &ret_address->sa, &length) < 0 ? -errno : 0;
}

/* What is wrong with it, or NULL. */
static const char *find_fault(int fd, union addr *ret_address)
{
	union addr peer;
	socklen_t length = sizeof(peer);

	if (option_of(fd, SOL_SOCKET, SO_TYPE) < 0)
		return errno == ENOTSOCK ? "is not a socket" : "is not an open descriptor";
	if (!is_udp(fd))
		return "is not a UDP socket";
	if (server_fds_address(fd, ret_address) < 0 || addr_port(ret_address) == 0)
		return "is not bound to a port";
	if (getpeername(fd, &peer.sa, &length) == 0)
		return "is connected, so that only one client could ask";
	if (addr_is_multicast(ret_address))
		return "is bound to a multicast address, which no answer can leave from";
	if (ret_address->sa.sa_family == AF_INET6 && option_of(fd, IPPROTO_IPV6, IPV6_V6ONLY) != 1)
		return "takes IPv4, too: set IPV6_V6ONLY, and hand in a socket for IPv4 beside it";
	return NULL;
}

static int check_against(const struct dgram_options *options, const struct handed *handed,
	const struct handed *before)
{
	const char *why = NULL;

	if (handed->cookie != 0 && handed->cookie == before->cookie)
		why = "is the same socket as";
	else if (handed->service != before->service &&
		 addr_same(&handed->address, &before->address))
		why = "has the same address as";
	if (why == NULL)
		return 0;
	return server_options_refuse(options, "services[%zu].fds[%zu]: %s services[%zu].fds[%zu]",
		handed->service, handed->index, why, before->service, before->index);
}

/* Those of one host stand one behind the other. */
static int check_order(const struct dgram_options *options, const struct handed *all, size_t number)
{
	const struct handed *handed = &all[number];

	for (size_t i = 0; i + 1 < number; i++)
		if (all[i].service == handed->service &&
			addr_same(&all[i].address, &handed->address) &&
			!addr_same(&all[number - 1].address, &handed->address))
			return server_options_refuse(options,
				"services[%zu].fds[%zu]: has the same address as "
				"services[%zu].fds[%zu], so it must stand behind it",
				handed->service, handed->index, all[i].service, all[i].index);
	return 0;
}

static int check_fd(const struct dgram_options *options, struct handed *all, size_t number)
{
	struct handed *handed = &all[number];
	int fd = options->services[handed->service].fds[handed->index];
	const char *fault = find_fault(fd, &handed->address);
	int error = 0;

	if (fault != NULL)
		return server_options_refuse(options, "services[%zu].fds[%zu]: %s", handed->service,
			handed->index, fault);
	handed->cookie = get_cookie(fd);
	for (size_t i = 0; error == 0 && i < number; i++)
		error = check_against(options, handed, &all[i]);
	return error < 0 ? error : check_order(options, all, number);
}

/* Its sockets say where it listens. */
static int check_fields(const struct dgram_options *options, size_t index)
{
	const struct dgram_service *service = &options->services[index];

	if (service->fds_count > FDS_MAX)
		return server_options_refuse(options,
			"services[%zu].fds_count: must be a whole number from 0 to %zu", index,
			FDS_MAX);
	if (service->fds_count > 0 && service->fds == NULL)
		return server_options_refuse(options, "services[%zu].fds: missing", index);
	if (service->fds_count > 0 && (service->hosts_count > 0 || service->port != 0 ||
					      service->receivers != 1 || service->freebind))
		return server_options_refuse(options,
			"services[%zu].fds: cannot be set with hosts, port, receivers or freebind",
			index);
	return 0;
}

static int check_all(const struct dgram_options *options, struct handed *all)
{
	size_t number = 0;
	int error = 0;

	for (size_t i = 0; i < options->services_count; i++)
		for (size_t j = 0; error == 0 && j < options->services[i].fds_count; j++) {
			all[number].service = i;
			all[number].index = j;
			error = check_fd(options, all, number++);
		}
	return error;
}

int server_fds_check(const struct dgram_options *options)
{
	struct handed *all;
	size_t count = 0;
	int error = 0;

	for (size_t i = 0; error == 0 && i < options->services_count; i++) {
		error = check_fields(options, i);
		count += options->services[i].fds_count;
	}
	if (error < 0 || count == 0)
		return error;
	all = calloc(count, sizeof(*all));
	if (all == NULL)
		return server_options_fail(options, -ENOMEM);
	error = check_all(options, all);
	free(all);
	return error;
}
