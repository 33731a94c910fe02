#include "load/batch.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/udp.h>
#include <stdlib.h>
#include <string.h>

#include "base/sys.h"

/* Requests stand twice in a row, so that any LOAD_BATCH of them in their order are neighbours. */
#define ROW (2 * LOAD_BATCH)

struct load_batch {
	const struct load_payload *payload;
	bool segments;
	struct mmsghdr requests[ROW];
	struct iovec request_parts[ROW];
	struct mmsghdr answers[LOAD_BATCH];
	struct iovec answer_parts[LOAD_BATCH];
	uint8_t *answer_bytes;
};

int load_batch_new(const struct load_payload *payload, bool segments, struct load_batch **ret_batch)
{
	struct load_batch *batch = calloc(1, sizeof(*batch));
	/* A longer answer is known by its true length; a number must always fit. */
	size_t size = payload->stride > LOAD_STAMP_BYTES ? payload->stride : LOAD_STAMP_BYTES;

	if (batch == NULL)
		return -ENOMEM;
	batch->payload = payload;
	batch->segments = segments;
	batch->answer_bytes = calloc(LOAD_BATCH, size);
	if (batch->answer_bytes == NULL) {
		load_batch_free(batch);
		return -ENOMEM;
	}
	for (unsigned i = 0; i < ROW; i++) {
		batch->request_parts[i] =
			(struct iovec){ load_payload_of(payload, i), payload->size };
		batch->requests[i].msg_hdr =
			(struct msghdr){ .msg_iov = &batch->request_parts[i], .msg_iovlen = 1 };
	}
	for (unsigned i = 0; i < LOAD_BATCH; i++) {
		batch->answer_parts[i] = (struct iovec){ batch->answer_bytes + i * size, size };
		batch->answers[i].msg_hdr =
			(struct msghdr){ .msg_iov = &batch->answer_parts[i], .msg_iovlen = 1 };
	}
	*ret_batch = batch;
	return 0;
}

void load_batch_free(struct load_batch *batch)
{
	if (batch == NULL)
		return;
	free(batch->answer_bytes);
	free(batch);
}

/* One send of all, which the kernel cuts; it takes all or nothing. */
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

static unsigned segments_of(const struct load_batch *batch, unsigned count)
{
	size_t most = LOAD_PAYLOAD_MAX / (batch->payload->size + 1);

	return most < count ? (unsigned)most : count;
}

int load_batch_send(struct load_batch *batch, int fd, uint64_t first, unsigned count)
{
	unsigned place = (unsigned)(first % LOAD_BATCH);

	for (unsigned i = 0; i < count; i++)
		load_payload_stamp(batch->payload, first + i);
	if (batch->segments && batch->payload->size > 0 && segments_of(batch, count) > 1)
		return send_segments(batch, fd, place, segments_of(batch, count));
	return sys_send(fd, &batch->requests[place], count);
}

int load_batch_receive(struct load_batch *batch, int fd)
{
	return sys_receive(fd, batch->answers, LOAD_BATCH);
}

const uint8_t *load_batch_answer(const struct load_batch *batch, unsigned index, size_t *ret_length)
{
	*ret_length = batch->answers[index].msg_len;
	return batch->answer_parts[index].iov_base;
}
