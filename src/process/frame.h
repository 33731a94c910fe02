/* "dgram 1", what dgramd and a child say to each other on a byte stream, in one of two forms: see
 * dgram-1(7). All of it works in memory of the caller. Thread: any; a reader is its owner's. */
#ifndef PROCESS_FRAME_H
#define PROCESS_FRAME_H

#include "base/addr.h"

enum frame_form {
	FRAME_TEXT,
	FRAME_BINARY,
};

/* A binary frame has these numbers. */
enum frame_kind {
	FRAME_HELLO, /* the line that a child begins with */
	FRAME_QUESTION,
	FRAME_ANSWER,
	FRAME_NO_REPLY,
	FRAME_ERROR,
	FRAME_WELCOME, /* what answers the hello */
};

/* What a child says. */
struct frame {
	enum frame_kind kind; /* HELLO, ANSWER, NO_REPLY or ERROR */
	bool more;	      /* further answers to this request follow */
	uint64_t id;	      /* of a request, or of none */
	const uint8_t *data;  /* the reply, or the reason of the error: any bytes */
	size_t size;
};

enum frame_verdict {
	FRAME_WHOLE,
	FRAME_PARTIAL, /* the rest may come */
	FRAME_SKIPPED, /* a kind of later versions; frame_reader_next() never returns it */
	/* Bad frames: what follows one cannot be trusted. */
	FRAME_BAD_HELLO,
	FRAME_BAD_FORM,
	FRAME_BAD_KIND,
	FRAME_BAD_ID,
	FRAME_BAD_ESCAPE,
	FRAME_BAD_META,
	FRAME_NO_DATA,
	FRAME_TOO_LONG,
	FRAME_REPLY_TOO_LONG,
};

/* What is wrong with a bad frame. */
const char *frame_explain(enum frame_verdict verdict);

/* What a child is asked. */
struct frame_question {
	uint64_t id;
	const union addr *client, *local;
	uint64_t arrival_ns, deadline_ns; /* CLOCK_REALTIME; 0: no deadline */
	const uint8_t *data;
	size_t size;
};

/* Room for all of a binary question but its data, and for a welcome. */
#define FRAME_HEAD_MAX 256

/* Room for a question of `size` bytes as text. */
#define FRAME_TEXT_MAX(size) (FRAME_HEAD_MAX + (size_t)5 * (size))

/* What stands before the question's data on the stream. Returns its length. */
size_t frame_binary_ask(const struct frame_question *question, uint8_t head[static FRAME_HEAD_MAX]);

/* The whole question. Returns its length. */
size_t frame_text_ask(const struct frame_question *question, uint8_t *text);

/* The answer to the hello: as text H, 1, and these as the fields of a line, as binary a frame whose meta has them
 * without the H. `window` is how many requests wait there at most. Returns its length. */
size_t frame_welcome(enum frame_form form, const char *service, size_t longest_reply,
	unsigned window, uint8_t frame[static FRAME_HEAD_MAX]);

/* Takes what a child says as it comes. */
struct frame_reader {
	enum frame_form form;
	bool greeted;
	size_t longest_reply, longest_frame;
	uint8_t *bytes;
	size_t size;
	size_t begin, end; /* of what is not read yet */
	size_t searched;   /* no line ends in so many bytes from `begin` */
};

/* How large its buffer must be: the longest frame that is good. */
size_t frame_reader_room(enum frame_form form, size_t longest_reply);

/* Before the hello. `bytes` are lent. */
void frame_reader_init(struct frame_reader *reader, enum frame_form form, size_t longest_reply,
	uint8_t *bytes, size_t size);

/* Where more of the stream goes: at least a byte after FRAME_PARTIAL. The data of frames are gone. */
uint8_t *frame_reader_space(struct frame_reader *reader, size_t *ret_size);

/* So much of it came there. */
void frame_reader_add(struct frame_reader *reader, size_t size);

/* The next frame. A bad one is the last. */
enum frame_verdict frame_reader_next(struct frame_reader *reader, struct frame *ret_frame);

/* After FRAME_PARTIAL: is there no part of a frame, either? */
static inline bool frame_reader_is_empty(const struct frame_reader *reader)
{
	return reader->begin == reader->end;
}

/* For frame.c: the next frame after the hello. */
enum frame_verdict frame_text_read(struct frame_reader *reader, struct frame *ret_frame);
enum frame_verdict frame_binary_read(struct frame_reader *reader, struct frame *ret_frame);

#define FRAME_BINARY_BYTES 16 /* what each binary frame begins with */

/* Writes these; so many bytes of meta and `size` bytes of data follow. */
void frame_binary_head(enum frame_kind kind, uint64_t id, size_t meta, size_t size,
	uint8_t head[static FRAME_BINARY_BYTES]);

/* Takes a line; its length is without its end. */
enum frame_verdict frame_reader_line(
	struct frame_reader *reader, uint8_t **ret_line, size_t *ret_length);

#endif
