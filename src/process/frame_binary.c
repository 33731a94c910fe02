#include "process/frame.h"

#include <endian.h>
#include <string.h>

#include "base/decimal.h"

/* What each frame begins with, little-endian. */
struct head {
	uint32_t size; /* of meta and data, which follow */
	uint8_t kind;
	uint8_t flags;
	uint16_t meta;
	uint64_t id;
};

_Static_assert(sizeof(struct head) == FRAME_BINARY_BYTES, "no gaps");

#define FLAG_MORE 1

void frame_binary_head(enum frame_kind kind, uint64_t id, size_t meta, size_t size,
	uint8_t head[static FRAME_BINARY_BYTES])
{
	const struct head values = {
		.size = htole32((uint32_t)(meta + size)),
		.kind = (uint8_t)kind,
		.meta = htole16((uint16_t)meta),
		.id = htole64(id),
	};

	memcpy(head, &values, sizeof(values));
}

static char *put_addr(char *at, const union addr *addr)
{
	at += strlen(addr_format(addr, at));
	*at++ = '\t';
	return at;
}

_Static_assert(FRAME_BINARY_BYTES + 2 * ADDR_TEXT_MAX + 2 * DECIMAL_MAX + 3 <= FRAME_HEAD_MAX,
	"room for the longest meta");

size_t frame_binary_ask(const struct frame_question *question, uint8_t head[static FRAME_HEAD_MAX])
{
	char *const meta = (char *)&head[FRAME_BINARY_BYTES];
	char *at = put_addr(put_addr(meta, question->client), question->local);

	at = decimal_put(at, question->arrival_ns);
	*at++ = '\t';
	at = decimal_put(at, question->deadline_ns);
	frame_binary_head(FRAME_QUESTION, question->id, (size_t)(at - meta), question->size, head);
	return FRAME_BINARY_BYTES + (size_t)(at - meta);
}

static enum frame_verdict judge_frame(
	const struct frame_reader *reader, const struct head *head, const struct frame *frame)
{
	switch (head->kind) {
	case FRAME_ANSWER:
		return frame->size > reader->longest_reply ? FRAME_REPLY_TOO_LONG : FRAME_WHOLE;
	case FRAME_NO_REPLY:
	case FRAME_ERROR:
		return FRAME_WHOLE;
	default:
		return FRAME_SKIPPED;
	}
}

enum frame_verdict frame_binary_read(struct frame_reader *reader, struct frame *ret_frame)
{
	const uint8_t *bytes = &reader->bytes[reader->begin];
	size_t left = reader->end - reader->begin, size, meta;
	struct head head;

	if (left < sizeof(head))
		return FRAME_PARTIAL;
	memcpy(&head, bytes, sizeof(head));
	size = le32toh(head.size);
	meta = le16toh(head.meta);
	if (head.kind == 0)
		return FRAME_BAD_KIND;
	if (size > reader->longest_frame - sizeof(head))
		return FRAME_TOO_LONG;
	if (meta > size)
		return FRAME_BAD_META;
	if (left - sizeof(head) < size)
		return FRAME_PARTIAL;
	reader->begin += sizeof(head) + size;
	*ret_frame = (struct frame){
		.kind = head.kind,
		.more = head.kind == FRAME_ANSWER && (head.flags & FLAG_MORE) != 0,
		.id = le64toh(head.id),
		.data = &bytes[sizeof(head) + meta],
		.size = size - meta,
	};
	return judge_frame(reader, &head, ret_frame);
}
