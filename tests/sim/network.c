#include "network.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/clock.h"
#include "run.h"

#define SEND_PAUSE_MAX_NS (10 * NS_PER_MS)

void network_init(struct network *network, unsigned slots)
{
	unsigned size = 64;

	while (size < 4 * slots)
		size *= 2;
	network->slots = calloc(size, sizeof(*network->slots));
	network->slots_mask = size - 1;
	if (network->slots == NULL)
		abort();
	for (unsigned i = 0; i < network->sockets_count; i++) {
		struct sim_socket *socket = &network->sockets[i];

		socket->waiting = calloc(socket->room, sizeof(*socket->waiting));
		if (socket->waiting == NULL)
			abort();
	}
}

void network_free(struct network *network)
{
	for (unsigned i = 0; i < network->sockets_count; i++)
		free(network->sockets[i].waiting);
	free(network->slots);
	free(network->letters);
}

uint32_t network_letter(struct network *network)
{
	if (network->count == network->room) {
		network->room = 2 * network->room + 256;
		network->letters =
			realloc(network->letters, network->room * sizeof(*network->letters));
		if (network->letters == NULL)
			abort();
	}
	network->letters[network->count] = (struct letter){ .content = network->count };
	return network->count++;
}

void network_arrive(void *context, uint64_t number)
{
	struct network *network = context;
	struct world *world = &the_run->world;
	struct letter *letter = &network->letters[number];
	struct sim_socket *socket = &network->sockets[letter->socket];

	socket->sent++;
	letter->arrived_ns = world->now_ns;
	letter->stamp_ns = world->now_ns + world->wall_ns;
	letter->clock_steps = network->clock_steps;
	world_trace(world, "arrive", (int64_t)number, letter->socket, letter->length);
	if (socket->count == socket->room) {
		letter->state = LETTER_LOST;
		socket->lost++;
		return;
	}
	letter->state = LETTER_IN_SOCKET;
	socket->waiting[(socket->first + socket->count++) % socket->room] = (uint32_t)number;
	world_poke(world);
}

/* --- slots */

static struct slot *slot_of(const struct network *network, const struct datagram *datagram)
{
	uint64_t hash = ((uint64_t)(uintptr_t)datagram >> 6) * 0x9e3779b97f4a7c15u;
	unsigned i = (unsigned)(hash >> 32) & network->slots_mask;

	while (network->slots[i].datagram != NULL && network->slots[i].datagram != datagram)
		i = (i + 1) & network->slots_mask;
	return &network->slots[i];
}

uint32_t network_letter_in(const struct network *network, const struct datagram *datagram)
{
	const struct slot *slot = slot_of(network, datagram);

	must(slot->datagram == datagram, "a slot that nothing was received into");
	return slot->letter;
}

/* --- receiving */

static unsigned char byte_of(const struct letter *letter, size_t i)
{
	return (unsigned char)(i < 8 ? letter->content >> 8 * i : letter->content + i);
}

bool network_is_content(const struct letter *letter, const unsigned char *bytes, size_t length)
{
	for (size_t i = 0; i < length; i++)
		if (bytes[i] != byte_of(letter, i))
			return false;
	return true;
}

static void put_stamp(struct msghdr *header, int64_t stamp_ns)
{
	struct timespec ts = { stamp_ns / NS_PER_S, stamp_ns % NS_PER_S };
	struct cmsghdr *control = CMSG_FIRSTHDR(header);

	control->cmsg_level = SOL_SOCKET;
	control->cmsg_type = SCM_TIMESTAMPNS;
	control->cmsg_len = CMSG_LEN(sizeof(ts));
	memcpy(CMSG_DATA(control), &ts, sizeof(ts));
	header->msg_controllen = CMSG_SPACE(sizeof(ts));
}

/* As the kernel does it: what does not fit is cut, and the message says so. */
static void fill(struct mmsghdr *message, const struct letter *letter)
{
	struct msghdr *header = &message->msg_hdr;
	unsigned char *bytes = header->msg_iov->iov_base;
	size_t room = header->msg_iov->iov_len;
	size_t length = letter->length < room ? letter->length : room;

	for (size_t i = 0; i < length; i++)
		bytes[i] = byte_of(letter, i);
	memcpy(header->msg_name, &letter->from, addr_length(&letter->from));
	header->msg_namelen = addr_length(&letter->from);
	header->msg_flags = letter->length > room ? MSG_TRUNC : 0;
	message->msg_len = (unsigned)length;
	if (letter->stamped)
		put_stamp(header, letter->stamp_ns);
	else
		header->msg_controllen = 0;
}

static uint32_t take(struct sim_socket *socket)
{
	uint32_t number = socket->waiting[socket->first];

	socket->first = (socket->first + 1) % socket->room;
	socket->count--;
	return number;
}

int network_receive(int fd, struct mmsghdr *messages, unsigned count)
{
	static const int64_t errors[] = { ECONNREFUSED, EIO, ENOMEM, ENOBUFS };
	struct network *network = &the_run->network;
	struct sim_socket *socket = &network->sockets[fd - NETWORK_FIRST_FD];
	struct random *random = &the_run->world.random;

	must(socket->received_count == 0, "received again before the last batch was pushed");
	if (random_one_in(random, network->receive_error_one_in))
		return (int)-RANDOM_OF(random, errors);
	if (socket->count == 0)
		return -EAGAIN;
	count = count < socket->count ? count : socket->count;
	if (random_one_in(random, network->receive_short_one_in))
		count = 1 + random_below(random, count);
	for (unsigned i = 0; i < count; i++) {
		uint32_t number = take(socket);
		struct datagram *datagram =
			LINK_OWNER(messages[i].msg_hdr.msg_iov->iov_base, struct datagram, data);
		struct slot *slot = slot_of(network, datagram);

		*slot = (struct slot){ datagram, number };
		network->letters[number].state = LETTER_RECEIVED;
		if (the_run->checked)
			socket->received[socket->received_count++] = number;
		fill(&messages[i], &network->letters[number]);
	}
	world_trace(&the_run->world, "receive", fd, count, socket->count);
	return (int)count;
}

/* --- sending */

/* A failure of the first message; 0: it is sent. */
static int draw_send_error(struct network *network, struct sim_socket *socket)
{
	static const int64_t errors[] = { EAGAIN, ENOBUFS, ENOMEM, EPERM, EACCES, ENETUNREACH,
		EHOSTUNREACH, ENETDOWN, EADDRNOTAVAIL, ECONNREFUSED, ECONNREFUSED, EMSGSIZE,
		EINVAL };
	struct world *world = &the_run->world;
	int error;

	if (world->now_ns < socket->send_room_ns)
		return EAGAIN;
	if (!random_one_in(&world->random, network->send_error_one_in))
		return 0;
	error = (int)RANDOM_OF(&world->random, errors);
	if (error == EAGAIN)
		socket->send_room_ns =
			world->now_ns + random_between(&world->random, 1, SEND_PAUSE_MAX_NS);
	return error;
}

static struct letter *letter_to(const struct mmsghdr *message, int fd)
{
	const struct msghdr *header = &message->msg_hdr;
	const struct datagram *datagram = LINK_OWNER(header->msg_name, struct datagram, client);
	uint32_t number = network_letter_in(&the_run->network, datagram);
	struct letter *letter = &the_run->network.letters[number];
	size_t length = header->msg_iov->iov_len;

	must(memcmp(header->msg_name, &letter->from, addr_length(&letter->from)) == 0 &&
			header->msg_namelen == addr_length(&letter->from),
		"letter %u: the answer goes to another client", number);
	must(letter->socket == (unsigned)(fd - NETWORK_FIRST_FD),
		"letter %u: the answer leaves from another socket", number);
	must(!the_run->checked || letter->state == LETTER_TAKEN || letter->state == LETTER_SHED,
		"letter %u: answered in state %d", number, letter->state);
	must(network_is_content(letter, header->msg_iov->iov_base, length < 8 ? length : 8),
		"letter %u: its answer is another's", number);
	return letter;
}

/* A later try is the same question. */
static void answer(struct letter *letter)
{
	letter->replies++;
	must(letter->replies == 1, "a letter is answered twice");
	letter->answered_ns = the_run->world.now_ns;
	the_run->network.letters[letter->content].answered = true;
}

int network_send(int fd, struct mmsghdr *messages, unsigned count)
{
	struct network *network = &the_run->network;
	struct sim_socket *socket = &network->sockets[fd - NETWORK_FIRST_FD];
	struct random *random = &the_run->world.random;
	int error = draw_send_error(network, socket);

	must(count > 0, "a send of nothing");
	if (network->blind) {
		for (unsigned i = 0; i < count; i++)
			network->sent += messages[i].msg_hdr.msg_iovlen;
		return (int)count;
	}
	if (error != 0) {
		letter_to(&messages[0], fd)->send_error = error;
		world_trace(&the_run->world, "send fails", fd, error, count);
		return -error;
	}
	if (random_one_in(random, network->send_short_one_in))
		count = 1 + random_below(random, count);
	for (unsigned i = 0; i < count; i++) {
		struct letter *letter = letter_to(&messages[i], fd);

		answer(letter);
		world_trace(&the_run->world, "send", fd, letter - network->letters,
			(int64_t)messages[i].msg_hdr.msg_iov->iov_len);
	}
	return (int)count;
}

/* How many are ready, or else when one may be without being poked. */
unsigned network_poll(struct pollfd *fds, unsigned count, int64_t *ret_until_ns)
{
	unsigned ready = 0;

	for (unsigned i = 0; i < count; i++) {
		const struct sim_socket *socket;

		fds[i].revents = 0;
		if (fds[i].fd == NETWORK_STOP_FD) {
			fds[i].revents = the_run->network.stopping ? POLLIN : 0;
		} else if (fds[i].fd >= NETWORK_FIRST_FD) {
			socket = &the_run->network.sockets[fds[i].fd - NETWORK_FIRST_FD];
			if ((fds[i].events & POLLIN) && socket->count > 0)
				fds[i].revents |= POLLIN;
			if ((fds[i].events & POLLOUT) &&
				socket->send_room_ns <= the_run->world.now_ns)
				fds[i].revents |= POLLOUT;
			if ((fds[i].events & POLLOUT) && socket->send_room_ns < *ret_until_ns)
				*ret_until_ns = socket->send_room_ns;
		}
		ready += fds[i].revents != 0;
	}
	return ready;
}
