/* What a child says in lines of text; and what it is asked so: each byte comes back. */
/* parses: process/frame process/frame_text */
#include "frame_input.h"

/* The data, which stand behind the last tab, as an answer. */
static void check_question(const struct input *input)
{
	static const char before[] = "dgram 1 text\nA\t1\t";
	size_t room = sizeof(before) + frame_reader_room(FRAME_TEXT, input->left), length, space;
	uint8_t *text = malloc(FRAME_TEXT_MAX(input->left)), *bytes = malloc(room), *to;
	union addr addr;
	const struct frame_question question = question_of(input, &addr);
	struct frame_reader reader;
	struct frame frame;
	const uint8_t *escaped;

	assert(text != NULL && bytes != NULL);
	length = frame_text_ask(&question, text);
	must(length <= FRAME_TEXT_MAX(input->left) && text[length - 1] == '\n');
	escaped = (const uint8_t *)memrchr(text, '\t', length) + 1;
	length -= (size_t)(escaped - text);
	frame_reader_init(&reader, FRAME_TEXT, input->left, bytes, room);
	to = frame_reader_space(&reader, &space);
	memcpy(to, before, strlen(before));
	memcpy(&to[strlen(before)], escaped, length);
	frame_reader_add(&reader, strlen(before) + length);
	must(frame_reader_next(&reader, &frame) == FRAME_WHOLE);
	must(frame_reader_next(&reader, &frame) == FRAME_WHOLE);
	must(frame.size == input->left && memcmp(frame.data, input->at, frame.size) == 0);
	free(text);
	free(bytes);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct input input = { data, size };

	check_stream(input, FRAME_TEXT);
	check_question(&input);
	check_welcome(FRAME_TEXT);
	return 0;
}
