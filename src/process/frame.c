#include "process/frame.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

/* Besides a reply: kind and id, why there is an error, and fields of later versions. */
#define OTHER_MAX 1024

/* How each hello begins. */
#define GREETING "dgram 1 "

const char *frame_explain(enum frame_verdict verdict)
{
	static const char *const reasons[] = {
		[FRAME_BAD_HELLO] =
			"the first line is neither \"dgram 1 text\" nor \"dgram 1 binary\"",
		[FRAME_BAD_FORM] = "the first line names another form than options.mode",
		[FRAME_BAD_KIND] = "no kind where a frame begins",
		[FRAME_BAD_ID] = "the id of a frame is no number",
		[FRAME_BAD_ESCAPE] = "a backslash without 0 and three octal digits",
		[FRAME_BAD_META] = "the meta of a frame is longer than the frame",
		[FRAME_NO_DATA] = "an answer without a field for its data",
		[FRAME_TOO_LONG] = "a frame is too long",
		[FRAME_REPLY_TOO_LONG] = "a reply is longer than max_reply_bytes",
	};

	assert(verdict >= FRAME_BAD_HELLO && verdict <= FRAME_REPLY_TOO_LONG);
	return reasons[verdict];
}

size_t frame_welcome(enum frame_form form, const char *service, size_t longest_reply,
	unsigned window, uint8_t frame[static FRAME_HEAD_MAX])
{
	const char *layout = form == FRAME_TEXT ? "H\t1\t%s\t%zu\t%u\n" : "1\t%s\t%zu\t%u";
	size_t begin = form == FRAME_TEXT ? 0 : FRAME_BINARY_BYTES;
	int length = snprintf((char *)&frame[begin], FRAME_HEAD_MAX - begin, layout, service,
		longest_reply, window);

	assert(length > 0 && (size_t)length < FRAME_HEAD_MAX - begin);
	if (form == FRAME_BINARY)
		frame_binary_head(FRAME_WELCOME, 0, (size_t)length, 0, frame);
	return begin + (size_t)length;
}

size_t frame_reader_room(enum frame_form form, size_t longest_reply)
{
	return OTHER_MAX + (form == FRAME_TEXT ? 5 * longest_reply : longest_reply);
}

void frame_reader_init(struct frame_reader *reader, enum frame_form form, size_t longest_reply,
	uint8_t *bytes, size_t size)
{
	*reader = (struct frame_reader){
		.form = form,
		.longest_reply = longest_reply,
		.longest_frame = frame_reader_room(form, longest_reply),
		.size = size,
	};
	reader->bytes = bytes;
	assert(size >= reader->longest_frame);
}

uint8_t *frame_reader_space(struct frame_reader *reader, size_t *ret_size)
{
	size_t left = reader->end - reader->begin;

	memmove(reader->bytes, &reader->bytes[reader->begin], left);
	reader->begin = 0;
	reader->end = left;
	*ret_size = reader->size - left;
	return &reader->bytes[left];
}

void frame_reader_add(struct frame_reader *reader, size_t size)
{
	assert(size <= reader->size - reader->end);
	reader->end += size;
}

enum frame_verdict frame_reader_line(
	struct frame_reader *reader, uint8_t **ret_line, size_t *ret_length)
{
	uint8_t *line = &reader->bytes[reader->begin];
	size_t length = reader->end - reader->begin;
	const uint8_t *end = memchr(&line[reader->searched], '\n', length - reader->searched);

	if (end != NULL)
		length = (size_t)(end - line);
	if (length >= reader->longest_frame)
		return FRAME_TOO_LONG;
	if (end == NULL) {
		reader->searched = length;
		return FRAME_PARTIAL;
	}
	reader->begin += length + 1;
	reader->searched = 0;
	*ret_line = line;
	*ret_length = length;
	return FRAME_WHOLE;
}

/* Another line may never end. */
static bool may_be_greeting(const uint8_t *text, size_t length)
{
	size_t known = strlen(GREETING);

	return memcmp(text, GREETING, length < known ? length : known) == 0;
}

/* Words that later versions may add others to. */
static bool begins_with(const uint8_t *text, size_t length, const char *words)
{
	size_t end = strlen(words);

	return length >= end && memcmp(text, words, end) == 0 &&
	       (length == end || text[end] == ' ');
}

static enum frame_verdict read_hello(struct frame_reader *reader, struct frame *ret_frame)
{
	static const char *const forms[] = { GREETING "text", GREETING "binary" };
	enum frame_form other = reader->form == FRAME_TEXT ? FRAME_BINARY : FRAME_TEXT;
	enum frame_verdict verdict;
	uint8_t *line;
	size_t length;

	length = reader->end - reader->begin;
	if (!may_be_greeting(&reader->bytes[reader->begin], length))
		return FRAME_BAD_HELLO;
	verdict = frame_reader_line(reader, &line, &length);
	if (verdict != FRAME_WHOLE)
		return verdict;
	if (begins_with(line, length, forms[other]))
		return FRAME_BAD_FORM;
	if (!begins_with(line, length, forms[reader->form]))
		return FRAME_BAD_HELLO;
	reader->greeted = true;
	*ret_frame = (struct frame){ .kind = FRAME_HELLO };
	return FRAME_WHOLE;
}

enum frame_verdict frame_reader_next(struct frame_reader *reader, struct frame *ret_frame)
{
	enum frame_verdict verdict;

	do {
		if (!reader->greeted)
			verdict = read_hello(reader, ret_frame);
		else if (reader->form == FRAME_TEXT)
			verdict = frame_text_read(reader, ret_frame);
		else
			verdict = frame_binary_read(reader, ret_frame);
	} while (verdict == FRAME_SKIPPED);
	return verdict;
}
