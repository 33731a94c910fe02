/* A network of the test's own, with a loopback interface that gets addresses. For root. */
#ifndef NETWORK_SUPPORT_H
#define NETWORK_SUPPORT_H

#include <arpa/inet.h>
#include <net/if.h>
#include <sched.h>
#include <sys/ioctl.h>

#include "server_support.h"

static inline void configure(unsigned long what, const char *name, const char *host)
{
	struct sockaddr_in address = { .sin_family = AF_INET };
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	struct ifreq request;

	memset(&request, 0, sizeof(request));
	(void)snprintf(request.ifr_name, sizeof(request.ifr_name), "%s", name);
	if (host != NULL) {
		assert_int_equal(inet_pton(AF_INET, host, &address.sin_addr), 1);
		memcpy(&request.ifr_addr, &address, sizeof(address));
	} else {
		request.ifr_flags = IFF_UP | IFF_LOOPBACK | IFF_RUNNING;
	}
	assert_int_equal(ioctl(fd, what, &request), 0);
	close(fd);
}

/* By another label for each address: "lo:1". */
static inline void add_address(const char *label, const char *host)
{
	configure(SIOCSIFADDR, label, host);
}

static inline int setup_network(void **state)
{
	(void)state;
	if (unshare(CLONE_NEWNET) == 0)
		configure(SIOCSIFFLAGS, "lo", NULL);
	return 0;
}

#endif
