#include "daemon/activation.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/descriptors.h"
#include "base/endpoint.h"
#include "daemon/refusal.h"

#define FIRST_FD (STDERR_FILENO + 1)

/* What is handed in, and to whom. */
struct handed {
	union addr
		addr; /* family AF_UNIX: a stream for a handler; AF_UNSPEC: nothing that serves */
	const char *name; /* of a service; NULL: the address alone says of which */
	bool taken;
};

static const char *describe_handed(const struct handed *handed, char text[static ADDR_TEXT_MAX])
{
	if (handed->addr.sa.sa_family == AF_UNIX)
		return "a stream";
	if (handed->addr.sa.sa_family == AF_UNSPEC)
		return "no socket of IPv4 or IPv6";
	return addr_format(&handed->addr, text);
}

/* With the list of what there is. */
static int reject(const struct activation *activation, const struct handed *all, const char *what,
	const char *why)
{
	char text[ADDR_TEXT_MAX];

	refusal_say(activation->log_format, "error: LISTEN_FDS: %s %s", what, why);
	for (unsigned i = 0; i < activation->count; i++)
		refusal_say(activation->log_format, "LISTEN_FDS: descriptor %u: %s%s%s",
			FIRST_FD + i, describe_handed(&all[i], text),
			all[i].name != NULL ? ", named " : "",
			all[i].name != NULL ? all[i].name : "");
	return -EINVAL;
}

/* systemd names what has no name after its unit, and others say that they know none: sd_listen_fds(3). */
static bool is_made_up(const char *name)
{
	size_t length = strlen(name), end = strlen(".socket");

	return length == 0 || strcmp(name, "unknown") == 0 || strcmp(name, "stored") == 0 ||
	       (length > end && strcmp(name + length - end, ".socket") == 0);
}

/* Those of $LISTEN_FDNAMES, if it is there: one for each, with a colon between. */
static int note_names(struct activation *activation, struct handed *all)
{
	const char *names = getenv("LISTEN_FDNAMES");
	unsigned count = 0;
	char *rest;

	if (names == NULL)
		return 0;
	rest = activation->names = strdup(names);
	if (rest == NULL)
		return -ENOMEM;
	for (char *name; (name = strsep(&rest, ":")) != NULL; count++)
		if (count < activation->count && !is_made_up(name))
			all[count].name = name;
	if (count != activation->count)
		return reject(activation, all, "LISTEN_FDNAMES",
			"must have a name for each descriptor, with a colon between them");
	return 0;
}

static void note_address(int fd, union addr *ret_addr)
{
	socklen_t length = sizeof(*ret_addr);

	memset(ret_addr, 0, sizeof(*ret_addr));
	if (getsockname(fd, &ret_addr->sa, &length) < 0 ||
		(ret_addr->sa.sa_family != AF_INET && ret_addr->sa.sa_family != AF_INET6 &&
			ret_addr->sa.sa_family != AF_UNIX))
		ret_addr->sa.sa_family = AF_UNSPEC;
}

/* By its name and its address. Where the file leaves the port to the kernel, a name is enough of one. */
static bool is_for(
	const struct handed *handed, const struct dgram_service *service, const char *host)
{
	const union addr *addr = &handed->addr;
	uint16_t port = service->port;
	struct endpoint endpoint;
	union addr wanted;

	if (addr->sa.sa_family != AF_INET && addr->sa.sa_family != AF_INET6)
		return false;
	if (handed->name != NULL && strcmp(handed->name, service->name) != 0)
		return false;
	if (handed->name != NULL && port == 0)
		port = addr_port(addr);
	return endpoint_parse(host, port, &endpoint) == ENDPOINT_POSSIBLE &&
	       endpoint_resolve(&endpoint, &wanted) == 0 && addr_same(addr, &wanted);
}

/* Returns how many there are at this address. They go behind the service's others. */
static size_t take(const struct activation *activation, struct handed *all,
	struct dgram_service *service, const char *host, int *fds)
{
	size_t count = 0;

	for (unsigned i = 0; i < activation->count; i++) {
		if (all[i].taken || !is_for(&all[i], service, host))
			continue;
		all[i].taken = true;
		fds[service->fds_count++] = FIRST_FD + (int)i;
		count++;
	}
	return count;
}

/* All of its hosts, or none. Returns how many sockets it has, or -EINVAL. */
static int give(const struct activation *activation, struct handed *all,
	struct dgram_service *service, int *fds)
{
	const char *missing = NULL;
	char what[ADDR_TEXT_MAX + 8];

	for (size_t i = 0; i < service->hosts_count; i++)
		if (take(activation, all, service, service->hosts[i], fds) == 0)
			missing = service->hosts[i];
	if (service->fds_count == 0)
		return 0;
	if (missing != NULL) {
		(void)snprintf(what, sizeof(what), "host %s", missing);
		return reject(
			activation, all, what, "has no socket, and another one of its service has");
	}
	service->fds = fds;
	service->hosts_count = 0;
	service->port = 0;
	service->receivers = 1;
	service->freebind = false;
	return (int)service->fds_count;
}

static bool is_service(const struct activation *activation, size_t services, const char *name)
{
	for (size_t i = 0; i < services; i++)
		if (strcmp(activation->services[i].name, name) == 0)
			return true;
	return false;
}

/* Of one that no service has taken, and that is no stream. */
static int reject_left(const struct activation *activation, const struct handed *all,
	unsigned index, size_t services)
{
	const struct handed *left = &all[index];
	char what[32], text[ADDR_TEXT_MAX], why[ADDR_TEXT_MAX + 64];

	(void)snprintf(what, sizeof(what), "descriptor %u", FIRST_FD + index);
	if (left->addr.sa.sa_family == AF_UNSPEC)
		return reject(activation, all, what, "is no socket of IPv4 or IPv6");
	if (left->name != NULL && !is_service(activation, services, left->name))
		return reject(activation, all, what, "is named as no service is");
	(void)snprintf(why, sizeof(why), "is bound to %s, where %s service is to listen",
		addr_format(&left->addr, text), left->name != NULL ? "not its" : "no");
	return reject(activation, all, what, why);
}

static int give_all(const struct activation *activation, struct handed *all, size_t services)
{
	int *fds = activation->fds;

	for (size_t i = 0; i < services; i++) {
		int count = give(activation, all, &activation->services[i], fds);

		if (count < 0)
			return count;
		fds += count;
	}
	for (unsigned i = 0; i < activation->count; i++)
		if (!all[i].taken && all[i].addr.sa.sa_family != AF_UNIX)
			return reject_left(activation, all, i, services);
	return 0;
}

int activation_begin(struct activation *activation, struct dgram_options *options)
{
	size_t bytes = options->services_count * sizeof(*options->services);
	struct handed *all;
	int error = -ENOMEM;

	activation->log_format = options->log_format;
	activation->count = descriptors_handed_in();
	if (activation->count == 0)
		return 0;
	activation->services = malloc(bytes);
	activation->fds = calloc(activation->count, sizeof(*activation->fds));
	all = calloc(activation->count, sizeof(*all));
	if (activation->services != NULL && activation->fds != NULL && all != NULL) {
		memcpy(activation->services, options->services, bytes);
		for (unsigned i = 0; i < activation->count; i++)
			note_address(FIRST_FD + (int)i, &all[i].addr);
		error = note_names(activation, all);
		if (error == 0)
			error = give_all(activation, all, options->services_count);
		options->services = activation->services;
	}
	free(all);
	return error;
}

void activation_end(struct activation *activation)
{
	for (unsigned i = 0; i < activation->count; i++)
		if (activation->fds[i] > 0)
			(void)close(activation->fds[i]);
	free(activation->services);
	free(activation->fds);
	free(activation->names);
	*activation = (struct activation){ 0 };
}
