#include "load/kernel.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define LINE_MAX_BYTES 512

/* A row of /proc/net/udp or udp6: the address is words of the machine's order, in hexadecimal. */
static bool parse_row(const char *line, union addr *ret_local, struct load_kernel *ret_row)
{
	uint32_t words[4];
	unsigned port;
	union addr local;
	int end = 0;

	memset(&local, 0, sizeof(local));
	if (sscanf(line, " %*u: %8" SCNx32 "%8" SCNx32 "%8" SCNx32 "%8" SCNx32 ":%X %n", &words[0],
		    &words[1], &words[2], &words[3], &port, &end) == 5) {
		local.in6.sin6_family = AF_INET6;
		memcpy(&local.in6.sin6_addr, words, sizeof(words));
	} else if (sscanf(line, " %*u: %8" SCNx32 ":%X %n", &words[0], &port, &end) == 2) {
		local.in.sin_family = AF_INET;
		local.in.sin_addr.s_addr = words[0];
	} else {
		return false;
	}
	addr_set_port(&local, (uint16_t)port);
	*ret_local = local;
	return sscanf(line + end, "%*s %*s %*x:%" SCNx64 " %*s %*s %*s %*s %*s %*s %*s %" SCNu64,
		       &ret_row->queue_bytes, &ret_row->drops) == 2;
}

static bool serves(const union addr *local, const union addr *server)
{
	return addr_port(local) == addr_port(server) &&
	       (addr_is_wildcard(local) || addr_same_host(local, server));
}

static void add_rows(const char *path, const union addr *server, struct load_kernel *kernel)
{
	FILE *file = fopen(path, "re");
	char line[LINE_MAX_BYTES];
	struct load_kernel row;
	union addr local;

	if (file == NULL)
		return;
	while (fgets(line, sizeof(line), file) != NULL) {
		if (!parse_row(line, &local, &row) || !serves(&local, server))
			continue;
		kernel->local = true;
		kernel->drops += row.drops;
		kernel->queue_bytes += row.queue_bytes;
	}
	(void)fclose(file);
}

/* An address is this machine's when a socket can have it. */
static bool is_ours(const union addr *server)
{
	int fd = socket(server->sa.sa_family, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	union addr address = *server;
	bool ours;

	addr_set_port(&address, 0);
	ours = fd >= 0 && bind(fd, &address.sa, addr_length(&address)) == 0;
	if (fd >= 0)
		close(fd);
	return ours;
}

void load_kernel_read(const union addr *server, struct load_kernel *ret_kernel)
{
	struct load_kernel kernel = { .local = false };

	if (is_ours(server)) {
		if (server->sa.sa_family == AF_INET)
			add_rows("/proc/net/udp", server, &kernel);
		add_rows("/proc/net/udp6", server, &kernel);
	}
	*ret_kernel = kernel;
}
