#include "process/ucspi.h"

#include <stdio.h>
#include <string.h>

/* "UDPREMOTEIP=fe80::1%eth0" and "UDPREMOTEPORT=20000" */
static void put_address(struct ucspi *ucspi, size_t index, const char *name,
	const struct sockaddr *address, socklen_t length)
{
	char text[ADDR_TEXT_MAX];
	union addr addr = { .in6 = { 0 } };
	size_t begin;

	memcpy(&addr, address, length);
	(void)addr_format(&addr, text);
	begin = text[0] == '[';
	(void)snprintf(ucspi->text[index], sizeof(ucspi->text[index]), "%sIP=%.*s", name,
		(int)strcspn(text + begin, begin > 0 ? "]" : ":"), text + begin);
	(void)snprintf(ucspi->text[index + 1], sizeof(ucspi->text[index + 1]), "%sPORT=%u", name,
		addr_port(&addr));
}

void ucspi_set(struct ucspi *ucspi, const struct dgram_request *request, char **environment)
{
	(void)snprintf(ucspi->text[0], sizeof(ucspi->text[0]), "PROTO=UDP");
	(void)snprintf(ucspi->text[1], sizeof(ucspi->text[1]), "DGRAM_SERVICE=%s",
		dgram_request_service(request));
	put_address(ucspi, 2, "UDPREMOTE", request->client, request->client_length);
	put_address(ucspi, 4, "UDPLOCAL", request->local, request->local_length);
	for (size_t i = 0; i < UCSPI_VARIABLES; i++)
		environment[i] = ucspi->text[i];
	environment[UCSPI_VARIABLES] = NULL;
}
