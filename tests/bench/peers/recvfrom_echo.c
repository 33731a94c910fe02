/* The loop that everybody writes first: recvfrom, sendto. Usage: recvfrom_echo PORT. Ends by a
 * signal. */
#include "bench/peers/peer.h"

int main(int argc, char **argv)
{
	int fd = peer_socket(argc > 1 ? argv[1] : "0");
	static char bytes[2048];

	for (;;) {
		struct sockaddr_in client;
		socklen_t size = sizeof(client);
		ssize_t length =
			recvfrom(fd, bytes, sizeof(bytes), 0, (struct sockaddr *)&client, &size);

		if (length >= 0)
			(void)sendto(
				fd, bytes, (size_t)length, 0, (struct sockaddr *)&client, size);
	}
}
