/* A child's end of the stream, played by a text. */
#ifndef FRAME_SUPPORT_H
#define FRAME_SUPPORT_H

#include <arpa/inet.h>
#include <string.h>

#include "process/frame.h"

#define LONGEST 100
#define ROOM 1524 /* of a text reader for such replies */

struct stream {
	struct frame_reader reader;
	struct frame frame;
	uint8_t bytes[ROOM];
};

static inline void stream_init(struct stream *stream, enum frame_form form)
{
	size_t room = frame_reader_room(form, LONGEST);

	assert_true(room <= ROOM);
	frame_reader_init(&stream->reader, form, LONGEST, stream->bytes, room);
}

static inline void stream_add(struct stream *stream, const char *bytes, size_t count)
{
	size_t space;
	uint8_t *to = frame_reader_space(&stream->reader, &space);

	assert_true(count <= space);
	memcpy(to, bytes, count);
	frame_reader_add(&stream->reader, count);
}

static inline enum frame_verdict stream_next(struct stream *stream)
{
	return frame_reader_next(&stream->reader, &stream->frame);
}

/* The first frame of a child that says this. */
static inline enum frame_verdict stream_open(
	struct stream *stream, enum frame_form form, const char *said)
{
	stream_init(stream, form);
	stream_add(stream, said, strlen(said));
	return stream_next(stream);
}

static inline void must_say(enum frame_verdict verdict, enum frame_verdict expected)
{
	assert_int_equal(verdict, expected);
}

static inline void must_be(const void *bytes, size_t size, const char *expected, size_t length)
{
	assert_int_equal(size, length);
	assert_memory_equal(bytes, expected, size);
}

static inline union addr address_of(const char *text, uint16_t port)
{
	union addr addr;

	assert_int_equal(addr_parse(text, port, &addr), 0);
	return addr;
}

#endif
