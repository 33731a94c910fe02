#include "process/frame.h"

#include <assert.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

static bool is_plain(uint8_t byte)
{
	return byte >= ' ' && byte <= '~' && byte != '\\';
}

/* Returns the end of what was written. */
static uint8_t *escape(const uint8_t *data, size_t size, uint8_t *to)
{
	for (size_t i = 0; i < size; i++) {
		if (is_plain(data[i])) {
			*to++ = data[i];
			continue;
		}
		*to++ = '\\';
		*to++ = '0';
		*to++ = (uint8_t)('0' + (data[i] >> 6));
		*to++ = (uint8_t)('0' + (data[i] >> 3 & 7));
		*to++ = (uint8_t)('0' + (data[i] & 7));
	}
	return to;
}

size_t frame_text_ask(const struct frame_question *question, uint8_t *text)
{
	char client[ADDR_TEXT_MAX];
	int length = snprintf((char *)text, FRAME_HEAD_MAX, "Q\t%" PRIu64 "\t%s\t", question->id,
		addr_format(question->client, client));
	uint8_t *end;

	assert(length > 0 && length < FRAME_HEAD_MAX - 1);
	end = escape(question->data, question->size, &text[length]);
	*end++ = '\n';
	return (size_t)(end - text);
}

/* Two digits behind this one: at most 0377. */
static bool read_octal(const uint8_t *digits, uint8_t *ret_byte)
{
	if (digits[0] < '0' || digits[0] > '3' || digits[1] < '0' || digits[1] > '7' ||
		digits[2] < '0' || digits[2] > '7')
		return false;
	*ret_byte = (uint8_t)((digits[0] - '0') << 6 | (digits[1] - '0') << 3 | (digits[2] - '0'));
	return true;
}

/* In place. */
static bool unescape(uint8_t *data, size_t *size)
{
	uint8_t *from = memchr(data, '\\', *size), *to = from;
	const uint8_t *end = &data[*size];

	if (from == NULL)
		return true;
	while (from < end) {
		if (*from != '\\') {
			*to++ = *from++;
			continue;
		}
		if (end - from < 5 || from[1] != '0' || !read_octal(&from[2], to))
			return false;
		from += 5;
		to++;
	}
	*size = (size_t)(to - data);
	return true;
}

/* What is left of a line. */
struct fields {
	uint8_t *bytes; /* NULL: nothing, not even an empty field */
	size_t size;
};

static bool take_field(struct fields *fields, uint8_t **ret_field, size_t *ret_size)
{
	uint8_t *tab;

	if (fields->bytes == NULL)
		return false;
	tab = memchr(fields->bytes, '\t', fields->size);
	*ret_field = fields->bytes;
	*ret_size = tab == NULL ? fields->size : (size_t)(tab - fields->bytes);
	fields->bytes = tab == NULL ? NULL : tab + 1;
	fields->size -= tab == NULL ? fields->size : *ret_size + 1;
	return true;
}

static bool take_id(struct fields *fields, uint64_t *ret_id)
{
	uint64_t id = 0;
	uint8_t *digits;
	size_t count;

	if (!take_field(fields, &digits, &count) || count == 0)
		return false;
	for (size_t i = 0; i < count; i++) {
		unsigned digit = (unsigned)digits[i] - '0';

		if (digit > 9 || id > (UINT64_MAX - digit) / 10)
			return false;
		id = id * 10 + digit;
	}
	*ret_id = id;
	return true;
}

/* Words in capital letters, so that later versions may have others. */
static enum frame_verdict take_kind(struct fields *fields, enum frame_kind *ret_kind)
{
	uint8_t *word;
	size_t length;

	if (!take_field(fields, &word, &length))
		return FRAME_BAD_KIND;
	for (size_t i = 0; i < length; i++) {
		if (word[i] < 'A' || word[i] > 'Z')
			return FRAME_BAD_KIND;
	}
	if (length != 1)
		return length == 0 ? FRAME_BAD_KIND : FRAME_SKIPPED;
	*ret_kind = word[0] == 'A' ? FRAME_ANSWER : word[0] == 'N' ? FRAME_NO_REPLY : FRAME_ERROR;
	return strchr("ANE", word[0]) == NULL ? FRAME_SKIPPED : FRAME_WHOLE;
}

/* Of an answer the field behind the id is there, of an error perhaps. */
static enum frame_verdict take_data(
	struct fields *fields, size_t longest_reply, struct frame *frame)
{
	uint8_t *data;

	if (!take_field(fields, &data, &frame->size))
		return frame->kind == FRAME_ANSWER ? FRAME_NO_DATA : FRAME_WHOLE;
	frame->data = data;
	if (!unescape(data, &frame->size))
		return FRAME_BAD_ESCAPE;
	if (frame->kind == FRAME_ANSWER && frame->size > longest_reply)
		return FRAME_REPLY_TOO_LONG;
	return FRAME_WHOLE;
}

enum frame_verdict frame_text_read(struct frame_reader *reader, struct frame *ret_frame)
{
	enum frame_verdict verdict;
	struct fields fields;
	size_t length;
	uint8_t *line;

	verdict = frame_reader_line(reader, &line, &length);
	if (verdict != FRAME_WHOLE)
		return verdict;
	fields = (struct fields){ line, length };
	*ret_frame = (struct frame){ .data = line };
	verdict = take_kind(&fields, &ret_frame->kind);
	if (verdict != FRAME_WHOLE)
		return verdict;
	if (!take_id(&fields, &ret_frame->id))
		return FRAME_BAD_ID;
	if (ret_frame->kind == FRAME_NO_REPLY)
		return FRAME_WHOLE;
	return take_data(&fields, reader->longest_reply, ret_frame);
}
