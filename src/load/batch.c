#include "load/batch.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/udp.h>
#include <stdlib.h>
#include <string.h>

#include "base/sys.h"

/* Each variant is in the array twice, so that any LOAD_BATCH successive requests are neighbours. */
#define REQUESTS (2 * LOAD_BATCH)

struct load_batch {
	const struct load_payload *payload;
	bool segments;
	struct mmsghdr requests[REQUESTS];
	struct iovec request_parts[REQUESTS];
	struct mmsghdr answers[LOAD_BATCH];
	struct iovec answer_parts[LOAD_BATCH];
	uint8_t answer_bytes[];
};

struct load_batch *load_batch_new(const struct load_payload *payload, bool segments)
{
	/* A longer answer is recognized by its whole length. Its number must fit in any case. */
	size_t number_end = payload->id.answer_offset + payload->id.bytes;
	size_t size = payload->stride > number_end ? payload->stride : number_end;
	struct load_batch *batch = calloc(1, sizeof(*batch) + LOAD_BATCH * size);

	if (batch == NULL)
		return NULL;
	batch->payload = payload;
	batch->segments = segments;
	for (unsigned i = 0; i < REQUESTS; i++) {
		batch->request_parts[i] =
			(struct iovec){ load_payload_bytes(payload, i), payload->size };
		batch->requests[i].msg_hdr =
			(struct msghdr){ .msg_iov = &batch->request_parts[i], .msg_iovlen = 1 };
	}
	for (unsigned i = 0; i < LOAD_BATCH; i++) {
		batch->answer_parts[i] = (struct iovec){ batch->answer_bytes + i * size, size };
		batch->answers[i].msg_hdr =
			(struct msghdr){ .msg_iov = &batch->answer_parts[i], .msg_iovlen = 1 };
	}
	return batch;
}

/* The kernel cuts one send into `count` datagrams. It takes all or nothing. */
static int send_segments(struct load_batch *batch, int fd, unsigned first, unsigned count)
{
	union {
		struct cmsghdr header;
		char room[CMSG_SPACE(sizeof(uint16_t))];
	} control = { .room = { 0 } };
	struct mmsghdr message = { .msg_hdr = {
					   .msg_iov = &batch->request_parts[first],
					   .msg_iovlen = count,
					   .msg_control = &control,
					   .msg_controllen = sizeof(control),
				   } };
	uint16_t size = (uint16_t)batch->payload->size;
	int sent;

	control.header = (struct cmsghdr){
		.cmsg_len = CMSG_LEN(sizeof(size)),
		.cmsg_level = SOL_UDP,
		.cmsg_type = UDP_SEGMENT,
	};
	memcpy(CMSG_DATA(&control.header), &size, sizeof(size));
	sent = sys_send(fd, &message, 1);
	return sent == 1 ? (int)count : sent;
}

int load_batch_send(struct load_batch *batch, int fd, uint64_t first, unsigned count)
{
	unsigned index = (unsigned)(first % LOAD_BATCH);
	size_t fit = LOAD_PAYLOAD_MAX / (batch->payload->size + 1);
	unsigned segments = fit < count ? (unsigned)fit : count;

	for (unsigned i = 0; i < count; i++)
		load_payload_stamp(batch->payload, first + i);
	if (batch->segments && batch->payload->size > 0 && segments > 1)
		return send_segments(batch, fd, index, segments);
	return sys_send(fd, &batch->requests[index], count);
}

int load_batch_receive(struct load_batch *batch, int fd)
{
	return sys_receive(fd, batch->answers, LOAD_BATCH);
}

struct load_answer load_batch_answer(const struct load_batch *batch, unsigned index)
{
	return (struct load_answer){
		.bytes = batch->answer_parts[index].iov_base,
		.length = batch->answers[index].msg_len,
	};
}
