/* A fuzzer's bytes, taken from the front: behind their end there are zeros. */
#ifndef FUZZ_INPUT_H
#define FUZZ_INPUT_H

#include <assert.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct input {
	const uint8_t *at;
	size_t left;
};

static inline void input_fill(struct input *input, void *to, size_t size)
{
	size_t count = size < input->left ? size : input->left;

	memset(to, 0, size);
	if (count > 0)
		memcpy(to, input->at, count);
	input->at += count;
	input->left -= count;
}

static inline uint8_t input_byte(struct input *input)
{
	uint8_t byte;

	input_fill(input, &byte, sizeof(byte));
	return byte;
}

static inline uint16_t input_short(struct input *input)
{
	uint16_t number;

	input_fill(input, &number, sizeof(number));
	return number;
}

/* The next line, or what stands before a NUL, in memory of its own to the byte; to be freed. NULL: there is none. */
static inline char *input_line(struct input *input)
{
	size_t length = 0, taken;
	char *line;

	if (input->left == 0)
		return NULL;
	while (length < input->left && input->at[length] != '\n' && input->at[length] != '\0')
		length++;
	line = strndup((const char *)input->at, length);
	assert(line != NULL);
	taken = length < input->left ? length + 1 : length;
	input->at += taken;
	input->left -= taken;
	return line;
}

#define must(condition) ((condition) ? (void)0 : abort())

#endif
