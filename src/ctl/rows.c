#include "ctl/rows.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ctl/json.h"
#include "ctl/show.h"

const char *const rows_titles[ROWS_COLUMNS] = { "THREAD", "STATE", "SERVICE", "FOR", "PER_S",
	"REQUESTS", "ERRORS", "BUSY", "P50", "P99" };

/* The same thread, as it was; NULL: it was not there. */
static const cJSON *find_before(const cJSON *before, double number)
{
	const cJSON *worker;

	cJSON_ArrayForEach(worker, cJSON_GetObjectItem(before, "workers"))
	{
		if (json_number_of(worker, "number") == number)
			return worker;
	}
	return NULL;
}

static double growth(const cJSON *before, const cJSON *now, const char *key)
{
	double more = json_number_of(now, key) - json_number_of(before, key);

	return before != NULL && more > 0 ? more : 0;
}

static void fill_row(struct row *row, const cJSON *before, const cJSON *now, double seconds)
{
	double busy = growth(before, now, "busy_us") / 1e6 / seconds;

	row->value[ROWS_THREAD] = json_number_of(now, "number");
	row->value[ROWS_FOR] = json_number_of(now, "busy_for_us");
	row->value[ROWS_RATE] = growth(before, now, "requests") / seconds;
	row->value[ROWS_REQUESTS] = json_number_of(now, "requests");
	row->value[ROWS_ERRORS] = json_number_of(now, "errors");
	row->value[ROWS_BUSY] = busy < 1 ? busy : 1;
	row->value[ROWS_P50] = json_number_of(now, "service_p50_us");
	row->value[ROWS_P99] = json_number_of(now, "service_p99_us");
	(void)snprintf(row->text[ROWS_THREAD], 32, "%s", json_text_of(now, "thread"));
	(void)snprintf(row->text[ROWS_STATE], 32, "%s", json_text_of(now, "state"));
	(void)snprintf(row->text[ROWS_SERVICE], 32, "%s", json_text_of(now, "service"));
	(void)snprintf(row->text[ROWS_FOR], 32, "-");
	if (row->value[ROWS_FOR] > 0)
		(void)show_duration(row->value[ROWS_FOR], row->text[ROWS_FOR]);
}

struct row *rows_make(const cJSON *before, const cJSON *now, double seconds, size_t *ret_count)
{
	const cJSON *workers = cJSON_GetObjectItem(now, "workers"), *worker;
	int count = cJSON_GetArraySize(workers);
	struct row *rows = count > 0 ? calloc((size_t)count, sizeof(*rows)) : NULL;
	size_t filled = 0;

	*ret_count = rows != NULL ? (size_t)count : 0;
	if (rows == NULL)
		return NULL;
	cJSON_ArrayForEach(worker, workers)
	{
		fill_row(&rows[filled++], find_before(before, json_number_of(worker, "number")),
			worker, seconds);
	}
	return rows;
}

struct row_order {
	enum rows_column by;
	bool reversed;
};

/* Equals stand by their threads. */
static int compare_rows(const void *a, const void *b, void *context)
{
	const struct row *left = a, *right = b;
	const struct row_order *order = context;
	double l = left->value[order->by], r = right->value[order->by];
	int result;

	if (order->by == ROWS_STATE || order->by == ROWS_SERVICE)
		result = strcmp(left->text[order->by], right->text[order->by]);
	else if (order->by == ROWS_THREAD)
		result = (l > r) - (l < r);
	else
		result = (l < r) - (l > r);
	if (order->reversed)
		result = -result;
	if (result != 0)
		return result;
	return (left->value[ROWS_THREAD] > right->value[ROWS_THREAD]) -
	       (left->value[ROWS_THREAD] < right->value[ROWS_THREAD]);
}

void rows_sort(struct row *rows, size_t count, enum rows_column by, bool reversed)
{
	struct row_order order = { by, reversed };

	if (count > 0)
		qsort_r(rows, count, sizeof(*rows), compare_rows, &order);
}
