#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <string.h>

#include "core/slab.h"

static void take(struct slab *slab, unsigned count, struct datagram_list *to)
{
	struct datagram *slots[100];

	assert_true(count <= 100);
	slab_take(slab, count, slots);
	for (unsigned i = 0; i < count; i++)
		datagram_list_push(to, slots[i]);
}

static void hands_out_every_slot_once(void **state)
{
	struct datagram_list taken = { 0 };
	struct slab *slab;
	unsigned i = 0;

	(void)state;
	assert_int_equal(slab_new(100, 1000, &slab), 0);
	assert_true(slab_bytes(slab) >= 100 * (1000 + sizeof(struct datagram)));
	take(slab, 100, &taken);
	assert_int_equal(taken.count, 100);
	for (struct datagram *d = taken.first; d != NULL; d = d->next)
		memset(d->data, (int)i++, 1000);
	i = 0;
	for (struct datagram *d = taken.first; d != NULL; d = d->next, i++)
		for (unsigned byte = 0; byte < 1000; byte++)
			assert_int_equal(d->data[byte], (unsigned char)i);
	slab_give(slab, &taken);
	assert_int_equal(taken.count, 0);
	slab_free(slab);
}

/* So few slots are ever touched. */
static void last_in_first_out(void **state)
{
	struct datagram_list first = { 0 }, second = { 0 };
	struct datagram *last;
	struct slab *slab;

	(void)state;
	assert_int_equal(slab_new(1000, 10, &slab), 0);
	for (unsigned i = 0; i < 1000; i++) {
		take(slab, 1, &first);
		last = first.first;
		slab_give(slab, &first);
		take(slab, 1, &second);
		assert_ptr_equal(second.first, last);
		slab_give(slab, &second);
	}
	slab_free(slab);
}

static void grows(void **state)
{
	struct datagram_list taken = { 0 };
	struct slab *slab;
	size_t bytes;

	(void)state;
	assert_int_equal(slab_new(1, 10, &slab), 0);
	take(slab, 1, &taken);
	bytes = slab_bytes(slab);
	assert_int_equal(slab_grow(slab, 9), 0);
	assert_int_equal(slab_bytes(slab), 10 * bytes);
	take(slab, 9, &taken);
	assert_int_equal(taken.count, 10);
	slab_give(slab, &taken);
	slab_free(slab);
}

static void freeing_none_is_fine(void **state)
{
	struct datagram_list none = { 0 };
	struct slab *slab;

	(void)state;
	slab_free(NULL);
	assert_int_equal(slab_new(1, 1, &slab), 0);
	slab_give(slab, &none);
	slab_free(slab);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(hands_out_every_slot_once),
		cmocka_unit_test(last_in_first_out),
		cmocka_unit_test(grows),
		cmocka_unit_test(freeing_none_is_fine),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
