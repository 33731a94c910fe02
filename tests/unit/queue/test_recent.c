/* Which of the datagrams that came last is drawn. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdlib.h>

#include "queue/recent.h"

#define COUNT 16u
#define DRAWS 16000u

static struct datagram *datagrams[3 * COUNT];

static void add(struct recent *recent, unsigned from, unsigned count)
{
	for (unsigned i = from; i < from + count; i++) {
		datagrams[i]->arrived_ns = i;
		recent_add(recent, datagrams[i]);
	}
}

/* Those from `from` up to `end` are drawn, each about as often, and no others. */
static void must_draw(struct recent *recent, unsigned from, unsigned end)
{
	unsigned drawn[3 * COUNT] = { 0 }, failed = 0;

	for (unsigned i = 0; i < DRAWS; i++) {
		const struct datagram *datagram = recent_draw(recent, from);

		if (datagram != NULL)
			drawn[datagram->arrived_ns]++;
		else
			failed++;
	}
	assert_true(failed < DRAWS / 100);
	for (unsigned i = 0; i < 3 * COUNT; i++) {
		unsigned mean = DRAWS / (end - from);

		if (i >= from && i < end) /* a deviation is at most the root of 4,000 draws, 63 */
			assert_in_range(drawn[i], mean - 10 * 63, mean + 10 * 63);
		else
			assert_int_equal(drawn[i], 0);
	}
}

static void each_is_as_likely(void **state)
{
	struct recent recent;

	(void)state;
	assert_int_equal(recent_init(&recent, COUNT), 0);
	assert_null(recent_draw(&recent, 0));
	add(&recent, 0, 8);
	must_draw(&recent, 0, 8);
	must_draw(&recent, 4, 8); /* the others are too old */
	add(&recent, 8, COUNT);
	must_draw(&recent, 8, 8 + COUNT);
	recent_free(&recent);
}

static void what_waits_no_more_is_not_drawn(void **state)
{
	struct recent recent;

	(void)state;
	assert_int_equal(recent_init(&recent, COUNT), 0);
	add(&recent, 0, COUNT);
	for (unsigned i = 0; i < COUNT / 2; i++)
		recent_remove(&recent, datagrams[i]);
	must_draw(&recent, COUNT / 2, COUNT);
	for (unsigned i = COUNT / 2; i < COUNT; i++)
		recent_remove(&recent, datagrams[i]);
	assert_null(recent_draw(&recent, 0));
	recent_free(&recent);
}

/* One that was overtaken by as many as are remembered is not drawn, and takes no other's place with it. */
static void older_ones_are_forgotten(void **state)
{
	struct recent recent;

	(void)state;
	assert_int_equal(recent_init(&recent, COUNT), 0);
	add(&recent, 0, COUNT + 1);
	recent_remove(&recent, datagrams[0]);
	must_draw(&recent, 1, COUNT + 1);
	recent_free(&recent);
}

static int make_datagrams(void **state)
{
	(void)state;
	for (unsigned i = 0; i < 3 * COUNT; i++)
		datagrams[i] = calloc(1, sizeof(*datagrams[i]));
	return datagrams[3 * COUNT - 1] == NULL;
}

static int free_datagrams(void **state)
{
	(void)state;
	for (unsigned i = 0; i < 3 * COUNT; i++)
		free(datagrams[i]);
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_is_as_likely),
		cmocka_unit_test(what_waits_no_more_is_not_drawn),
		cmocka_unit_test(older_ones_are_forgotten),
	};

	return cmocka_run_group_tests(tests, make_datagrams, free_datagrams);
}
