/* An event loop: libuv, told to receive with recvmmsg and answering at once. Usage: libuv_echo PORT.
 * Ends by a signal. */
/* link: -luv */
#include "bench/peers/peer.h"

#include <uv.h>

#define BATCH 20 /* libuv's own limit */

static char buffer[BATCH * 65536]; /* it divides what it is given by 64 KiB */

static void lend_buffer(uv_handle_t *handle, size_t suggested, uv_buf_t *ret_buffer)
{
	(void)handle;
	(void)suggested;
	*ret_buffer = uv_buf_init(buffer, sizeof(buffer));
}

static void echo(uv_udp_t *udp, ssize_t length, const uv_buf_t *received,
	const struct sockaddr *client, unsigned flags)
{
	uv_buf_t reply;

	(void)flags;
	if (length < 0 || client == NULL)
		return;
	reply = uv_buf_init(received->base, (unsigned)length);
	(void)uv_udp_try_send(udp, &reply, 1, client);
}

int main(int argc, char **argv)
{
	int fd = peer_socket(argc > 1 ? argv[1] : "0");
	uv_loop_t *loop = uv_default_loop();
	uv_udp_t udp;

	if (uv_udp_init_ex(loop, &udp, AF_UNSPEC | UV_UDP_RECVMMSG) < 0 ||
		uv_udp_open(&udp, fd) < 0 || uv_udp_recv_start(&udp, lend_buffer, echo) < 0)
		return 1;
	return uv_run(loop, UV_RUN_DEFAULT);
}
