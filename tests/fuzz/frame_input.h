/* A child's stream in pieces: however they are cut, the frames and the end are the same. */
#ifndef FUZZ_FRAME_INPUT_H
#define FUZZ_FRAME_INPUT_H

#include "input.h"
#include "process/frame.h"

struct listened {
	enum frame_verdict verdict; /* the last one */
	bool empty;
	size_t frames;
	uint64_t sum;
};

static inline void listened_add(struct listened *listened, const struct frame *frame)
{
	uint64_t sum = listened->sum * 31 + (uint64_t)frame->kind * 2 + frame->more;

	must(frame->kind == FRAME_HELLO || frame->kind == FRAME_ANSWER ||
		frame->kind == FRAME_NO_REPLY || frame->kind == FRAME_ERROR);
	must((frame->kind == FRAME_HELLO) == (listened->frames == 0));
	sum = sum * 31 + frame->id;
	for (size_t i = 0; i < frame->size; i++)
		sum = sum * 31 + frame->data[i];
	listened->sum = sum;
	listened->frames++;
}

/* `piece` bytes at a time; 0: all at once, as far as there is space. */
static inline struct listened listen_to(
	struct input input, enum frame_form form, size_t longest, size_t piece)
{
	size_t room = frame_reader_room(form, longest);
	uint8_t *bytes = malloc(room);
	struct listened listened = { .verdict = FRAME_PARTIAL };
	struct frame_reader reader;

	assert(bytes != NULL);
	frame_reader_init(&reader, form, longest, bytes, room);
	while (listened.verdict == FRAME_PARTIAL && input.left > 0) {
		struct frame frame;
		size_t space;
		uint8_t *to = frame_reader_space(&reader, &space);

		must(space > 0);
		space = piece > 0 && piece < space ? piece : space;
		space = input.left < space ? input.left : space;
		input_fill(&input, to, space);
		frame_reader_add(&reader, space);
		while ((listened.verdict = frame_reader_next(&reader, &frame)) == FRAME_WHOLE) {
			must(frame.kind != FRAME_ANSWER || frame.size <= longest);
			listened_add(&listened, &frame);
		}
	}
	listened.empty = frame_reader_is_empty(&reader);
	if (listened.verdict != FRAME_PARTIAL)
		must(strlen(frame_explain(listened.verdict)) > 0);
	free(bytes);
	return listened;
}

static inline void check_stream(struct input input, enum frame_form form)
{
	size_t longest = input_byte(&input), piece = input_byte(&input);
	struct listened whole = listen_to(input, form, longest, 0);
	struct listened pieces = listen_to(input, form, longest, piece);

	must(whole.verdict == pieces.verdict);
	must(whole.frames == pieces.frames && whole.sum == pieces.sum);
	must(whole.verdict != FRAME_PARTIAL || whole.empty == pieces.empty);
}

/* A question of what is left. */
static inline struct frame_question question_of(const struct input *input, union addr *addr)
{
	must(addr_parse("fe80::1%1234567", 65535, addr) == 0);
	return (struct frame_question){
		.id = UINT64_MAX,
		.client = addr,
		.local = addr,
		.arrival_ns = UINT64_MAX,
		.deadline_ns = UINT64_MAX,
		.data = input->at,
		.size = input->left,
	};
}

static inline void check_welcome(enum frame_form form)
{
	uint8_t frame[FRAME_HEAD_MAX];
	char name[] = "a-name-of-sixty-four-characters-a-name-of-sixty-four-characters-";
	size_t length = frame_welcome(form, name, SIZE_MAX, UINT32_MAX, frame);

	must(length > sizeof(name) && length < sizeof(frame));
}

#endif
