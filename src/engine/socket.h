/* Station 1: a bound UDP socket, and receiving a batch from it.
 *
 * Its descriptor stays the same from its opening to its end: a socket that is bound later, or elsewhere, takes
 * its place there (socket_replace). Other threads read of it only what the atomic fields allow. */
#ifndef ENGINE_SOCKET_H
#define ENGINE_SOCKET_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/socket.h>

#include "base/addr.h"
#include "core/datagram.h"
#include "engine/arrivals.h"
#include "guard/own_addresses.h"

#define SOCKET_BATCH 64u

struct socket {
	int fd; /* -1: not open */
	/* Of `bound`, in network order; 0: it is bound to nothing yet, and the rest is not set. */
	_Atomic in_port_t port;
	/* Of `bound`, now: its interface may come again with another number. */
	_Atomic uint32_t scope;
	_Atomic uint64_t drops_before; /* the kernel's, at the sockets whose place it took */
	union addr bound;	       /* with the real port: see socket_address() */
	bool wildcard;	/* or broadcast: the address that was asked comes with each datagram */
	bool reuseport; /* it shares the address of one that was opened before it */
	bool segments;	/* the kernel splits a message into datagrams (UDP_SEGMENT) */
	unsigned receive_buffer_bytes; /* what the kernel granted, its overhead included */
	unsigned send_buffer_bytes;
	bool gro; /* the kernel may hand over several datagrams as one message (UDP_GRO) */
	unsigned busy_poll_us;
	struct own_addresses *own; /* of the machine, where it is a wildcard; NULL: not known */
};

/* What to ask of the kernel; 0: nothing, its default stays. */
struct socket_config {
	unsigned receive_bytes; /* of the buffer */
	unsigned send_bytes;
	bool gro;
	struct own_addresses *own; /* that a wildcard socket is at; outlives it */
	unsigned busy_poll_us;	   /* how long a reception may spin in the device's driver */
	bool freebind; /* bind to an address that this machine may get later, or never */
};

/* The ancillary data of a message: a timestamp, a segment's length, and an address. */
struct socket_control {
	_Alignas(struct cmsghdr) unsigned char bytes[CMSG_SPACE(sizeof(struct timespec)) +
						     CMSG_SPACE(sizeof(int)) +
						     CMSG_SPACE(sizeof(struct in6_pktinfo))];
};

/* Of what is sent: its source, and the length of its segments. */
struct send_control {
	_Alignas(struct cmsghdr) unsigned char bytes[CMSG_SPACE(sizeof(struct in6_pktinfo)) +
						     CMSG_SPACE(sizeof(uint16_t))];
};

struct super_packets;

/* What a receiver needs for a batch. */
struct socket_batch {
	unsigned data_bytes;	     /* of room in each slot */
	unsigned most;		     /* datagrams to receive at once: at most SOCKET_BATCH */
	unsigned used;		     /* messages that the kernel wrote to, from the first */
	struct arrivals arrivals;    /* of the socket that it receives from */
	struct super_packets *super; /* NULL: each message is a datagram */
	struct mmsghdr messages[SOCKET_BATCH];
	struct iovec vectors[SOCKET_BATCH];
	struct socket_control controls[SOCKET_BATCH];
};

/* Open a socket bound to `address` (port 0: the kernel picks one) that no other socket can share.
 * Errors as socket(2) and bind(2). */
int socket_open(
	const union addr *address, const struct socket_config *config, struct socket *ret_socket);

/* Open another socket at the address of `first`: the kernel divides the clients among them. From
 * now on other programs of the same user that ask for it (SO_REUSEPORT) can bind there, too. */
int socket_open_reuseport(
	struct socket *first, const struct socket_config *config, struct socket *ret_socket);

/* Open a socket that is bound to nothing, and receives nothing: of this family, or where the machine has none
 * of it, of the other. Errors as socket(2). */
int socket_open_idle(sa_family_t family, struct socket *ret_socket);

/* Put `next`, whose owner gives it up, in the place of `socket`, which is idle, or at the same address of an
 * interface that had another number: as one system call for those who use its descriptor meanwhile. */
void socket_replace(struct socket *socket, const struct socket *next);

/* Have a thread that waits for it in poll(2) return, now and from now on; it receives and sends as before. */
void socket_wake(const struct socket *socket);

/* Work on a duplicate of a UDP socket that somebody else has bound; `reuseport`: it has the address of one that
 * was opened before it. */
int socket_adopt(
	int fd, bool reuseport, const struct socket_config *config, struct socket *ret_socket);

/* Closing a closed one is fine. */
void socket_close(struct socket *socket);

/* For slots with room for `data_bytes` each; `gro`: for messages of several datagrams. Reads the clocks, so
 * that the first batch, too, can tell whether the wall clock was set. For one socket. -ENOMEM. */
int socket_batch_init(struct socket_batch *batch, unsigned data_bytes, bool gro);

/* A zeroed one is fine. */
void socket_batch_destroy(struct socket_batch *batch);

/* Bytes of address space that a batch takes besides the struct. */
size_t socket_batch_bytes(bool gro);

/* Does it hold datagrams that found no slot? The next socket_receive() gives them, and poll(2) does not
 * know of them. */
bool socket_batch_holds_more(const struct socket_batch *batch);

/* Receive at most `batch->most` datagrams into these free slots, without waiting. Returns how many
 * slots were filled, from the first (0: nothing had arrived), or -errno. Between two calls only
 * slots that were filled may be exchanged for others. */
int socket_receive(const struct socket *socket, struct socket_batch *batch,
	struct datagram *const slots[static SOCKET_BATCH]);

/* Is it bound? Thread: any. */
static inline bool socket_is_bound(const struct socket *socket)
{
	return atomic_load_explicit(&socket->port, memory_order_acquire) != 0;
}

/* What it is bound to. Thread: any. */
union addr socket_address(const struct socket *socket);

/* Would an answer to `source` come back to one of these sockets? To a wildcard socket it would from each of
 * the machine's own addresses, and from any where these are not known. */
bool socket_is_own(const struct socket *sockets, unsigned count, const union addr *source);

/* Is it an address of this machine? Yes when that cannot be found out. */
bool socket_is_local(const union addr *address);

/* Messages that the kernel dropped because this socket's buffer was full: datagrams, or with UDP_GRO
 * several joined ones. Thread: any. */
uint64_t socket_kernel_drops(const struct socket *socket);

/* Write the ancillary data that sends a datagram from `local` into `control`; nothing when it
 * is the wildcard: the kernel chooses. Returns its length. */
size_t socket_source(const union addr *local, struct send_control *control);

/* Add to the `used` bytes of ancillary data that the message is to be sent as datagrams of `bytes`
 * each. Returns the new length. */
size_t socket_segment(uint16_t bytes, struct send_control *control, size_t used);

#endif
