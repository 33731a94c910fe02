/* What a child says in binary frames; and the heads of those that it gets. */
/* parses: process/frame process/frame_binary */
#include "frame_input.h"

static void check_question(const struct input *input)
{
	uint8_t head[FRAME_HEAD_MAX];
	union addr addr;
	const struct frame_question question = question_of(input, &addr);
	size_t length = frame_binary_ask(&question, head);

	must(length > 16 && length < sizeof(head));
	must(head[4] == FRAME_QUESTION);
	must((size_t)(head[0] | head[1] << 8 | head[2] << 16) == length - 16 + input->left);
	must((size_t)(head[6] | head[7] << 8) == length - 16);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct input input = { data, size };

	check_stream(input, FRAME_BINARY);
	check_question(&input);
	check_welcome(FRAME_BINARY);
	return 0;
}
