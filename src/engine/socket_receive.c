/* Receiving a batch. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "base/sys.h"
#include "engine/socket.h"

/* Trains that are received at once; each can be as long as any datagram. */
#define TRAINS 8u
#define TRAIN_BYTES 65536u

/* What the kernel joined on its way to us: datagrams of one client, all of one length but for the
 * last, which may be shorter. */
struct train {
	union addr client;
	size_t length;
	size_t segment; /* bytes of each datagram */
	struct socket_control control;
};

struct socket_trains {
	unsigned count;
	unsigned next; /* to be cut from */
	size_t offset; /* in that one */
	struct train trains[TRAINS];
	struct mmsghdr messages[TRAINS];
	struct iovec vectors[TRAINS];
	unsigned char bytes[TRAINS][TRAIN_BYTES];
};

int socket_batch_init(struct socket_batch *batch, unsigned data_bytes, bool gro)
{
	void *trains = NULL;

	if (gro) {
		trains = mmap(NULL, sizeof(struct socket_trains), PROT_READ | PROT_WRITE,
			MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
		if (trains == MAP_FAILED)
			return -ENOMEM;
	}
	*batch = (struct socket_batch){
		.data_bytes = data_bytes, .used = SOCKET_BATCH, .trains = trains
	};
	for (unsigned i = 0; i < SOCKET_BATCH; i++) {
		batch->vectors[i].iov_len = data_bytes;
		batch->messages[i].msg_hdr = (struct msghdr){
			.msg_iov = &batch->vectors[i],
			.msg_iovlen = 1,
			.msg_control = &batch->controls[i],
		};
	}
	clock_pair_read(&batch->clocks);
	return 0;
}

void socket_batch_destroy(struct socket_batch *batch)
{
	if (batch->trains != NULL)
		munmap(batch->trains, sizeof(*batch->trains));
	batch->trains = NULL;
}

size_t socket_batch_bytes(bool gro)
{
	return gro ? sizeof(struct socket_trains) : 0;
}

bool socket_batch_holds_more(const struct socket_batch *batch)
{
	return batch->trains != NULL && batch->trains->next < batch->trains->count;
}

static struct timespec timespec_of(int64_t ns)
{
	return (struct timespec){ .tv_sec = ns / NS_PER_S, .tv_nsec = ns % NS_PER_S };
}

/* Where it came from, and when; its client and bytes are there already. */
static inline void describe(const struct socket *socket, const struct socket_batch *batch,
	const struct msghdr *header, struct datagram *datagram)
{
	int64_t timestamp_ns;

	datagram->local = socket->bound;
	datagram->timestamp = (struct timespec){ 0 };
	socket_take_control(datagram, header);
	timestamp_ns = datagram->timestamp.tv_sec * NS_PER_S + datagram->timestamp.tv_nsec;
	datagram->arrived_ns = clock_pair_arrival_ns(&batch->clocks, timestamp_ns);
	if (timestamp_ns == 0)
		datagram->timestamp = timespec_of(batch->clocks.realtime_ns);
}

/* --- one datagram a message */

/* What the last call used has to be made ready again: it may be another slot now, and the kernel
 * wrote to the lengths. */
static void prepare(struct socket_batch *batch, struct datagram *const slots[])
{
	for (unsigned i = 0; i < batch->used; i++) {
		struct msghdr *header = &batch->messages[i].msg_hdr;

		batch->vectors[i].iov_base = slots[i]->data;
		header->msg_name = &slots[i]->client;
		header->msg_namelen = sizeof(slots[i]->client);
		header->msg_controllen = sizeof(batch->controls[i]);
	}
	batch->used = 0;
}

static int receive_singles(
	const struct socket *socket, struct socket_batch *batch, struct datagram *const slots[])
{
	int count;

	prepare(batch, slots);
	count = sys_receive(socket->fd, batch->messages, SOCKET_BATCH);
	if (count <= 0)
		return count;
	batch->used = (unsigned)count;
	clock_pair_read(&batch->clocks);
	for (int i = 0; i < count; i++) {
		struct msghdr *header = &batch->messages[i].msg_hdr;

		slots[i]->length = batch->messages[i].msg_len;
		slots[i]->truncated = header->msg_flags & MSG_TRUNC;
		describe(socket, batch, header, slots[i]);
	}
	return count;
}

/* --- trains */

static void prepare_trains(struct socket_trains *trains)
{
	for (unsigned i = 0; i < TRAINS; i++) {
		struct train *train = &trains->trains[i];

		trains->vectors[i] =
			(struct iovec){ .iov_base = trains->bytes[i], .iov_len = TRAIN_BYTES };
		trains->messages[i].msg_hdr = (struct msghdr){
			.msg_name = &train->client,
			.msg_namelen = sizeof(train->client),
			.msg_iov = &trains->vectors[i],
			.msg_iovlen = 1,
			.msg_control = &train->control,
			.msg_controllen = sizeof(train->control),
		};
	}
}

static int receive_trains(const struct socket *socket, struct socket_trains *trains)
{
	int count;

	prepare_trains(trains);
	count = sys_receive(socket->fd, trains->messages, TRAINS);
	for (int i = 0; i < count; i++) {
		struct train *train = &trains->trains[i];

		train->length = trains->messages[i].msg_len;
		train->segment = socket_train_segment(&trains->messages[i].msg_hdr);
		if (train->segment == 0) /* it is one datagram */
			train->segment = train->length;
	}
	trains->next = 0;
	trains->offset = 0;
	trains->count = count > 0 ? (unsigned)count : 0;
	return count;
}

/* The next datagram of the next train. */
static void cut(const struct socket *socket, struct socket_batch *batch, struct datagram *datagram)
{
	struct socket_trains *trains = batch->trains;
	struct train *train = &trains->trains[trains->next];
	const unsigned char *bytes = trains->bytes[trains->next] + trains->offset;
	struct msghdr *header = &trains->messages[trains->next].msg_hdr;
	size_t left = train->length - trains->offset;
	size_t length = left < train->segment ? left : train->segment;

	datagram->client = train->client;
	datagram->length = (uint32_t)length;
	datagram->truncated = length > batch->data_bytes || (header->msg_flags & MSG_TRUNC);
	if (!datagram->truncated)
		memcpy(datagram->data, bytes, length);
	describe(socket, batch, header, datagram);
	trains->offset += length;
	if (trains->offset < train->length)
		return;
	trains->next++;
	trains->offset = 0;
}

/* What does not fit into the slots waits for the next call. */
static int receive_cut(
	const struct socket *socket, struct socket_batch *batch, struct datagram *const slots[])
{
	struct socket_trains *trains = batch->trains;
	int filled = 0;

	if (trains->next == trains->count) {
		int count = receive_trains(socket, trains);

		if (count <= 0)
			return count;
	}
	clock_pair_read(&batch->clocks);
	while (filled < (int)SOCKET_BATCH && trains->next < trains->count)
		cut(socket, batch, slots[filled++]);
	return filled;
}

int socket_receive(const struct socket *socket, struct socket_batch *batch,
	struct datagram *const slots[static SOCKET_BATCH])
{
	int count = batch->trains != NULL ? receive_cut(socket, batch, slots)
					  : receive_singles(socket, batch, slots);

	return count == -EAGAIN ? 0 : count;
}
