#include "network.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/clock.h"
#include "run.h"
#include "watch.h"

void network_init(struct network *network, unsigned places)
{
	unsigned size = 64;

	while (size < 2 * places)
		size *= 2;
	network->places = calloc(size, sizeof(*network->places));
	network->places_mask = size - 1;
	if (network->places == NULL)
		abort();
	for (unsigned i = 0; i < WORLD_TASKS_MAX; i++)
		network->senders[i].apart = NOBODY;
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
	free(network->places);
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
	letter->stamp_ns = 0;
	if (!socket->no_timestamps || network->others_have_timestamps)
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

unsigned network_lane(const struct network *network, unsigned first, const union addr *client)
{
	unsigned hash = addr_port(client);

	for (size_t i = 0; i < sizeof(*client); i++)
		hash = hash * 31 + ((const unsigned char *)client)[i];
	return first + hash % network->sockets[first].reuseport_sockets;
}

/* --- places */

static struct place *place_of(const struct network *network, const void *at)
{
	uint64_t hash = ((uint64_t)(uintptr_t)at >> 6) * 0x9e3779b97f4a7c15u;
	unsigned i = (unsigned)(hash >> 32) & network->places_mask;

	while (network->places[i].at != NULL && network->places[i].at != at)
		i = (i + 1) & network->places_mask;
	return &network->places[i];
}

uint32_t network_letter_in(const struct network *network, const void *place)
{
	const struct place *found = place_of(network, place);

	must(found->at == place, "a slot that nothing was received into, or a reply of nobody's");
	return found->letter;
}

void network_put(struct network *network, const void *place, uint32_t letter)
{
	*place_of(network, place) = (struct place){ place, letter };
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

bool network_is_gone(unsigned socket)
{
	unsigned family = the_run->network.sockets[socket].bound.sa.sa_family;

	return the_run->seed >> (family == AF_INET6 ? 1 : 0) & 1;
}

enum datagram_cast network_cast(uint32_t letter)
{
	if (the_run->scenario.bad_one_in == 0 || letter % 17 != 0)
		return DATAGRAM_UNICAST;
	return letter % 2 == 0 ? DATAGRAM_BROADCAST : DATAGRAM_MULTICAST;
}

static void put_control(struct msghdr *header, int level, int type, const void *data, size_t length)
{
	struct cmsghdr *control =
		(struct cmsghdr *)(void *)((char *)header->msg_control + header->msg_controllen);

	*control = (struct cmsghdr){
		.cmsg_level = level, .cmsg_type = type, .cmsg_len = CMSG_LEN(length)
	};
	memcpy(CMSG_DATA(control), data, length);
	header->msg_controllen += CMSG_SPACE(length);
}

/* Where none was taken, the kernel makes one up now. */
static void put_stamp(struct msghdr *header, int64_t taken_ns)
{
	const struct world *world = &the_run->world;
	int64_t stamp_ns = taken_ns != 0 ? taken_ns : world->now_ns + world->wall_ns;
	struct timespec ts = { stamp_ns / NS_PER_S, stamp_ns % NS_PER_S };

	put_control(header, SOL_SOCKET, SCM_TIMESTAMPNS, &ts, sizeof(ts));
}

static void put_asked(struct msghdr *header, const union addr *bound, enum datagram_cast cast)
{
	struct in_pktinfo info = { .ipi_spec_dst = bound->in.sin_addr,
		.ipi_addr.s_addr = htonl(
			cast == DATAGRAM_BROADCAST ? INADDR_BROADCAST : INADDR_ALLHOSTS_GROUP) };

	if (cast != DATAGRAM_UNICAST)
		put_control(header, IPPROTO_IP, IP_PKTINFO, &info, sizeof(info));
}

/* As the kernel does it: what does not fit is cut, and the message says so. */
static void fill(struct mmsghdr *message, const struct letter *letter)
{
	const struct network *network = &the_run->network;
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
	header->msg_controllen = 0;
	if (letter->stamped && !network->sockets[letter->socket].no_timestamps)
		put_stamp(header, letter->stamp_ns);
	put_asked(header, &network->sockets[letter->socket].bound,
		network_cast((uint32_t)(letter - network->letters)));
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
	if (random_one_in(random, network->receive_error_one_in)) {
		socket->failed_at_stop = socket->failed_at_stop || network->stopping;
		return (int)-RANDOM_OF(random, errors);
	}
	watch_look(socket, socket->count < count);
	if (socket->count == 0)
		return -EAGAIN;
	count = count < socket->count ? count : socket->count;
	for (unsigned i = 0; i < count; i++) {
		uint32_t number = take(socket);
		struct datagram *datagram =
			LINK_OWNER(messages[i].msg_hdr.msg_iov->iov_base, struct datagram, data);

		network_put(network, datagram, number);
		network->letters[number].state = LETTER_RECEIVED;
		if (the_run->checked)
			socket->received[socket->received_count++] = number;
		fill(&messages[i], &network->letters[number]);
	}
	world_trace(&the_run->world, "receive", fd, count, socket->count);
	watch_received(socket);
	return (int)count;
}

int network_timestamp(int fd, bool on)
{
	struct sim_socket *socket = &the_run->network.sockets[fd - NETWORK_FIRST_FD];

	socket->no_timestamps = !on;
	socket->looks.doubt_ns = the_run->world.now_ns - socket->looks.floor_ns;
	world_trace(&the_run->world, "timestamps", fd, on, socket->looks.doubt_ns);
	return 0;
}

void network_slept(const struct pollfd *fds, unsigned count, int64_t ns)
{
	for (unsigned i = 0; i < count; i++) {
		struct sim_socket *socket;

		if (fds[i].fd < NETWORK_FIRST_FD || !(fds[i].events & POLLIN))
			continue;
		socket = &the_run->network.sockets[fds[i].fd - NETWORK_FIRST_FD];
		socket->looks.slept_ns += ns;
		socket->looks.waited = true;
		must(!socket->no_timestamps ||
				ns <= the_run->longest_wait_ns[socket->service] / 20 +
						the_run->world.wake_most_ns,
			"slept without timestamps");
	}
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
		} else if (process_is_fd(fds[i].fd)) {
			fds[i].revents = process_poll(&fds[i]);
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
