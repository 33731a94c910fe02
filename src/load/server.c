#include "load/server.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define LINE_MAX_BYTES 512

/* A row of /proc/net/udp or udp6. The address is one or four hexadecimal words in the machine's byte
 * order. */
static bool parse_row(const char *line, union addr *ret_local, struct load_server *ret_row)
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

static bool is_bound_to(const union addr *local, const union addr *address)
{
	return addr_port(local) == addr_port(address) &&
	       (addr_is_wildcard(local) || addr_same_host(local, address));
}

static void add_rows(const char *path, const union addr *address, struct load_server *server)
{
	FILE *file = fopen(path, "re");
	char line[LINE_MAX_BYTES];
	struct load_server row;
	union addr local;

	if (file == NULL)
		return;
	while (fgets(line, sizeof(line), file) != NULL) {
		if (!parse_row(line, &local, &row) || !is_bound_to(&local, address))
			continue;
		server->local = true;
		server->drops += row.drops;
		server->queue_bytes += row.queue_bytes;
	}
	(void)fclose(file);
}

/* A socket can be bound only to an address of this machine. */
static bool is_local_address(union addr address)
{
	int fd = socket(address.sa.sa_family, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	bool local;

	addr_set_port(&address, 0);
	local = fd >= 0 && bind(fd, &address.sa, addr_length(&address)) == 0;
	if (fd >= 0)
		close(fd);
	return local;
}

void load_server_read(const union addr *address, struct load_server *ret_server)
{
	*ret_server = (struct load_server){ .local = false };
	if (!is_local_address(*address))
		return;
	if (address->sa.sa_family == AF_INET)
		add_rows("/proc/net/udp", address, ret_server);
	add_rows("/proc/net/udp6", address, ret_server);
}
