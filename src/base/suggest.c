#include "base/suggest.h"

#include <string.h>

#define WORD_MAX 48

static char lower(char c)
{
	return c >= 'A' && c <= 'Z' ? (char)(c | 0x20) : c;
}

static size_t smaller(size_t a, size_t b)
{
	return a < b ? a : b;
}

/* The optimal string alignment distance: letters to insert, delete, replace, or swap with their
 * neighbour. Case does not count. */
static size_t distance(const char *a, size_t a_length, const char *b, size_t b_length)
{
	size_t rows[3][WORD_MAX + 1]; /* this row and the two before it */

	for (size_t j = 0; j <= b_length; j++)
		rows[0][j] = j;
	for (size_t i = 1; i <= a_length; i++) {
		size_t *row = rows[i % 3], *above = rows[(i + 2) % 3], *above2 = rows[(i + 1) % 3];

		row[0] = i;
		for (size_t j = 1; j <= b_length; j++) {
			bool same = lower(a[i - 1]) == lower(b[j - 1]);

			row[j] = smaller(above[j - 1] + !same, smaller(above[j], row[j - 1]) + 1);
			if (i > 1 && j > 1 && lower(a[i - 1]) == lower(b[j - 2]) &&
				lower(a[i - 2]) == lower(b[j - 1]))
				row[j] = smaller(row[j], above2[j - 2] + 1);
		}
	}
	return rows[a_length % 3][b_length];
}

void suggest_offer(struct suggestion *suggestion, const char *word)
{
	size_t written_length = strnlen(suggestion->written, WORD_MAX + 1);
	size_t word_length = strnlen(word, WORD_MAX + 1);
	size_t d;

	if (written_length > WORD_MAX || word_length > WORD_MAX)
		return;
	d = distance(suggestion->written, written_length, word, word_length);
	/* At most a third of the letters may be wrong: with more, short words are all alike. */
	if (d > (word_length + 1) / 3 || (suggestion->best && d >= suggestion->distance))
		return;
	suggestion->best = word;
	suggestion->distance = d;
}
