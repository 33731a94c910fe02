/* "Did you mean": of the known words, the nearest to what was written. Thread: any. */
#ifndef BASE_SUGGEST_H
#define BASE_SUGGEST_H

#include <stdbool.h>
#include <stddef.h>

/* The best of the words offered so far. Initially zeroed but for `written`. */
struct suggestion {
	const char *written;
	const char *best; /* NULL: no word is near */
	size_t distance;  /* of `best` */
};

void suggest_offer(struct suggestion *suggestion, const char *word);

#endif
