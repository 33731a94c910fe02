#include "guard/turns.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

static size_t lines_of(size_t count)
{
	return (count + TURNS_LINE - 1) / TURNS_LINE;
}

/* Every number `step` of these. */
static int add_level(struct turns *turns, const uint64_t *numbers, size_t count, size_t step)
{
	size_t room = lines_of(count) * TURNS_LINE;
	uint64_t *level = aligned_alloc(TURNS_LINE * sizeof(*level), room * sizeof(*level));

	if (level == NULL)
		return -ENOMEM;
	for (size_t i = 0; i < room; i++)
		level[i] = i < count ? numbers[i * step] : UINT64_MAX;
	turns->levels[turns->depth] = level;
	turns->counts[turns->depth++] = count;
	return 0;
}

int turns_init(struct turns *turns, const uint64_t *numbers, size_t count)
{
	int error = 0;

	*turns = (struct turns){ .depth = 0 };
	if (count > 0)
		error = add_level(turns, numbers, count, 1);
	while (error == 0 && turns->depth > 0 && turns->counts[turns->depth - 1] > TURNS_LINE) {
		assert(turns->depth < TURNS_LEVELS);
		error = add_level(turns, turns->levels[turns->depth - 1],
			lines_of(turns->counts[turns->depth - 1]), TURNS_LINE);
	}
	if (error < 0)
		turns_destroy(turns);
	return error;
}

void turns_destroy(struct turns *turns)
{
	for (unsigned i = 0; i < turns->depth; i++)
		free(turns->levels[i]);
	turns->depth = 0;
}

size_t turns_bytes(const struct turns *turns)
{
	size_t bytes = 0;

	for (unsigned i = 0; i < turns->depth; i++)
		bytes += lines_of(turns->counts[i]) * TURNS_LINE * sizeof(*turns->levels[i]);
	return bytes;
}

/* All of a line are compared, without a loop, because a processor guesses half of the branches of a binary search
 * wrong. */
static size_t count_in(const uint64_t line[static TURNS_LINE], uint64_t number)
{
	return (size_t)(line[0] <= number) + (line[1] <= number) + (line[2] <= number) +
	       (line[3] <= number) + (line[4] <= number) + (line[5] <= number) +
	       (line[6] <= number) + (line[7] <= number);
}

/* A line that is not full ends with the greatest number. */
size_t turns_up_to(const struct turns *turns, uint64_t number)
{
	size_t found = 1;

	if (turns->depth == 0 || number == UINT64_MAX)
		return turns->depth > 0 ? turns->counts[0] : 0;
	for (unsigned i = turns->depth; i-- > 0 && found > 0;) {
		size_t begin = (found - 1) * TURNS_LINE;

		found = begin + count_in(turns->levels[i] + begin, number);
	}
	return found;
}
