/* Workers as rows, with what changed between two looks, in an order. */
#ifndef CTL_ROWS_H
#define CTL_ROWS_H

#include <cjson/cJSON.h>
#include <stdbool.h>
#include <stddef.h>

enum rows_column {
	ROWS_THREAD,
	ROWS_STATE,
	ROWS_SERVICE,
	ROWS_FOR,  /* how long it has been in its batch, in us */
	ROWS_RATE, /* requests in a second, as of the time between the looks */
	ROWS_REQUESTS,
	ROWS_ERRORS,
	ROWS_BUSY, /* the share of that time, of 1 */
	ROWS_P50,  /* in us */
	ROWS_P99,
	ROWS_COLUMNS,
};

extern const char *const rows_titles[ROWS_COLUMNS];

struct row {
	char text[ROWS_RATE][32];   /* of the first columns, as people read them */
	double value[ROWS_COLUMNS]; /* by which they are sorted */
};

/* `before` may be NULL; `seconds` lie between. The rows are malloc()ed; NULL: there are none. */
struct row *rows_make(const cJSON *before, const cJSON *now, double seconds, size_t *ret_count);

/* The greatest first, but for texts and threads; or the other way round. */
void rows_sort(struct row *rows, size_t count, enum rows_column by, bool reversed);

#endif
