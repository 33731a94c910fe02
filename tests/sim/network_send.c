/* What comes of a send: the kernel's part, and whether it was the right thing to send. */
#include <errno.h>
#include <netinet/udp.h>
#include <string.h>

#include "base/clock.h"
#include "run.h"

#define SEND_PAUSE_MAX_NS (10 * NS_PER_MS)

/* As the kernel has them (UDP_MAX_SEGMENTS, and what IPv4 can carry). */
#define SEGMENTS_MAX 64u
#define MESSAGE_BYTES_MAX 65507u

static bool is_of_joining(int error)
{
	return error == EIO || error == EINVAL || error == EMSGSIZE;
}

static struct sender *sender(void)
{
	return &the_run->network.senders[the_run->world.running->number];
}

/* --- what is sent */

/* The length that the message is to be cut to; 0: it is not. */
static size_t segment_of(struct msghdr *header)
{
	uint16_t bytes = 0;

	for (struct cmsghdr *c = CMSG_FIRSTHDR(header); c != NULL; c = CMSG_NXTHDR(header, c))
		if (c->cmsg_level == IPPROTO_UDP && c->cmsg_type == UDP_SEGMENT)
			memcpy(&bytes, CMSG_DATA(c), sizeof(bytes));
	return bytes;
}

/* The kernel cuts what it is given as one string of bytes: that has to give the replies again. */
static void must_come_apart(struct msghdr *header, const struct sim_socket *socket)
{
	size_t segment = segment_of(header), bytes = 0;

	must((segment > 0) == (header->msg_iovlen > 1), "a message of %zu replies, cut at %zu",
		header->msg_iovlen, segment);
	if (segment == 0)
		return;
	must(socket->segments, "replies are joined where the kernel knows no such thing");
	must(header->msg_iovlen <= SEGMENTS_MAX, "%zu replies joined", header->msg_iovlen);
	for (size_t i = 0; i < header->msg_iovlen; i++) {
		size_t length = header->msg_iov[i].iov_len;
		bool last = i == header->msg_iovlen - 1;

		must(length == segment || (last && length > 0 && length < segment),
			"a reply of %zu bytes, cut at %zu", length, segment);
		bytes += length;
	}
	must(bytes <= MESSAGE_BYTES_MAX, "a message of %zu bytes", bytes);
}

/* Whose answer a part of the message is, by what holds it. */
static struct letter *letter_to(const struct msghdr *header, size_t part, int fd)
{
	const struct iovec *reply = &header->msg_iov[part];
	uint32_t number = network_letter_in(&the_run->network, reply->iov_base);
	struct letter *letter = &the_run->network.letters[number];

	must(memcmp(header->msg_name, &letter->from, addr_length(&letter->from)) == 0 &&
			header->msg_namelen == addr_length(&letter->from),
		"letter %u: the answer goes to another client", number);
	must(letter->socket == (unsigned)(fd - NETWORK_FIRST_FD),
		"letter %u: the answer leaves from another socket", number);
	must(!the_run->checked || letter->state == LETTER_TAKEN || letter->state == LETTER_EVICTED,
		"letter %u: answered in state %d", number, letter->state);
	must(reply->iov_len == letter->length &&
			network_is_content(letter, reply->iov_base, reply->iov_len),
		"letter %u: its answer is another's", number);
	return letter;
}

static bool same_client(const struct letter *a, const struct letter *b)
{
	return a->socket == b->socket && addr_same_host(&a->from, &b->from) &&
	       addr_port(&a->from) == addr_port(&b->from);
}

/* What a thread ran for a client is answered in that order. */
static void must_be_in_order(const struct letter *letter)
{
	const struct letter *letters = the_run->network.letters;
	struct sender *sent = sender();
	unsigned kept = sent->sent_count < SENT_KEPT ? sent->sent_count : SENT_KEPT;

	for (unsigned i = 0; i < kept; i++)
		must(!same_client(&letters[sent->sent[i]], letter) ||
				letters[sent->sent[i]].began < letter->began,
			"letter %td: answered after a later one, %u", letter - letters,
			sent->sent[i]);
	sent->sent[sent->sent_count++ % SENT_KEPT] = (uint32_t)(letter - letters);
}

/* A later try is the same question. */
static void answer(struct letter *letter)
{
	if (the_run->checked)
		must_be_in_order(letter);
	letter->replies++;
	must(letter->replies == 1, "a letter is answered twice");
	letter->answered_ns = the_run->world.now_ns;
	the_run->network.letters[letter->content].answered = true;
}

/* --- what comes of it */

/* When the first reply of a joined message that failed goes well alone, the thread knows that such
 * are not to be joined. */
static void learn(const struct letter *letter)
{
	struct sender *sent = sender();

	if (sent->apart == NOBODY || letter != &the_run->network.letters[sent->apart])
		return;
	sent->learned = true;
	sent->learned_at = the_run->network.begun;
	sent->learned_of = sent->apart;
	sent->learned_error = sent->apart_error;
	sent->join_most = sent->apart_error == EIO ? 0 : sent->apart_length - 1;
}

static void must_have_learned(const struct letter *first, size_t segment)
{
	const struct sender *sent = sender();
	const struct letter *of = &the_run->network.letters[sent->learned_of];

	/* Other errors than EIO over IPv6 may be of one path. */
	if (sent->learned_error != EIO && of->from.sa.sa_family == AF_INET6 &&
		!same_client(of, first))
		return;
	must(!sent->learned || first->began <= sent->learned_at || segment <= sent->join_most,
		"replies of %zu bytes are joined, and those longer than %zu cannot be", segment,
		sent->join_most);
}

static int draw_send_error(struct network *network, struct sim_socket *socket, size_t segment)
{
	static const int64_t errors[] = { EAGAIN, ENOBUFS, ENOMEM, EPERM, EACCES, ENETUNREACH,
		EHOSTUNREACH, ENETDOWN, EADDRNOTAVAIL, EMSGSIZE, EMSGSIZE, EMSGSIZE, EINVAL };
	static const int64_t of_joined[] = { EIO, EINVAL, EMSGSIZE };
	struct world *world = &the_run->world;
	int error;

	if (world->now_ns < socket->send_room_ns)
		return EAGAIN;
	if (segment > 0 && socket->join_error != 0 && segment > socket->join_most)
		return socket->join_error;
	if (!random_one_in(&world->random, network->send_error_one_in))
		return 0;
	if (segment > 0 && random_below(&world->random, 2) == 0)
		return (int)RANDOM_OF(&world->random, of_joined);
	error = (int)RANDOM_OF(&world->random, errors);
	if (error == EAGAIN)
		socket->send_room_ns =
			world->now_ns + random_between(&world->random, 1, SEND_PAUSE_MAX_NS);
	return error;
}

/* Only a reply that was tried alone has failed for good. */
static void fail(struct msghdr *header, int fd, int error)
{
	struct letter *first = letter_to(header, 0, fd);
	size_t segment = segment_of(header);

	world_trace(&the_run->world, "send fails", fd, error, (int64_t)header->msg_iovlen);
	if (segment == 0) {
		first->send_error = error;
	} else if (is_of_joining(error)) {
		sender()->apart = (uint32_t)(first - the_run->network.letters);
		sender()->apart_error = error;
		sender()->apart_length = segment;
	}
}

static void deliver(struct msghdr *header, int fd)
{
	for (size_t i = 0; i < header->msg_iovlen; i++) {
		struct letter *letter = letter_to(header, i, fd);

		if (header->msg_iovlen == 1)
			learn(letter);
		else if (i == 0)
			must_have_learned(letter, header->msg_iov[0].iov_len);
		answer(letter);
		world_trace(&the_run->world, "send", fd, letter - the_run->network.letters,
			(int64_t)header->msg_iov[i].iov_len);
	}
}

int network_send(int fd, struct mmsghdr *messages, unsigned count)
{
	struct network *network = &the_run->network;
	struct sim_socket *socket = &network->sockets[fd - NETWORK_FIRST_FD];
	struct random *random = &the_run->world.random;

	must(count > 0, "a send of nothing");
	if (random_one_in(random, network->send_short_one_in))
		count = 1 + random_below(random, count);
	for (unsigned i = 0; i < count; i++) {
		struct msghdr *header = &messages[i].msg_hdr;
		int error;

		must_come_apart(header, socket);
		network->sent += header->msg_iovlen;
		if (network->blind)
			continue;
		error = draw_send_error(network, socket, segment_of(header));
		if (error != 0 && i > 0)
			return (int)i;
		if (error != 0) {
			fail(header, fd, error);
			return -error;
		}
		deliver(header, fd);
	}
	return (int)count;
}
