/* "Did you mean": the distance between what was written and what could be meant. Thread: any. */
#ifndef JSON_SUGGEST_H
#define JSON_SUGGEST_H

#include <stdbool.h>
#include <stddef.h>

/* The best of the words offered so far. Zeroed but for `written` at first. */
struct suggestion {
	const char *written;
	const char *best; /* NULL: none is near */
	size_t distance;  /* of `best` */
};

void suggest_offer(struct suggestion *suggestion, const char *word);

#endif
