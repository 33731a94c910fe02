/* The simulated network: what clients send, the sockets with their bounded buffers, and what comes
 * of each send. */
#ifndef SIM_NETWORK_H
#define SIM_NETWORK_H

#include <poll.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/socket.h>

#include "base/addr.h"
#include "core/datagram.h"
#include "core/ledger.h"
#include "world.h"

#define NETWORK_STOP_FD 1
#define NETWORK_FIRST_FD 1000
#define NETWORK_SOCKETS_MAX 18u
#define NOBODY UINT32_MAX /* no letter */

enum letter_state {
	LETTER_SENT,
	LETTER_IN_SOCKET,
	LETTER_LOST, /* the socket's buffer was full */
	LETTER_RECEIVED,
	LETTER_WAITING, /* in a queue */
	LETTER_TAKEN,	/* popped, not yet finished */
	LETTER_EVICTED, /* dropped by a full queue, and may get a busy reply */
	LETTER_DONE,
};

/* A datagram from a client, from beginning to end; known by its number. */
struct letter {
	enum letter_state state;
	union addr from;
	uint64_t content; /* what its bytes are made of */
	uint32_t length;
	unsigned socket;
	unsigned group;	     /* of clients */
	unsigned tries_left; /* if it is not answered */
	bool stamped;	     /* the kernel says when it arrived, if it is asked */
	bool answered;	     /* it, or another try */
	int64_t sent_ns;
	int64_t arrived_ns;
	int64_t stamp_ns;     /* of the wall clock; 0: it was not taken */
	unsigned clock_steps; /* before it arrived */
	int64_t answered_ns;  /* 0: never */

	/* The model's. */
	const struct datagram *datagram; /* while it waits */
	uint32_t flow;
	uint64_t sequence; /* of pushes; inline, of receptions */
	bool sorted;	   /* seen in the product's record of its flow, until its finish */
	int64_t expires_ns;
	int64_t charged_ns;		 /* when it was taken; 0: it was taken with all */
	uint32_t older, newer;		 /* of those that wait */
	uint32_t flow_older, flow_newer; /* of those of its flow */

	/* Its fate. */
	unsigned runs;
	uint64_t began; /* in the order of all that run, or get a busy reply */
	int64_t service_ns;
	ssize_t outcome;
	unsigned replies;
	int send_error; /* of the last attempt */

	/* Outside: some child was asked it; it is failed_child; it is refused. */
	bool asked, cost, refused;
};

/* What looking at a socket tells of arrivals, as the model has it. */
struct looks {
	int64_t at_ns;		 /* the last reception; */
	bool empty;		 /* it took all */
	int64_t floor_ns;	 /* what came later arrived no earlier, */
	int64_t before_floor_ns; /* and what came with it no earlier */
	int64_t busy_ns;	 /* from the reception before to it, without sleep */
	int64_t late_ns; /* since one that took all: woken and held up, and so unaware of what came */
	int64_t slept_ns; /* since it, waiting for a datagram */
	bool waited;	  /* the same, if only for a moment */
	int64_t doubt_ns; /* between the floor and the moment when timestamps were switched on */
};

struct sim_socket {
	unsigned service;
	unsigned
		reuseport_sockets; /* sockets with its address, from this one on; 0: it is not the first */
	union addr bound;
	bool segments;	   /* it takes joined messages apart, */
	int join_error;	   /* but not */
	size_t join_most;  /* those with longer replies; EIO: none */
	uint32_t *waiting; /* a ring of letters */
	unsigned first, count, room;
	bool failed_at_stop;
	uint64_t sent, lost;
	int64_t send_room_ns; /* nothing can be sent before */
	unsigned clock_steps; /* as of the last reception */
	bool was_calm;	      /* before the run: the product has switched timestamps off */
	bool no_timestamps;   /* the product does not ask for them */
	struct looks looks;
	uint32_t received[64]; /* by the last call, and not yet pushed */
	unsigned received_count;

	/* Inline: the books of its receiver, and what they become with the last change. */
	struct ledger books, coming;
	uint64_t sequence, ran;
};

#define SENT_KEPT 64u

/* What a thread has sent, and learned. */
struct sender {
	uint32_t sent[SENT_KEPT]; /* a ring: the last letters that it answered */
	unsigned sent_count;
	uint32_t apart; /* the first letter of a joined message that failed */
	int apart_error;
	size_t apart_length;
	bool learned; /* not to join what is longer than */
	size_t join_most;
	uint32_t
		learned_of; /* the letter; over IPv6, except after EIO, it is for this client alone */
	int learned_error;
	uint64_t learned_at; /* when it had begun so many */
};

struct network {
	struct letter *letters;
	uint32_t count, room;
	struct sim_socket sockets[NETWORK_SOCKETS_MAX];
	unsigned sockets_count;
	unsigned clock_steps;
	bool stopping;
	uint64_t begun; /* letters, in handlers */
	struct sender senders[WORLD_TASKS_MAX];
	bool blind; /* sends are only counted */
	uint64_t sent;

	/* Which letter a slot holds, or a reply's buffer answers. */
	struct place {
		const void *at;
		uint32_t letter;
	} * places;
	unsigned places_mask;

	bool others_have_timestamps; /* sockets of other programs: then the kernel takes them at any time */
	unsigned receive_error_one_in;
	unsigned send_error_one_in, send_short_one_in;
};

void network_init(struct network *network, unsigned places);
void network_free(struct network *network);

/* A new letter, which is not on its way yet. */
uint32_t network_letter(struct network *network);

/* It reaches its socket: an event. */
void network_arrive(void *context, uint64_t letter);

/* The letter in this slot, or that the reply in this buffer answers. */
uint32_t network_letter_in(const struct network *network, const void *place);
void network_put(struct network *network, const void *place, uint32_t letter);

/* Which of the sockets with the address of `first` a client's letters come to. */
unsigned network_lane(const struct network *network, unsigned first, const union addr *client);

/* To what it was sent, which the kernel says where it was not the socket's own address. */
enum datagram_cast network_cast(uint32_t letter);

/* Has the address of this socket left the machine? The kernel's answers do not tell. */
bool network_is_gone(unsigned socket);

/* Is this what was sent, up to `length` bytes? */
bool network_is_content(const struct letter *letter, const unsigned char *bytes, size_t length);

int network_receive(int fd, struct mmsghdr *messages, unsigned count);
int network_send(int fd, struct mmsghdr *messages, unsigned count);
int network_timestamp(int fd, bool on);

/* A thread has waited for these. */
void network_slept(const struct pollfd *fds, unsigned count, int64_t ns);

unsigned network_poll(struct pollfd *fds, unsigned count, int64_t *ret_until_ns);

#endif
